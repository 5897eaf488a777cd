"""The operating point of a model: what its scores mean, and which scores a digit needs.

It belongs to a model's weights: `digit-detector-train calibrate` chooses it on validation data and writes it into the
manifest. A model without one works at the defaults below, and its scores are the networks' own.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detector.results.detections import FloatArray


@dataclass(frozen=True)
class Thresholds:
    """Scores, 0..1, that a digit needs; in the units of the scores that are returned, so calibrated ones.

    Files call them as version 0.1 did, see `detector.system.json_records`: older and newer programs read both.

    Attributes:
        high: to be accepted at once.
        low: to be accepted beside an accepted digit, of the same height and in one line with it.
        isolated: to stay if no accepted digit is beside it.

    Raises:
        ValueError: if a threshold is outside 0..1.
    """

    high: float = field(default=0.6, metadata={"key": "seed"})
    low: float = field(default=0.55, metadata={"key": "linked"})
    isolated: float = field(default=0.7, metadata={"key": "lone"})

    def __post_init__(self) -> None:
        if not all(0 <= score <= 1 for score in (self.high, self.low, self.isolated)):
            raise ValueError("thresholds must be 0..1")

    @property
    def least(self) -> float:
        """No digit with a lower score is ever returned."""
        return min(self.high, self.low, self.isolated)


@dataclass(frozen=True)
class Calibration:
    """A monotone, piecewise linear map from the networks' scores to probabilities; the default changes nothing.

    It is isotonic regression (Zadrozny and Elkan 2002) reduced to a few knots, so it is strictly monotone: no two
    digits change their order.

    Attributes:
        scores: the knots' scores, ascending from 0 to 1.
        probabilities: how often digits of those scores are right, ascending, 0..1.

    Raises:
        ValueError: if the knots are no such map.
    """

    scores: tuple[float, ...] = (0.0, 1.0)
    probabilities: tuple[float, ...] = (0.0, 1.0)

    def __post_init__(self) -> None:
        if len(self.scores) != len(self.probabilities) or len(self.scores) < 2:
            raise ValueError("a calibration needs two knots or more, each a score and a probability")
        for values in (self.scores, self.probabilities):
            if not (all(0 <= value <= 1 for value in values) and (np.diff(values) > 0).all()):
                raise ValueError("a calibration's knots must ascend within 0..1")
        if (self.scores[0], self.scores[-1]) != (0, 1):
            raise ValueError("a calibration's scores must run from 0 to 1")

    def __call__(self, scores: ArrayLike) -> FloatArray:
        """Return the probabilities, float32, of scores, 0..1, of any shape."""
        return np.asarray(
            np.interp(np.asarray(scores, np.float64), self.scores, self.probabilities), np.float32
        )

    def inverse(self, probabilities: ArrayLike) -> NDArray[np.float64]:
        """Return the scores that have these probabilities, of any shape; 0 or 1 where no score has."""
        return np.asarray(np.interp(np.asarray(probabilities, np.float64), self.probabilities, self.scores))


@dataclass(frozen=True)
class OperatingPoint:
    """How a model's scores become digits.

    Attributes:
        score_weight: of the refiner's scores in the geometric mean with the first's, 0..1.
        calibration: what that mean means.
        thresholds: the probabilities that digits need.

    Raises:
        ValueError: if the weight is outside 0..1.
    """

    score_weight: float = 0.55
    calibration: Calibration = field(default_factory=Calibration)
    thresholds: Thresholds = field(default_factory=Thresholds)

    def __post_init__(self) -> None:
        if not 0 <= self.score_weight < 1:
            raise ValueError("score_weight must be at least 0 and below 1")

    @property
    def is_calibrated(self) -> bool:
        """Return whether scores are probabilities: somebody calibrated them on validation data."""
        return self.calibration != Calibration()
