"""The targets of the windows of a patch.

A target is (rows, columns, 9) float32, one row of 9 for each 32x32 window:

    0  objectness: 1 where a digit is centred in the window at the window's scale, else 0
    1  weight of the objectness loss: 0 in the band between, which is ignored
    2  the digit, 0..9, where channel 3 is 1
    3  1 where the digit is known and learned, else 0
    4  1 where the box is known and learned, else 0
    5..8  distances in px from the window's centre to the digit's left, top, right, bottom edge
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.models.layers import RECEPTIVE_FIELD, STRIDE
from detector.results.detections import FloatArray, IntArray

TARGET_CHANNELS = 9


@dataclass(frozen=True)
class TargetConfig:
    """When a window counts as centred on a digit.

    Attributes:
        longer_side: a digit goes by its longer side instead of its height, since one that is wider than high must
            fit into the window, too.
        positive_heights: digits of these heights (px, in the patch) are positives.
        ignored_heights: outside these a digit is background: it belongs to another level of the pyramid.
        reach_x: greatest distance of the centres as a part of the digit's width.
        reach_y: the same as a part of its height.
        least_reach: px; the reach is never less, so that the grid of windows cannot miss a digit.
        ignored_reach: up to so many times the reach a window is neither positive nor negative.
    """

    longer_side: bool = True
    positive_heights: tuple[float, float] = (15.5, 35.0)
    ignored_heights: tuple[float, float] = (11.0, 50.0)
    reach_x: float = 1 / 4
    reach_y: float = 1 / 6
    least_reach: float = 2.3
    ignored_reach: float = 1.8


def window_targets(
    size: int, boxes: FloatArray, labels: IntArray, config: TargetConfig, field: int = RECEPTIVE_FIELD
) -> FloatArray:
    """Targets of all windows of a square patch.

    Args:
        size: side of the patch, px.
        boxes: (N, 4) xyxy of all digits that may be seen in it, in px of the patch.
        labels: (N,) digits.
        config: when a window counts as centred.
        field: side of a window, px.

    Returns:
        (rows, columns, 9) float32; see the module.
    """
    steps = (size - field) // STRIDE + 1
    target = np.zeros((steps, steps, TARGET_CHANNELS), np.float32)
    target[..., 1] = 1
    if len(boxes) == 0:
        return target
    centres = field / 2 + STRIDE * np.arange(steps, dtype=np.float32)
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    reach_x = np.maximum(width * config.reach_x, config.least_reach)
    reach_y = np.maximum(height * config.reach_y, config.least_reach)
    away_x = np.abs(centres[None, :] - (boxes[:, :1] + boxes[:, 2:3]) / 2) / reach_x[:, None]
    away_y = np.abs(centres[None, :] - (boxes[:, 1:2] + boxes[:, 3:]) / 2) / reach_y[:, None]
    away = np.maximum(away_x[:, None, :], away_y[:, :, None])  # (N, rows, columns), 1 at the reach
    measure = np.maximum(width, height) if config.longer_side else height
    centred = _within(measure, config.positive_heights)[:, None, None] & (away <= 1)
    near = _within(measure, config.ignored_heights)[:, None, None] & (away <= config.ignored_reach)
    nearest = np.where(centred, away, np.inf).argmin(axis=0)
    positive = centred.any(axis=0)
    target[..., 0] = positive
    target[..., 1] = positive | ~near.any(axis=0)
    target[..., 2] = labels[nearest]
    target[..., 3] = target[..., 4] = positive
    own = boxes[nearest]
    target[..., 5] = centres[None, :] - own[..., 0]
    target[..., 6] = centres[:, None] - own[..., 1]
    target[..., 7] = own[..., 2] - centres[None, :]
    target[..., 8] = own[..., 3] - centres[:, None]
    return target


def digit_alone(digit: int) -> FloatArray:
    """(9,) the target of a window that is known to show a digit, but not where its edges are."""
    target = np.zeros(TARGET_CHANNELS, np.float32)
    target[:4] = 1, 1, digit, 1
    return target


def _within(values: FloatArray, limits: tuple[float, float]) -> NDArray[np.bool]:
    return (values >= limits[0]) & (values <= limits[1])
