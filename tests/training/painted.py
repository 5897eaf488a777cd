"""A street where digits are plain rectangles that say in their colour what they are, and who reads it.

So evaluation is tested on real files in the official formats by a detector that really reads the pixels,
and what it finds, and with which score, is up to the one who paints.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.images.decode import decode_image
from detector.pipeline.cascade import CascadeOutput
from detector.pipeline.numbers import group_numbers
from detector.pipeline.score_map import Candidates
from detector.results.detections import Detections, ImageDetections, IntArray
from detector.results.interface import DetectOptions
from tests.training.official_files import write_crops, write_digit_struct

Image = NDArray[np.uint8]

_RED = 255


class Digit(NamedTuple):
    label: int
    x_min: int
    y_min: int
    x_max: int
    y_max: int
    score: float = 0.9


def paint(width: int, height: int, digits: Sequence[Digit]) -> Image:
    """(H, W, 3) uint8 RGB, black but for the digits."""
    image = np.zeros((height, width, 3), np.uint8)
    for digit in digits:
        image[max(digit.y_min, 0) : digit.y_max, max(digit.x_min, 0) : digit.x_max] = _colour(digit)
    return image


def _colour(digit: Digit) -> tuple[int, int, int]:
    """Scores in steps of 0.05; what enlarging blends is hardly ever such a colour."""
    return _RED, 100 + 10 * digit.label, round(200 * digit.score)


class PaintedDigitDetector:
    """Finds painted digits of score 0.5 and more by default.

    Args:
        max_pixels: it sees nothing in larger images.
    """

    def __init__(self, max_pixels: int = 10_000_000) -> None:
        self._max_pixels = max_pixels

    has_gate = False

    def detect(self, image: bytes, options: DetectOptions | None = None) -> ImageDetections:
        pixels = decode_image(image)
        height, width = pixels.shape[:2]
        return self.decide(self.run_networks(pixels, options), width, height, options)

    def run_networks(self, pixels: Image, options: DetectOptions | None = None) -> CascadeOutput:
        height, width = pixels.shape[:2]
        digits = self._find(pixels) if width * height <= self._max_pixels else Detections.empty()
        class_scores = np.zeros((len(digits), 10), np.float32)
        class_scores[np.arange(len(digits)), digits.labels] = digits.scores
        return CascadeOutput(Candidates(digits.boxes, class_scores), None)

    def decide(
        self, output: CascadeOutput, width: int, height: int, options: DetectOptions | None = None
    ) -> ImageDetections:
        options = options or DetectOptions()
        found = output.first
        digits = Detections(found.boxes, found.class_scores.argmax(axis=1).astype(np.int32), found.scores)
        least = 0.5 if options.score_threshold is None else options.score_threshold
        best_first = np.argsort(-digits.scores, kind="stable")
        digits = digits.select(best_first[digits.scores[best_first] >= least][: options.max_detections])
        return ImageDetections(width, height, digits, group_numbers(digits), "painted", "1")

    def classify_crops(self, crops: Image, refine: bool = True) -> IntArray:
        """The FCN alone reads a 9 as a 4."""
        read = self._read(crops)
        return read if refine else np.where(read == 9, 4, read).astype(np.int32)

    @staticmethod
    def _read(crops: Image) -> IntArray:
        return ((crops[:, 16, 16, 1].astype(np.int32) - 100) // 10).astype(np.int32)

    def _find(self, pixels: Image) -> Detections:
        boxes, labels, scores = [], [], []
        colours = np.unique(pixels[pixels[..., 0] == _RED], axis=0)
        green, blue = colours[:, 1], colours[:, 2]
        meant = (green >= 100) & (green <= 190) & (green % 10 == 0) & (blue <= 200) & (blue % 10 == 0)
        for colour in colours[meant]:
            mask = (pixels == colour).all(axis=2).astype(np.uint8)
            for x, y, width, height, _ in cv2.connectedComponentsWithStats(mask)[2][1:]:
                boxes.append([x, y, x + width, y + height])
                labels.append((int(colour[1]) - 100) // 10)
                scores.append(colour[2] / 200)
        return Detections(
            np.array(boxes, np.float32).reshape(-1, 4),
            np.array(labels, np.int32),
            np.array(scores, np.float32),
        )


def write_png(path: Path, image: Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes())


def write_painted_crops(path: Path, painted: Sequence[int], labels: Sequence[int]) -> None:
    """An official `*_32x32.mat` whose crops show `painted` and are labelled `labels`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_crops(path, np.stack([paint(32, 32, [Digit(label, 0, 0, 32, 32)]) for label in painted]), labels)


def write_truth(folder: Path, truths: Sequence[Sequence[Digit]]) -> None:
    """An official `digitStruct.mat` of the images 1.png, 2.png, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    official = {
        f"{i}.png": [(d.label, d.x_min, d.y_min, d.x_max - d.x_min, d.y_max - d.y_min) for d in digits]
        for i, digits in enumerate(truths, start=1)
    }
    write_digit_struct(folder / "digitStruct.mat", official)
