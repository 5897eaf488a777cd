"""A model's networks as files for other programs, that need nothing of this package.

An export is a folder: each network of a model in one format, and all that a program must know in export.json.
"""

import json
from pathlib import Path
from typing import Any

from detector import __version__
from detector.export.single_file import single_file
from detector.models.export_formats import FORMATS, decoding_graph, plain_graph
from detector.models.layers import (
    CHANNELS,
    EDGE_UNIT,
    MAX_LOG_EDGE,
    RECEPTIVE_FIELD,
    REFINER_WINDOW,
    STRIDE,
)
from detector.models.model_files import Manifest, load_model
from detector.models.operating_point import OperatingPoint
from detector.models.tensorflow_backend import networks_of
from detector.pipeline import refiner
from detector.pipeline.fusion import BOX_HEIGHT
from detector.pipeline.gate import GATE_GRID, WINDOWS
from detector.pipeline.options import DetectorConfig
from detector.pipeline.pyramid import STEP
from detector.pipeline.score_map import GRID
from detector.results.errors import ModelError
from detector.system.files import whole_folder, write_whole
from detector.system.json_records import to_json

DESCRIPTION = "export.json"

PIPELINE = "pipeline.py"

PIPELINE_HEADER = f'''# SPDX-License-Identifier: Apache-2.0
#
# Part of digit-detector {__version__}. The licence is that of this file. The networks beside it have the terms of the
# data that they learned from, see "training_data" in export.json.
"""House-number digits in images: the whole pipeline, with the ONNX networks beside this file.

It needs Python 3.11 and `pip install onnxruntime numpy opencv-python-headless`:

    python pipeline.py house.jpg

or, from a program,

    from pathlib import Path

    from pipeline import Pipeline, read_image

    pipeline = Pipeline(Path("digits-onnx"))
    digits, numbers = pipeline(read_image(Path("house.jpg")))

An image is scaled to a pyramid of levels, and the gate says where in each of them a digit may be. There the FCN slides
over it and proposes digits. Proposals of one digit are fused, and the refiner reads each of them once more. Those
that are good enough, alone or in a line, are returned, and the numbers that they spell.

Boxes are xyxy, float32, in pixels of the image as it is displayed, maxima exclusive.
"""'''


def export_model(model_dir: Path, export_format: str, folder: Path) -> list[str]:
    """Write the networks of a model to `folder`, and what they are beside them.

    Args:
        model_dir: the model's folder.
        export_format: one of `FORMATS`.
        folder: a new folder, or an empty one; it has its name when all has been written.

    Returns:
        The names of what was written in `folder`, the networks first.

    Raises:
        ModelError: if the model cannot be used.
        InvalidOptionError: if something is in the folder, or the format's library is not installed.
        OSError: if it cannot be written.
    """
    weights, manifest = load_model(model_dir)
    try:
        fcn, again, gate = networks_of(weights)
    except ValueError as error:
        raise ModelError(f"{model_dir}: {error}") from error
    graphs = {"fcn": decoding_graph(fcn, RECEPTIVE_FIELD, None)}
    if again:
        graphs["refiner"] = decoding_graph(again, REFINER_WINDOW, REFINER_WINDOW)
    if gate:
        graphs["gate"] = plain_graph(gate)
    kind = FORMATS[export_format]
    with whole_folder(folder, "output") as inside:
        paths = {name: f"{name}{kind.suffix}" for name in graphs}
        for name, graph in graphs.items():
            kind.write(graph, inside / paths[name])
        text = json.dumps(describe(manifest, export_format, paths), indent=2, ensure_ascii=False)
        write_whole(inside / DESCRIPTION, f"{text}\n".encode())
        if export_format == "onnx":
            source = single_file("detector.export.onnx_pipeline", PIPELINE_HEADER)
            write_whole(inside / PIPELINE, source.encode())
    return [*paths.values(), DESCRIPTION, *([PIPELINE] if export_format == "onnx" else [])]


_EDGES = ("left", "top", "right", "bottom")

CHANNEL_NAMES = [
    "logit: a digit of this window's scale is centred here",
    *(f"logit: it is a {digit}" for digit in range(10)),
    *(f"log(distance from the window's centre to the digit's {edge} edge / edge_unit_px)" for edge in _EDGES),
]

_LEFT_TO_THE_CALLER = [
    "all of this is in pipeline.py, which lies beside networks in ONNX",
    "the pyramid: the image scaled so that each digit comes to 16-35 px in some level, its edge continued",
    "the refiner's windows: each digit proposed, digit_height_px high in the middle of its window",
    "boxes and scores of FCN and refiner combined: weighted mean of the boxes, weighted geometric mean of the scores",
    "calibration: the combined score becomes a probability, linearly between the calibration's knots",
    "merging: windows that see the same digit, by non-max suppression that does not ask which digit it is",
    "digits weighed by their neighbours (thresholds), and numbers made of digits",
]


def describe(manifest: Manifest, export_format: str, paths: dict[str, str]) -> dict[str, Any]:
    """Return the description of the exported files, for JSON.

    Args:
        manifest: the model's.
        export_format: its name.
        paths: by the network's name, `fcn` and, if the model has them, `refiner` and `gate`.
    """
    networks = {"fcn": _fcn(), "refiner": _refiner(), "gate": _gate()}
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
        "defaults": _defaults(manifest.operating_point),
    }


def _fcn() -> dict[str, Any]:
    return {
        "does": "slides a window over an image: each cell of its outputs is what it says of one window",
        "window_px": RECEPTIVE_FIELD,
        "stride_px": STRIDE,
        "input": _input(f"height >= {RECEPTIVE_FIELD}", f"width >= {RECEPTIVE_FIELD}"),
        "rows": f"(height - {RECEPTIVE_FIELD}) // {STRIDE} + 1, columns likewise",
    }


def _refiner() -> dict[str, Any]:
    side = REFINER_WINDOW
    return {
        "does": "refines each digit proposed: one answer for each window of the batch",
        "window_px": side,
        "input": _input(side, side),
        "rows": "1, columns likewise",
    }


def _gate() -> dict[str, Any]:
    field, stride = GATE_GRID.field, GATE_GRID.stride
    return {
        "does": f"chooses the windows that the fcn reads: each cell answers for {WINDOWS}x{WINDOWS} of its windows",
        "window_px": field,
        "stride_px": stride,
        "input": _input(f"height >= {field}", f"width >= {field}")
        | {"holds": "RGB, 0..255, of half the scale of the level that the fcn is given, its edge continued"},
        "border_px": GATE_GRID.border,
        "rows": f"(height - {field}) // {stride} + 1, columns likewise",
        "output": "score_map alone, of one channel: not negative where a digit may be",
    }


def _input(height: int | str, width: int | str) -> dict[str, Any]:
    return {
        "name": "images",
        "dtype": "uint8",
        "shape": ["batch", height, width, 3],
        "holds": "RGB, 0..255",
    }


def _defaults(operating_point: OperatingPoint) -> dict[str, Any]:
    config = to_json(DetectorConfig(operating_point.thresholds))
    del config["max_pixels"], config["exhaustive"]  # neither means anything without this package
    return {
        **config,
        "pyramid": {"step": STEP, "border_px": GRID.border},
        "box_height_factor": BOX_HEIGHT,
        "refiner": {
            "digit_height_px": refiner.DIGIT_HEIGHT,
            "score_weight": operating_point.score_weight,
            "box_weight": refiner.BOX_WEIGHT,
        },
        "calibration": to_json(operating_point.calibration),
    }
