"""Many windows see the same digit; here they become one box each."""

import numpy as np

from detector import boxes as box_arithmetic
from detector.detections import Detections, FloatArray
from detector.score_map import Candidates

_SAME_DIGIT_IOU = 0.5
"""Candidates that overlap a kept one this much are further views of it: their boxes and digits are averaged."""

_INSIDE = 0.6
"""A box of which so much lies in a better one is a part of that digit, or the two of them read as one."""

_MOST_CANDIDATES = 5000
"""More are cut to the best: bounds time and memory on pictures that are nothing but texture."""


def merge_candidates(candidates: Candidates, nms_iou_threshold: float) -> Detections:
    """One digit for each group of overlapping candidates, best score first.

    Class-agnostic suppression on tight boxes: digits of a number hardly overlap, so whatever overlaps is the same
    digit, seen by a neighbouring window or at another scale. Box and digit are averages over those views weighted
    by their scores; the score is the best view's.

    Args:
        candidates: windows' boxes and class scores in one frame.
        nms_iou_threshold: 0..1; of two digits that overlap more only the better one stays.
    """
    if not len(candidates.boxes):
        return Detections.empty()
    chosen = np.argsort(-candidates.scores, kind="stable")[:_MOST_CANDIDATES]
    boxes, class_scores, scores = (
        candidates.boxes[chosen],
        candidates.class_scores[chosen],
        candidates.scores[chosen],
    )
    kept = box_arithmetic.non_max_suppression(boxes, scores, nms_iou_threshold, _INSIDE)
    overlap = box_arithmetic.iou(boxes[kept], boxes)
    weights = np.where(overlap >= _SAME_DIGIT_IOU, scores**2, 0)
    weights[np.arange(len(kept)), kept] = (
        scores[kept] ** 2
    )  # a box without area overlaps nothing, not even itself
    return Detections(
        boxes=_weighted_mean(weights, boxes),
        labels=(weights @ class_scores).argmax(axis=1).astype(np.int32),
        scores=scores[kept],
    )


def _weighted_mean(weights: FloatArray, values: FloatArray) -> FloatArray:
    total = np.maximum(weights.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return np.asarray((weights @ values) / total, np.float32)
