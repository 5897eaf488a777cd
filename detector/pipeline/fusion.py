"""From candidates to digits: weighted box fusion, class-agnostic suppression, hysteresis along lines."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detector.models.operating_point import Thresholds
from detector.pipeline.neighbours import fitting_pairs, stacking_pairs
from detector.pipeline.options import Settings
from detector.pipeline.score_map import Candidates, concatenate
from detector.results.boxes import BLOCK, clip, iou, non_max_suppression, scale_heights
from detector.results.detections import Detections, FloatArray

_SAME_DIGIT_IOU = 0.5
"""Candidates that overlap a kept one this much are further views of it: their boxes and digits are averaged."""

VIEW_SCORE = 0.5
"""A view counts if its score is at least so much of the kept one's."""

_INSIDE = 0.5
"""A box of which so much lies in a better one is a part of that digit, or the two of them read as one."""

_MOST_CANDIDATES = 5000
"""More are cut to the best: bounds time and memory on pictures that are nothing but texture."""

BOX_HEIGHT = 1.04
"""Factor of boxes' heights: the networks draw them a few percent less high than those they learn from."""

_LEAST_SCORE = 1e-30
"""Lower scores weigh as much: a weight of 0 would have no mean."""


def best_candidates(parts: Sequence[Candidates]) -> Candidates:
    """Return the best candidates of all parts, best first, as many as merging looks at; ties keep their order.

    Merging these gives what merging all would give, so parts may be cut while they come in.
    """
    candidates = concatenate(parts)
    best = np.argsort(-candidates.scores, kind="stable")[:_MOST_CANDIDATES]
    return Candidates(candidates.boxes[best], candidates.class_scores[best])


def fuse_candidates(candidates: Candidates, nms_iou_threshold: float, min_score: float = 0.0) -> Candidates:
    """One candidate for each group of overlapping ones, best score first.

    Class-agnostic suppression on tight boxes: digits of a number hardly overlap, so whatever overlaps is the same
    digit, seen by a neighbouring window or at another scale. Box and digit are averages over those views weighted
    by their scores; the best class's score is the best view's. Views of less than half that score have no say, so
    a candidate is merged the same whatever is known of those below half its score.

    Args:
        candidates: windows' boxes and class scores in one frame.
        nms_iou_threshold: 0..1; of two digits that overlap more only the better one stays.
        min_score: 0..1; weaker candidates are views of others, but no digits themselves.
    """
    views = best_candidates([candidates])
    strong = views.select(views.scores >= min_score)  # the first ones: the best come first
    if not len(strong.boxes):
        return strong
    kept = non_max_suppression(strong.boxes, strong.scores, nms_iou_threshold, _INSIDE)
    blocks = [kept[start : start + BLOCK] for start in range(0, len(kept), BLOCK)]
    averages = np.concatenate([_averages(views, block) for block in blocks])
    classes = averages[:, 4:]
    # A class whose mean is 0 stays at 0, be the best view's score what it may.
    shares = classes / np.maximum(classes.max(axis=1, keepdims=True), _LEAST_SCORE)
    class_scores = shares * views.scores[kept][:, None]
    return Candidates(averages[:, :4].astype(np.float32), class_scores.astype(np.float32))


def select_digits(candidates: Candidates, settings: Settings, width: int, height: int) -> Detections:
    """One detection per digit, and of those the ones to return, best first."""
    possible = candidates.select(candidates.scores >= settings.least_score)
    kept = non_max_suppression(possible.boxes, possible.scores, settings.nms_iou_threshold, _INSIDE)
    boxes, labels, scores = possible.boxes[kept], possible.labels[kept], possible.scores[kept]
    boxes = scale_heights(boxes, BOX_HEIGHT)
    chosen = np.flatnonzero(_within(boxes, settings.returned_heights))
    if settings.thresholds is not None:
        chosen = chosen[hysteresis_mask(boxes[chosen], scores[chosen], settings.thresholds)]
    chosen = chosen[: settings.max_detections]
    return Detections(clip(boxes[chosen], width, height), labels[chosen], scores[chosen])


def _averages(views: Candidates, kept: NDArray[np.intp]) -> NDArray[np.float64]:
    """(K, 14) mean boxes and class scores of the views of each of (K,) kept ones."""
    overlap = iou(views.boxes[kept], views.boxes)
    # A box without area overlaps nothing, but is a view of itself, be its score 0.
    overlap[np.arange(len(kept)), kept] = 1
    credible = views.scores >= VIEW_SCORE * views.scores[kept][:, None]
    group, view = np.nonzero((overlap >= _SAME_DIGIT_IOU) & credible)
    weights = np.maximum(views.scores[view].astype(np.float64), _LEAST_SCORE)[:, None] ** 2
    values = np.concatenate([views.boxes[view], views.class_scores[view]], axis=1)
    starts = np.searchsorted(group, np.arange(len(kept)))
    sums = np.add.reduceat(np.concatenate([weights * values, weights], axis=1), starts)
    return np.asarray(sums[:, :-1] / sums[:, -1:], np.float64)


def hysteresis_mask(boxes: FloatArray, scores: FloatArray, thresholds: Thresholds) -> NDArray[np.bool]:
    """(N,) which digits of (N, 4) xyxy boxes and (N,) scores to return.

    It is hysteresis along lines, as Canny's edges have it (Canny 1986).
    """
    return spread(scores, line_links(boxes), thresholds)


def line_links(boxes: FloatArray) -> NDArray[np.bool]:
    """(N, N) which of (N, 4) xyxy boxes could be neighbours in one number; none is its own."""
    blocks = [boxes[start : start + BLOCK] for start in range(0, len(boxes), BLOCK)]
    links = np.concatenate(
        [
            np.zeros((0, len(boxes)), bool),
            *(fitting_pairs(block, boxes) | stacking_pairs(block, boxes) for block in blocks),
        ]
    )
    np.fill_diagonal(links, False)
    return links


def spread(scores: FloatArray, links: NDArray[np.bool], thresholds: Thresholds) -> NDArray[np.bool]:
    """(N,) which digits to return, from their (N,) scores and (N, N) links."""
    chosen = scores >= thresholds.high
    possible = scores >= thresholds.low
    added = chosen
    while added.any():
        added = possible & ~chosen & links[:, added].any(axis=1)
        chosen = chosen | added
    isolated = ~links[:, chosen].any(axis=1)
    return np.asarray(chosen & ~(isolated & (scores < thresholds.isolated)))


def _within(boxes: FloatArray, heights: tuple[float, float]) -> NDArray[np.bool]:
    low, high = heights
    found = (boxes[:, 3] - boxes[:, 1]).astype(np.float64)
    return np.asarray((found >= low) & (found <= high))
