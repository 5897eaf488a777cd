"""Arithmetic on boxes.

Every box is `xyxy` = (x_min, y_min, x_max, y_max), max exclusive; every array of boxes is (N, 4) float32.
"""

import numpy as np
from numpy.typing import NDArray

from detector.results.detections import FloatArray

BLOCK = 64
"""Boxes that are compared with all others at a time: bounds the memory, and what is compared stays in the cache."""


def areas(boxes: FloatArray) -> FloatArray:
    """(N,) areas of (N, 4) xyxy boxes, in square units of the boxes' frame."""
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), np.float32)


def intersections(a: FloatArray, b: FloatArray) -> FloatArray:
    """(N, M) areas common to each of (N, 4) and each of (M, 4) xyxy boxes."""
    edges_a, edges_b = np.ascontiguousarray(a.T)[:, :, None], np.ascontiguousarray(b.T)
    common = _common(edges_a[::2], edges_b[::2])
    common *= _common(edges_a[1::2], edges_b[1::2])
    return np.asarray(common, np.float32)


def _common(a: FloatArray, b: FloatArray) -> FloatArray:
    """(N, M) lengths common to each of (2, N, 1) and each of (2, M) intervals, computed in place: there are many."""
    lengths = np.asarray(np.minimum(a[1], b[1]), np.float32)
    lengths -= np.maximum(a[0], b[0])
    np.maximum(lengths, 0, out=lengths)
    return lengths


def iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """(N, M) intersection over union, 0..1, of (N, 4) and (M, 4) xyxy boxes; 0 where both have no area."""
    common = intersections(a, b)
    union = areas(a)[:, None] + areas(b)[None, :] - common
    return np.asarray(np.divide(common, union, out=np.zeros_like(common), where=union > 0), np.float32)


def clip(boxes: FloatArray, width: int, height: int) -> FloatArray:
    """(N, 4) xyxy boxes cut to an image of `width` x `height` pixels."""
    return np.asarray(np.clip(boxes, 0, np.array([width, height, width, height], np.float32)), np.float32)


def scale_heights(boxes: FloatArray, factor: float) -> FloatArray:
    """(N, 4) xyxy boxes whose heights are `factor` times as large, their middles where they were."""
    more = (factor - 1) / 2 * (boxes[:, 3] - boxes[:, 1])
    zero = np.zeros_like(more)
    return np.asarray(boxes + np.stack([zero, -more, zero, more], axis=1), np.float32)


def non_max_suppression(
    boxes: FloatArray, scores: FloatArray, iou_threshold: float, inside_threshold: float = 1.0
) -> NDArray[np.intp]:
    """Greedy suppression: the best box stays, all that overlap it too much go, and so on with the next.

    Args:
        boxes: (N, 4) xyxy.
        scores: (N,).
        iou_threshold: a box goes if its IoU with a better one is above this.
        inside_threshold: it also goes if more than this part of the smaller of the two lies in the other.

    Returns:
        (K,) indices of the boxes that stay, best first; ties keep the order of the input.
    """
    order = np.argsort(-scores, kind="stable")
    left, kept = order, order[:0]
    while len(left):
        block = left[:BLOCK]
        common = intersections(boxes[block], boxes[left])
        one, other = areas(boxes[block])[:, None], areas(boxes[left])[None]
        overlapping = (common > iou_threshold * (one + other - common)) | (
            common > inside_threshold * np.minimum(one, other)
        )
        alive = np.ones(len(left), bool)
        for i, suppressed in enumerate(overlapping):
            if alive[i]:
                alive[i + 1 :] &= ~suppressed[i + 1 :]
        kept = np.concatenate([kept, block[alive[: len(block)]]])
        left = left[len(block) :][alive[len(block) :]]
    return kept
