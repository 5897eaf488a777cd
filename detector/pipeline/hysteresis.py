"""A digit beside others of its height is more credible than one alone: the default choice of what to return."""

import numpy as np
from numpy.typing import NDArray

from detector.models.operating_point import Thresholds
from detector.pipeline.numbers import fitting_pairs
from detector.results.detections import Detections, FloatArray

_BLOCK = 256
"""Digits that are compared with all at a time: bounds the memory however many digits there are."""


def hysteresis_mask(digits: Detections, thresholds: Thresholds) -> NDArray[np.bool]:
    """(N,) which digits to return: hysteresis along lines, as Canny's edges have it (Canny 1986)."""
    return spread(digits.scores, line_links(digits.boxes), thresholds)


def line_links(boxes: FloatArray) -> NDArray[np.bool]:
    """(N, N) which of (N, 4) xyxy boxes could be neighbours in one number; none is its own."""
    blocks = [boxes[start : start + _BLOCK] for start in range(0, len(boxes), _BLOCK)]
    links = np.concatenate(
        [np.zeros((0, len(boxes)), bool), *(fitting_pairs(block, boxes) for block in blocks)]
    )
    np.fill_diagonal(links, False)
    return links


def spread(scores: FloatArray, links: NDArray[np.bool], thresholds: Thresholds) -> NDArray[np.bool]:
    """(N,) which digits to return, from their (N,) scores and (N, N) links."""
    chosen = scores >= thresholds.seed
    possible = scores >= thresholds.linked
    while True:
        grown = chosen | (possible & links[:, chosen].any(axis=1))
        if (grown == chosen).all():
            break
        chosen = grown
    alone = ~links[:, chosen].any(axis=1)
    return np.asarray(chosen & ~(alone & (scores < thresholds.lone)))
