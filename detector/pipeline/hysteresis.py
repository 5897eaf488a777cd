"""A digit beside others of its height is more credible than one alone: the default choice of what to return."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.pipeline.numbers import fitting_pairs
from detector.results.detections import Detections

_BLOCK = 256
"""Digits that are compared with all at a time: bounds the memory however many digits there are."""


@dataclass(frozen=True)
class Thresholds:
    """Scores, 0..1, that a digit needs.

    Attributes:
        seed: to be believed at once.
        linked: to be believed beside a believed digit, of the same height and in one line with it.
        lone: to stay if no believed digit is beside it.
    """

    seed: float = 0.6
    linked: float = 0.55
    lone: float = 0.7

    @property
    def least(self) -> float:
        """No digit with a lower score is ever returned."""
        return min(self.seed, self.linked, self.lone)


def hysteresis_mask(digits: Detections, thresholds: Thresholds) -> NDArray[np.bool]:
    """(N,) which digits to return: hysteresis along lines, as Canny's edges have it (Canny 1986)."""
    if not len(digits):
        return np.zeros(0, bool)
    blocks = [digits.boxes[start : start + _BLOCK] for start in range(0, len(digits), _BLOCK)]
    links = np.concatenate([fitting_pairs(block, digits.boxes) for block in blocks])
    np.fill_diagonal(links, False)
    chosen = digits.scores >= thresholds.seed
    possible = digits.scores >= thresholds.linked
    while True:
        grown = chosen | (possible & links[:, chosen].any(axis=1))
        if (grown == chosen).all():
            break
        chosen = grown
    alone = ~links[:, chosen].any(axis=1)
    return np.asarray(chosen & ~(alone & (digits.scores < thresholds.lone)))
