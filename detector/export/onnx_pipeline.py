"""The pipeline around exported ONNX networks: image in, digits and numbers out; with ONNX Runtime, NumPy and OpenCV.

`digit-detector export --format onnx` writes this module and all that it uses of the package as one file.
"""

import json
import sys
from dataclasses import asdict
from math import inf
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from detector.models.backend import Network
from detector.models.operating_point import Calibration, OperatingPoint, Thresholds
from detector.pipeline.cascade import combine, least_proposal, level_groups, planes_to_read, refine
from detector.pipeline.fusion import VIEW_SCORE, best_candidates, fuse_candidates, select_digits
from detector.pipeline.numbers import group_numbers
from detector.pipeline.options import Settings
from detector.pipeline.score_map import GRID, Candidates, decode_hits, logit
from detector.pipeline.tiles import slide
from detector.results.detections import Detections, FloatArray, HouseNumber


class OnnxNetwork(Network):
    """An exported network; any thread may call it.

    Args:
        path: its .onnx file.
    """

    parameter_count = 0  # an .onnx file does not say

    def __init__(self, path: Path) -> None:
        self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def __call__(self, images: NDArray[np.uint8]) -> FloatArray:
        """Return the score map of (B, H, W, 3) uint8 RGB images: (B, H', W', C) float32."""
        return np.asarray(self._session.run(["score_map"], {"images": images})[0], np.float32)


class Pipeline:
    """Finds and reads house-number digits with the networks of a folder that `digit-detector export` wrote.

    Args:
        folder: where `export.json` and the networks are.
    """

    def __init__(self, folder: Path) -> None:
        told = json.loads((folder / "export.json").read_text("utf-8"))
        networks = {name: OnnxNetwork(folder / known["path"]) for name, known in told["networks"].items()}
        self._fcn: Network = networks["fcn"]
        self._refiner: Network | None = networks.get("refiner")
        self._gate: Network | None = networks.get("gate")
        self._defaults = told["defaults"]
        self._point = OperatingPoint(
            self._defaults["refiner"]["score_weight"],
            Calibration(**{name: tuple(knots) for name, knots in self._defaults["calibration"].items()}),
            Thresholds(*(self._defaults["thresholds"][key] for key in ("seed", "linked", "lone"))),
        )

    def __call__(
        self, pixels: NDArray[np.uint8], min_score: float | None = None
    ) -> tuple[Detections, tuple[HouseNumber, ...]]:
        """Return the digits of an image, best score first, and the numbers that they spell, in reading order.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            min_score: return every digit with this score, 0..1, and more; None for the model's own thresholds.
        """
        settings = self._settings(min_score)
        least = least_proposal(settings.least_score, self._point, self._refiner is not None)
        first = self._propose(pixels, settings, least)
        second = None if self._refiner is None else refine(pixels, first.boxes, self._refiner)
        height, width = pixels.shape[:2]
        digits = select_digits(combine(first, second, self._point), settings, width, height)
        return digits, group_numbers(digits)

    def _propose(self, pixels: NDArray[np.uint8], settings: Settings, least: float) -> Candidates:
        """Return the digits that the FCN sees, one candidate for each group of windows, best score first."""
        best = best_candidates([])
        for group in level_groups(pixels, settings, gated=self._gate is not None):
            scales = np.array([level.scale for level, _ in group], np.float64)
            for hits in slide(self._fcn, planes_to_read(self._gate, group), GRID, logit(VIEW_SCORE * least)):
                best = best_candidates([best, decode_hits(hits, scales)])
        return fuse_candidates(best, settings.nms_iou_threshold, least)

    def _settings(self, min_score: float | None) -> Settings:
        thresholds, defaults = self._point.thresholds, self._defaults
        return Settings(
            thresholds=thresholds if min_score is None else None,
            least_score=thresholds.least if min_score is None else min_score,
            nms_iou_threshold=defaults["nms_iou_threshold"],
            max_detections=defaults["max_detections"],
            sought_heights=(defaults["min_digit_height_px"], inf),
            returned_heights=(0.0, inf),
            exhaustive=self._gate is None,
            max_level_pixels=inf,
        )


def read_image(path: Path) -> NDArray[np.uint8]:
    """Return the pixels of an image file as it is displayed: (H, W, 3) uint8 RGB.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if OpenCV cannot decode it.
    """
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError(f"{path} is no image that OpenCV can decode")
    return np.asarray(pixels[..., ::-1], np.uint8)


def to_dict(digits: Detections, numbers: tuple[HouseNumber, ...]) -> dict[str, Any]:
    """Return what was found, for JSON; boxes are xyxy in pixels of the image, maxima exclusive."""
    return {
        "digits": [digit._asdict() for digit in digits],
        "numbers": [asdict(number) for number in numbers],
    }


def main() -> None:
    """Print a line of JSON for each image named on the command line."""
    pipeline = Pipeline(Path(__file__).parent)
    for name in sys.argv[1:]:
        print(json.dumps({"image": name, **to_dict(*pipeline(read_image(Path(name))))}))


if __name__ == "__main__":
    main()
