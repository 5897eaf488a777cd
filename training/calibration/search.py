"""The search for thresholds: those with the best mean score over all validation sets, whatever the sets' sizes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from detector.models.operating_point import Thresholds
from detector.pipeline.detector import DigitDetector
from detector.pipeline.fusion import line_links, spread
from detector.pipeline.numbers import group_numbers
from detector.results.boxes import clip
from detector.results.detections import Detections
from detector.results.interface import DetectOptions
from training.calibration.observations import ImageOutput, ValidationSet
from training.data.scenes import Scene
from training.evaluation.metrics import PrecisionRecall, match
from training.evaluation.reliability import ScoredDigits
from training.evaluation.sequences import SequenceFigures, TrueNumber, sequence_figures, total

IOU_THRESHOLD = 0.3
LEAST_THRESHOLD = 0.25
"""No lower threshold is tried, in the networks' own scores: of such digits one in a hundred is right."""

_POSSIBLE = DetectOptions(score_threshold=LEAST_THRESHOLD, max_detections=1000)
_WORTHWHILE = 1e-4
"""A smaller rise of the score is chance."""

_COARSE = (0.3, 0.45, 0.6, 0.75, 0.9)
_STEPS = (0.08, 0.03, 0.01)
"""Steps of a threshold, up and down, each taken as long as it helps; the search ends with the smallest."""


@dataclass(frozen=True)
class SetFigures:
    """The figures of one validation set.

    Attributes:
        digits: precision and recall at IoU 0.3.
        sequences: of whole numbers.
        blank_images: images without any digit.
        false_digits: digits found in these.
    """

    digits: PrecisionRecall
    sequences: SequenceFigures
    blank_images: int
    false_digits: int

    @property
    def score(self) -> float:
        """The mean of both F1: maximised, in the mean over the sets."""
        return (self.digits.f1 + self.sequences.f1) / 2


@dataclass(frozen=True)
class _Counts:
    """One image's part of the figures."""

    hits: int
    digits: int
    sequences: SequenceFigures


class ScoredImage:
    """One image with all that may be a digit in it; the counts of a choice among them are worked out once.

    Args:
        scene: the truth, boxes clipped to the image.
        numbers: its true numbers.
        digits: those of `LEAST_THRESHOLD` and more, in the networks' own scores.
    """

    def __init__(self, scene: Scene, numbers: Sequence[TrueNumber], digits: Detections) -> None:
        self.scene, self.digits = scene, digits
        self._numbers = numbers
        self._links = line_links(digits.boxes)
        self._known: dict[bytes, _Counts] = {}

    def counts(self, thresholds: Thresholds) -> _Counts:
        """Return the counts of the digits that these thresholds let through."""
        chosen = spread(self.digits.scores, self._links, thresholds)
        key = chosen.tobytes()
        if key not in self._known:
            self._known[key] = self._count(self.digits.select(chosen))
        return self._known[key]

    def chosen(self, thresholds: Thresholds) -> Detections:
        """Return the digits that these thresholds let through."""
        return self.digits.select(spread(self.digits.scores, self._links, thresholds))

    def hits(self, digits: Detections) -> NDArray[np.bool]:
        """(N,) which of the digits hit a true one."""
        return np.asarray(match(digits, self.scene, (IOU_THRESHOLD,))[0] >= 0)

    def _count(self, digits: Detections) -> _Counts:
        sequences = sequence_figures([self._numbers], [group_numbers(digits)])
        return _Counts(int(self.hits(digits).sum()), len(digits), sequences)


@dataclass(frozen=True, eq=False)
class ScoredSet:
    """A validation set, scored at one weight of the refiner."""

    name: str
    images: Sequence[ScoredImage]

    def figures(self, thresholds: Thresholds) -> SetFigures:
        """Return the figures at these thresholds, which are in the networks' own scores."""
        counts = [image.counts(thresholds) for image in self.images]
        truths = [len(image.scene.labels) for image in self.images]
        blank = [count.digits for count, digits in zip(counts, truths, strict=True) if not digits]
        hits, found = sum(count.hits for count in counts), sum(count.digits for count in counts)
        return SetFigures(
            digits=PrecisionRecall(IOU_THRESHOLD, hits, found, sum(truths)),
            sequences=total([count.sequences for count in counts]),
            blank_images=len(blank),
            false_digits=sum(blank),
        )

    def scored_digits(self, thresholds: Thresholds | None = None) -> ScoredDigits:
        """Return the digits that these thresholds let through, or all of them, and which hit a true one."""
        chosen = [image.digits if thresholds is None else image.chosen(thresholds) for image in self.images]
        scores = np.concatenate([digits.scores for digits in chosen])
        right = [image.hits(digits) for image, digits in zip(self.images, chosen, strict=True)]
        return ScoredDigits(scores.astype(np.float64), np.concatenate(right))


@dataclass(frozen=True)
class Goal:
    """The measure of a choice of thresholds.

    Attributes:
        floors: the score that each set must reach at the least.
    """

    floors: tuple[float, ...]

    def score(self, sets: Sequence[ScoredSet], thresholds: Thresholds) -> float:
        """Return the mean of the sets' scores, each weighing the same; minus infinity if one is below its floor."""
        scores = [scored.figures(thresholds).score for scored in sets]
        if any(score < floor for score, floor in zip(scores, self.floors, strict=True)):
            return -np.inf
        return float(np.mean(scores))


def scored_set(detector: DigitDetector, data: ValidationSet, outputs: Sequence[ImageOutput]) -> ScoredSet:
    """Return the set as `detector` scores it.

    Args:
        detector: whose networks gave the outputs, without calibration.
        data: the set.
        outputs: one for each scene, in the same order.
    """
    images = []
    for scene, numbers, seen in zip(data.scenes, data.numbers, outputs, strict=True):
        digits = detector.decide(seen.output, seen.width, seen.height, _POSSIBLE).digits
        clipped = replace(scene, boxes=clip(scene.boxes, seen.width, seen.height))
        images.append(ScoredImage(clipped, numbers, digits))
    return ScoredSet(data.name, images)


def choose_thresholds(sets: Sequence[ScoredSet], start: Thresholds, goal: Goal) -> tuple[Thresholds, float]:
    """Find the thresholds with the best score: local search from the best of a coarse grid and `start`."""
    scores = {thresholds: goal.score(sets, thresholds) for thresholds in [start, *_grid()]}
    best = max(scores, key=lambda thresholds: scores[thresholds])
    best_score = scores[best]
    for step in _STEPS:
        improved = True
        while improved:
            improved = False
            for candidate in _neighbours(best, step):
                score = goal.score(sets, candidate)
                if score > best_score + _WORTHWHILE:
                    best, best_score, improved = candidate, score, True
    return best, best_score


def _grid() -> Iterator[Thresholds]:
    """Yield thresholds all over the range; a digit beside others needs no more than one that starts a line."""
    for high, low, isolated in product(_COARSE, repeat=3):
        if low <= high:
            yield Thresholds(high, low, isolated)


def _neighbours(thresholds: Thresholds, step: float) -> Iterator[Thresholds]:
    """Yield every threshold a step down, as it is, or up: all 26 that differ."""
    names = [field.name for field in fields(thresholds)]
    for signs in product((0, -1, 1), repeat=len(names)):
        moved = zip(names, signs, strict=True)
        values = {name: round(getattr(thresholds, name) + sign * step, 4) for name, sign in moved}
        if any(signs) and all(LEAST_THRESHOLD <= value <= 1 for value in values.values()):
            yield Thresholds(**values)
