"""Reliability of scores: the fraction of right digits by score, the calibration error, and the calibration."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from detector.models.operating_point import Calibration

BINS = 10
"""Of equal width, over which scores are compared with the fraction that is right."""

_KNOT_WIDTH = 0.1
"""Of the interval of scores for which there is a knot."""

_LEAST_DIGITS = 10
"""An interval with fewer has no knot."""

_LEAST_STEP = 1e-3
"""Between the probabilities of neighbouring knots: the map is strictly monotone."""

Float64Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ScoredDigits:
    """Digits that were found.

    Attributes:
        scores: (N,) 0..1.
        right: (N,) whether each hits a true digit.
    """

    scores: Float64Array
    right: NDArray[np.bool]

    def __len__(self) -> int:
        return len(self.scores)

    def mapped(self, calibration: Calibration) -> "ScoredDigits":
        """Return the same digits with their probabilities for scores."""
        return ScoredDigits(calibration(self.scores).astype(np.float64), self.right)


def reliability_bins(digits: ScoredDigits) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return the mean score, the fraction that is right, and the count of each non-empty of ten bins of scores."""
    bins = np.clip((digits.scores * BINS).astype(int), 0, BINS - 1)
    count = np.bincount(bins).astype(np.float64)
    there = count > 0
    score, right = (
        np.bincount(bins, values)[there] / count[there] for values in (digits.scores, digits.right)
    )
    return score, right, count[there]


def expected_calibration_error(digits: ScoredDigits) -> float:
    """Return the mean distance, 0..1, between the digits' scores and how often they are right, over ten bins of scores.

    References:
        Naeini et al., "Obtaining Well Calibrated Probabilities Using Bayesian Binning", 2015; Guo et al., "On
        Calibration of Modern Neural Networks", 2017.
    """
    score, right, count = reliability_bins(digits)
    return float(np.abs(score - right) @ count / max(len(digits), 1))


def fit_calibration(sets: Sequence[ScoredDigits]) -> Calibration:
    """Return the map from scores to probabilities that fits all sets together, each weighing the same.

    Isotonic regression (Zadrozny and Elkan, "Transforming Classifier Scores into Accurate Multiclass Probability
    Estimates", 2002), reduced to a knot for each interval of scores: the digits' mean score there and the mean of their
    fitted probabilities. It starts at probability 0 for score 0 and ends at 1 for score 1.

    Args:
        sets: digits with the networks' own scores; empty sets do not count.
    """
    there = [digits for digits in sets if len(digits)]
    if not there:
        return Calibration()
    scores = np.concatenate([digits.scores for digits in there])
    right = np.concatenate([digits.right for digits in there]).astype(np.float64)
    weights = np.concatenate([np.full(len(digits), 1 / len(digits)) for digits in there])
    order = np.argsort(scores, kind="stable")
    scores, right, weights = scores[order], right[order], weights[order]
    fitted = isotonic_regression(right, weights=weights).x
    interval = (scores / _KNOT_WIDTH).astype(int)
    mass = np.bincount(interval, weights)
    enough = np.bincount(interval) >= _LEAST_DIGITS
    return _through(
        *(np.bincount(interval, weights * values)[enough] / mass[enough] for values in (scores, fitted))
    )


def _through(scores: Float64Array, probabilities: Float64Array) -> Calibration:
    """Return the strictly monotone map through these knots, which ascend, from (0, 0) to (1, 1)."""
    knots = np.stack([scores, probabilities])[:, (scores > 0) & (scores < 1)].round(5)
    count = knots.shape[1]
    steps = _LEAST_STEP * np.arange(1, count + 1)
    rising = np.maximum(np.maximum.accumulate(knots[1] - steps) + steps, steps)
    below_one = np.minimum(rising, 1 - steps[::-1]).round(5)
    return Calibration((0.0, *knots[0].tolist(), 1.0), (0.0, *below_one.tolist(), 1.0))
