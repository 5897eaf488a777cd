"""Digits that could be neighbours in one number: side by side, or one below the other."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.results.detections import FloatArray

Float64Array = NDArray[np.float64]
IndexArray = NDArray[np.intp]

Distances = Callable[[Float64Array, Float64Array], Float64Array]
"""Gives the (N, M) distances of (N, 4) and (M, 4) boxes, infinite where they cannot be neighbours."""

_BLOCK_PAIRS = 250_000
"""Pairs of digits that are compared at a time: bounds the memory whatever the number of digits."""


@dataclass(frozen=True)
class LineRule:
    """When two digits may be neighbours in one number; lengths are in units of their mean height.

    Chosen on official boxes of SVHN's train images: of 2,029 images 99.66% give exactly one number, and it is the true
    one read left to right by x_min (99.75% if no gap were compared with the others of its line). Of 600 pairs of such
    numbers side by side 98% are told apart at a gap of 0.7 heights and more, 95% at 0.6.

    Lists were set in 36 open typefaces, two to five numbers of one to four digits, with random errors of 3% of the
    height on every edge: with "; ", ", ", "-", " - " or "/" between them 99% come out as they are, with a mere
    space 91% (before gaps were compared, and with a pitch of 1.2: 82% and 35%). Single numbers of three to five
    digits stay whole in 98%, letter-spaced by up to 0.4 heights. Single digits are told apart by `gap` alone: "8 9"
    is one number where the space is narrow.

    Attributes:
        height_ratio: the taller one is at most this many times as tall; 1.7 lets both err by 25%.
        pitch: their centres are at most this far apart along x: digits as wide as they are high, and the gap.
        gap: at most this much space is between them along x; a '1' is narrow, so its gaps are wide.
        rise: their centres are at most this far apart along y; more is the next line of a stack.
        bend: a digit is at most this far off the straight line through the centres of its two neighbours.
        steps: by how much the spacing of a line of 3, 4, 5 or more digits steps up where a number ends; see
            `detector.pipeline.numbers`. Two digits have no spacing to compare with: for them `gap` alone decides.
        relative_step: the same at the least, in parts of the line's narrower spacing: wide tiles vary more.
    """

    height_ratio: float = 1.7
    pitch: float = 1.65
    gap: float = 0.65
    rise: float = 0.66
    bend: float = 0.45
    steps: tuple[float, ...] = (0.28, 0.17, 0.1)
    relative_step: float = 0.25


RULE = LineRule()


@dataclass(frozen=True)
class StackRule:
    """When two digits may be neighbours in a number painted from top to bottom; lengths in units of their mean height.

    Attributes:
        height_ratio: the taller one is at most this many times as tall.
        shift: their centres are at most this far apart along x.
        gap: at most this much space is between them along y.
        overlap: their boxes overlap by at most this much along y.
    """

    height_ratio: float = 1.4
    shift: float = 0.35
    gap: float = 0.5
    overlap: float = 0.2


STACK_RULE = StackRule()


def fitting_pairs(a: FloatArray, b: FloatArray, rule: LineRule = RULE) -> NDArray[np.bool]:
    """(N, M) whether each of (N, 4) and each of (M, 4) xyxy boxes could be side by side in one number."""
    return np.isfinite(distances_beside(a.astype(np.float64), b.astype(np.float64), rule))


def stacking_pairs(a: FloatArray, b: FloatArray, rule: StackRule = STACK_RULE) -> NDArray[np.bool]:
    """(N, M) whether each of (N, 4) and each of (M, 4) xyxy boxes could be above one another in one number."""
    return np.isfinite(distances_stacked(a.astype(np.float64), b.astype(np.float64), rule))


def next_neighbours(boxes: Float64Array, distances: Distances) -> tuple[IndexArray, Float64Array]:
    """For each of (N, 4) boxes the index of its nearest later one, if that has no nearer earlier one, or -1.

    Returns:
        (N,) the indices, and (N,) the distances to the nearest later box, infinite where none can be a neighbour.
    """
    count = len(boxes)
    to_next, to_last = np.full(count, np.inf), np.full(count, np.inf)
    following, last = np.full(count, -1), np.full(count, -1)
    rows = max(1, _BLOCK_PAIRS // max(count, 1))
    for start in range(0, count, rows):
        block = np.arange(start, min(start + rows, count))
        distance = distances(boxes[block], boxes)
        distance[np.arange(count) <= block[:, None]] = np.inf
        following[block], to_next[block] = distance.argmin(1), distance.min(1)
        nearer = distance.min(0) < to_last
        last[nearer], to_last[nearer] = start + distance.argmin(0)[nearer], distance.min(0)[nearer]
    mutual = np.isfinite(to_next) & (last[following] == np.arange(count))
    following[~mutual] = -1
    return following, to_next


def distances_beside(a: Float64Array, b: Float64Array, rule: LineRule) -> Float64Array:
    """(N, M) distances in mean heights, infinite where they cannot be neighbours."""
    a, b = a[:, None], b[None]
    height_a, height_b = a[..., 3] - a[..., 1], b[..., 3] - b[..., 1]
    low, high = np.minimum(height_a, height_b), np.maximum(height_a, height_b)
    mean = (low + high) / 2
    pitch, rise = (
        np.abs((a[..., axis] + a[..., axis + 2]) - (b[..., axis] + b[..., axis + 2])) / 2 for axis in (0, 1)
    )
    gap = np.maximum(a[..., 0], b[..., 0]) - np.minimum(a[..., 2], b[..., 2])
    fits = (
        (low > 0)
        & (high <= rule.height_ratio * low)
        & (pitch <= rule.pitch * mean)
        & (gap <= rule.gap * mean)
        & (rise <= rule.rise * mean)
    )
    # A neighbour stands beside a digit rather than above it, so what is off the line counts more.
    distance = np.full(fits.shape, np.inf)
    np.divide(np.hypot(pitch, 1.5 * rise), mean, out=distance, where=fits)
    return distance


def distances_stacked(a: Float64Array, b: Float64Array, rule: StackRule) -> Float64Array:
    """(N, M) spaces between boxes along y, in px, infinite where they cannot be above one another."""
    a, b = a[:, None], b[None]
    height_a, height_b = a[..., 3] - a[..., 1], b[..., 3] - b[..., 1]
    low, high = np.minimum(height_a, height_b), np.maximum(height_a, height_b)
    mean = (low + high) / 2
    shift = np.abs(a[..., 0] + a[..., 2] - b[..., 0] - b[..., 2]) / 2
    gap = np.maximum(a[..., 1], b[..., 1]) - np.minimum(a[..., 3], b[..., 3])
    fits = (low > 0) & (high <= rule.height_ratio * low) & (shift <= rule.shift * mean)
    fits &= (gap <= rule.gap * mean) & (gap >= -rule.overlap * mean)
    return np.where(fits, gap, np.inf)
