"""What stands beside exported networks: all that a program must know that runs them without this package."""

from dataclasses import asdict
from typing import Any

from detector import second_look
from detector.digit_detector import BOX_HEIGHT, DetectorConfig
from detector.model_files import Manifest
from detector.pyramid import BORDER, STEP
from detector.score_map import CHANNELS, EDGE_UNIT, FIELD, MAX_LOG_EDGE, STRIDE

_EDGES = ("left", "top", "right", "bottom")

CHANNEL_NAMES = [
    "logit: a digit of this window's scale is centred here",
    *(f"logit: it is a {digit}" for digit in range(10)),
    *(f"log(distance from the window's centre to the digit's {edge} edge / edge_unit_px)" for edge in _EDGES),
]

_LEFT_TO_THE_CALLER = [
    "the pyramid: the image scaled so that each digit comes to 16-35 px in some level, its edge continued",
    "the second look's windows: each digit proposed, digit_height_px high in the middle of its window",
    "boxes and scores of both looks combined: weighted mean of the boxes, weighted geometric mean of the scores",
    "merging: windows that see the same digit, by non-max suppression that does not ask which digit it is",
    "digits weighed by their neighbours (thresholds), and numbers made of digits",
]


def describe(manifest: Manifest, export_format: str, paths: dict[str, str]) -> dict[str, Any]:
    """What the exported files are and mean, for JSON.

    Args:
        manifest: the model's.
        export_format: its name.
        paths: by the network's name, `fcn` and, if the model has it, `second_look`.
    """
    networks = {"fcn": _fcn(), "second_look": _second_look()}
    return {
        "model": {name: getattr(manifest, name) for name in ("name", "version", "sha256", "training_data")},
        "format": export_format,
        "networks": {name: {"path": path, **networks[name]} for name, path in paths.items()},
        "outputs": {
            "score_map": {"dtype": "float32", "shape": ["batch", "rows", "columns", CHANNELS]},
            "boxes": {
                "dtype": "float32",
                "shape": ["batch", "rows", "columns", 4],
                "holds": "x_min, y_min, x_max, y_max in px of the input, maxima exclusive; of every window",
            },
            "class_scores": {
                "dtype": "float32",
                "shape": ["batch", "rows", "columns", 10],
                "holds": "for each digit: that it is centred here and of this window's scale, 0..1",
            },
        },
        "score_map_channels": CHANNEL_NAMES,
        "edge_unit_px": EDGE_UNIT,
        "largest_log_edge": MAX_LOG_EDGE,
        "left_to_the_caller": _LEFT_TO_THE_CALLER,
        "defaults": _defaults(),
    }


def _fcn() -> dict[str, Any]:
    return {
        "does": "slides a window over an image: each cell of its outputs is what it says of one window",
        "window_px": FIELD,
        "stride_px": STRIDE,
        "input": _input(f"height >= {FIELD}", f"width >= {FIELD}"),
        "rows": f"(height - {FIELD}) // {STRIDE} + 1, columns likewise",
    }


def _second_look() -> dict[str, Any]:
    side = second_look.WINDOW
    return {
        "does": "looks again at each digit proposed: one answer for each window of the batch",
        "window_px": side,
        "input": _input(side, side),
        "rows": "1, columns likewise",
    }


def _input(height: int | str, width: int | str) -> dict[str, Any]:
    return {
        "name": "images",
        "dtype": "uint8",
        "shape": ["batch", height, width, 3],
        "holds": "RGB, 0..255",
    }


def _defaults() -> dict[str, Any]:
    config = asdict(DetectorConfig())
    del config["max_pixels"]
    return {
        **config,
        "pyramid": {"step": STEP, "border_px": BORDER},
        "box_height_factor": BOX_HEIGHT,
        "second_look": {
            "digit_height_px": second_look.DIGIT_HEIGHT,
            "score_weight": second_look.SCORE_WEIGHT,
            "box_weight": second_look.BOX_WEIGHT,
        },
    }
