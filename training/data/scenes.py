"""The one type of labelled picture that every reader gives and all of training takes, and the rule on its boxes."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.results.detections import FloatArray, IntArray

Box = tuple[float, float, float, float]
"""xyxy in pixels, max exclusive."""

NUMBERS_FILE = "numbers.csv"
"""Beside labels of one's own: the true numbers, a line each, as image, number, x_min, y_min, x_max, y_max."""

ROUNDING = 1e-6
"""A box may leave its image by this part of the image's side: label files round."""


@dataclass(frozen=True, eq=False)
class Scene:
    """One labelled picture.

    Attributes:
        path: the image file.
        boxes: (N, 4) float32 xyxy in pixels of the image, max exclusive; SVHN's may leave the image.
        labels: (N,) int32, the digits 0..9.
    """

    path: Path
    boxes: FloatArray
    labels: IntArray

    @property
    def number(self) -> str:
        """The digits read from left to right (by x_min)."""
        return "".join(str(self.labels[i]) for i in np.argsort(self.boxes[:, 0], kind="stable"))


def box_defect(box: Box) -> str | None:
    """Why a box is none, wherever it lies; None if it is one."""
    if not all(math.isfinite(edge) for edge in box):
        return "the box is not of finite numbers"
    x_min, y_min, x_max, y_max = box
    if not (x_max > x_min and y_max > y_min):
        return "the box has no area"
    return None


def leaves(box: Box, width: int, height: int) -> bool:
    """Return whether a box reaches out of an image of `width` x `height` pixels by more than rounding."""
    x_room, y_room = ROUNDING * width, ROUNDING * height
    x_min, y_min, x_max, y_max = box
    return x_min < -x_room or y_min < -y_room or x_max > width + x_room or y_max > height + y_room


def clipped(box: Box, width: int, height: int) -> Box:
    """Return the part of a box that is in the image; it has no area if none is."""
    x_min, y_min, x_max, y_max = box
    return (
        min(max(x_min, 0), width),
        min(max(y_min, 0), height),
        max(min(x_max, width), 0),
        max(min(y_max, height), 0),
    )


Image = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """A decoded scene: RGB uint8 (H, W, 3), boxes (N, 4) xyxy px, labels (N,) 0..9."""

    pixels: Image
    boxes: FloatArray
    labels: IntArray
