"""Metrics of detections: precision and recall, COCO's average precision, whole numbers.

A detection hits a true digit if their labels are equal and their IoU is at least a threshold. They choose in
the order of their scores, each takes the true digit that it overlaps most among those still free, and each true
digit is taken once (the matching of PASCAL VOC and COCO).

References:
    Everingham et al., "The PASCAL Visual Object Classes Challenge", 2010; Lin et al., "Microsoft COCO", 2014.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detector.results.boxes import iou
from detector.results.detections import Detections, FloatArray, HouseNumber, IntArray
from training.data.scenes import Scene
from training.evaluation.sequences import TrueNumber

Float64Array = NDArray[np.float64]
BoolArray = NDArray[np.bool]

COCO_IOU_THRESHOLDS = tuple(float(t) for t in np.linspace(0.5, 0.95, 10))
"""0.5, 0.55 .. 0.95: the thresholds over which mAP@[.5:.95] is the mean."""

_COCO_RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True, eq=False)
class Judgement:
    """All detections and all true digits of many images, and their matches at T thresholds.

    Attributes:
        thresholds: T IoU thresholds.
        scores: (N,) float32, of all detections.
        labels: (N,) int32, theirs.
        hits: (T, N) whether the detection hit a true digit.
        truth_labels: (M,) int32, of all true digits.
        truth_heights: (M,) float32, their boxes' heights in pixels.
        found: (T, M) whether the true digit was hit.
    """

    thresholds: tuple[float, ...]
    scores: FloatArray
    labels: IntArray
    hits: BoolArray
    truth_labels: IntArray
    truth_heights: FloatArray
    found: BoolArray


@dataclass(frozen=True)
class PrecisionRecall:
    """Counts at one IoU threshold over all images together (micro), and the ratios; a ratio to nothing is 0.

    Attributes:
        iou_threshold: the threshold.
        hits: detections that hit a true digit, which are as many as true digits found.
        detections: all detections.
        truths: all true digits.
    """

    iou_threshold: float
    hits: int
    detections: int
    truths: int

    @property
    def precision(self) -> float:
        """The fraction of the detections that are right."""
        return self.hits / max(self.detections, 1)

    @property
    def recall(self) -> float:
        """The fraction of the true digits that are found."""
        return self.hits / max(self.truths, 1)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.hits / max(self.detections + self.truths, 1)


@dataclass(frozen=True)
class GroupRecall:
    """Recall of the true digits of one kind, for example of one height.

    Attributes:
        name: which kind, for example "16-24 px".
        truths: how many there are.
        recall: the fraction of them that is found; None if there are none.
    """

    name: str
    truths: int
    recall: float | None


@dataclass(frozen=True, eq=False)
class NumberMarks:
    """The contribution of each of N images to `NumberFigures`: (N,) float64 each, under the same names.

    Attributes:
        accuracy: 0 or 1.
        exact: 0 or 1.
        found: a count.
        spurious: a count.
        truths: how many true numbers the image has.
    """

    accuracy: Float64Array
    exact: Float64Array
    found: Float64Array
    spurious: Float64Array
    truths: Float64Array


@dataclass(frozen=True)
class NumberFigures:
    """Whole numbers, by their digits, wherever in the image they stand.

    Attributes:
        accuracy: fraction of the images whose digits, read left to right by x_min, are all its true digits, read so.
        exact: fraction of the images whose numbers are the true ones, each as often, and no other.
        found: fraction of the true numbers that are among the numbers of their image.
        spurious: mean count per image of numbers beyond the true ones.
    """

    accuracy: float
    exact: float
    found: float
    spurious: float


def match(digits: Detections, scene: Scene, thresholds: Sequence[float]) -> IntArray:
    """(T, N) int32: which of the scene's M true digits each detection hits at each of T thresholds, or -1."""
    free = np.ones((len(thresholds), len(scene.labels)), bool)
    taken = np.full((len(thresholds), len(digits)), -1, np.int32)
    if not free.size:
        return taken
    overlaps = np.where(digits.labels[:, None] == scene.labels, iou(digits.boxes, scene.boxes), -1)
    least = np.array(thresholds)[:, None]
    rows = np.arange(len(thresholds))
    last = len(scene.labels) - 1
    for i in np.argsort(-digits.scores, kind="stable"):
        usable = np.where(free & (overlaps[i] >= least), overlaps[i], -1)
        best = last - usable[:, ::-1].argmax(axis=1)  # of equals the last one, as COCO's own code has it
        hit = usable[rows, best] >= 0
        taken[hit, i] = best[hit]
        free[rows[hit], best[hit]] = False
    return taken


def judge(
    scenes: Sequence[Scene], detections: Sequence[Detections], thresholds: Sequence[float]
) -> Judgement:
    """Match the detections and the true digits of each of one or more images.

    Args:
        scenes: the truth, boxes in the same frame as the detections'.
        detections: one for each scene, in the same order.
        thresholds: IoU thresholds, above 0.
    """
    matches = [match(d, s, thresholds) for d, s in zip(detections, scenes, strict=True)]
    found = [_taken(taken, len(s.labels)) for taken, s in zip(matches, scenes, strict=True)]
    return Judgement(
        thresholds=tuple(thresholds),
        scores=np.concatenate([d.scores for d in detections]),
        labels=np.concatenate([d.labels for d in detections]),
        hits=np.concatenate(matches, axis=1) >= 0,
        truth_labels=np.concatenate([s.labels for s in scenes]),
        truth_heights=np.concatenate([s.boxes[:, 3] - s.boxes[:, 1] for s in scenes]),
        found=np.concatenate(found, axis=1),
    )


def precision_recall(judgement: Judgement) -> tuple[PrecisionRecall, ...]:
    """Precision and recall at each of the judgement's thresholds."""
    return tuple(
        PrecisionRecall(threshold, int(hits.sum()), len(hits), len(judgement.truth_labels))
        for threshold, hits in zip(judgement.thresholds, judgement.hits, strict=True)
    )


def average_precision(judgement: Judgement) -> Float64Array:
    """Compute COCO's average precision: for each threshold and digit the mean precision over 101 recalls from 0 to 1.

    The precision at a recall is the best one at that or any higher recall. Detections beyond the best 100 of
    an image do not count in COCO: whoever calls this leaves them out.

    Returns:
        (T, 10) float64, 0..1; NaN for a digit that does not occur.
    """
    order = np.argsort(-judgement.scores, kind="stable")
    labels, hits = judgement.labels[order], judgement.hits[:, order]
    truths = np.bincount(judgement.truth_labels, minlength=10)
    result = np.full((len(hits), 10), np.nan)
    for digit in np.flatnonzero(truths):
        right = hits[:, labels == digit].cumsum(axis=1)
        precision = right / np.arange(1, right.shape[1] + 1)
        best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        best = np.pad(best, ((0, 0), (0, 1)))  # recalls that are never reached
        for row, recall in enumerate(right / truths[digit]):
            result[row, digit] = best[row, np.searchsorted(recall, _COCO_RECALLS)].mean()
    return result


def recall_by_height(
    judgement: Judgement, edges_px: Sequence[float], threshold: int = 0
) -> list[GroupRecall]:
    """Recall of the true digits below the first edge, between each two (the lower included), and above."""
    names = [f"< {edges_px[0]:g} px"]
    names += [f"{low:g}-{high:g} px" for low, high in pairwise(edges_px)]
    names += [f">= {edges_px[-1]:g} px"]
    return _grouped(names, np.digitize(judgement.truth_heights, edges_px), judgement.found[threshold])


def recall_by_digit(judgement: Judgement, threshold: int = 0) -> list[GroupRecall]:
    """Recall of the true 0s, 1s .. 9s."""
    return _grouped([str(d) for d in range(10)], judgement.truth_labels, judgement.found[threshold])


def read_left_to_right(digits: Detections) -> str:
    """Read all digits of an image by x_min, as if they stood in one line."""
    return "".join(str(digits.labels[i]) for i in np.argsort(digits.boxes[:, 0], kind="stable"))


def sequence_marks(scenes: Sequence[Scene], detections: Sequence[Detections]) -> Float64Array:
    """(N,) 1 for each image whose digits, read left to right by x_min, are the true ones; else 0."""
    pairs = zip(detections, scenes, strict=True)
    return np.array([read_left_to_right(digits) == scene.number for digits, scene in pairs], np.float64)


def sequence_accuracy(scenes: Sequence[Scene], detections: Sequence[Detections]) -> float:
    """Return the mean of `sequence_marks`."""
    return _ratio(sequence_marks(scenes, detections))


def number_figures(marks: NumberMarks) -> NumberFigures:
    """Return the figures of all images together."""
    return NumberFigures(
        accuracy=_ratio(marks.accuracy),
        exact=_ratio(marks.exact),
        found=_ratio(marks.found, marks.truths),
        spurious=_ratio(marks.spurious),
    )


def number_marks(
    scenes: Sequence[Scene],
    detections: Sequence[Detections],
    numbers: Sequence[Sequence[HouseNumber]],
    truths: Sequence[Sequence[TrueNumber]],
) -> NumberMarks:
    """Return each image's marks for whole numbers.

    Args:
        scenes: the true digits.
        detections: one for each scene, in the same order.
        numbers: the numbers that they spell, likewise.
        truths: the true numbers, likewise.
    """
    wanted = [Counter(number.digits for number in image) for image in truths]
    read = [Counter(number.text for number in image) for image in numbers]
    pairs = list(zip(wanted, read, strict=True))
    return NumberMarks(
        accuracy=sequence_marks(scenes, detections),
        exact=np.array([true == found for true, found in pairs], np.float64),
        found=np.array([(true & found).total() for true, found in pairs], np.float64),
        spurious=np.array([(found - true).total() for true, found in pairs], np.float64),
        truths=np.array([true.total() for true in wanted], np.float64),
    )


def _taken(taken: IntArray, truths: int) -> BoolArray:
    """(T, M) which of an image's M true digits the (T, N) matches took."""
    return np.stack([np.isin(np.arange(truths), row) for row in taken])


def _ratio(values: Float64Array, of: Float64Array | None = None) -> float:
    """Return their sum by that of others, by their count if None; a ratio to nothing is 0."""
    whole = len(values) if of is None else of.sum()
    return float(values.sum() / whole) if whole else 0.0


def _grouped(names: Sequence[str], group: NDArray[np.integer], found: BoolArray) -> list[GroupRecall]:
    members = [found[group == i] for i in range(len(names))]
    return [
        GroupRecall(name, len(m), float(m.mean()) if len(m) else None)
        for name, m in zip(names, members, strict=True)
    ]
