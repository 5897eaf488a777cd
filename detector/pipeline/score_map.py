"""From the network's score map to tight boxes in the original image's frame.

Channel 0 is the logit of "a digit of this window's scale is centred here", 1..10 the logits of the ten digits,
11..14 the distances from the window's centre to the digit's left, top, right and bottom edge as
log(distance / 8 px) (a box per window, as in DenseBox, Huang et al. 2015, and FCOS, Tian et al. 2019).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detector.models.layers import EDGE_UNIT, MAX_LOG_EDGE, RECEPTIVE_FIELD, STRIDE
from detector.pipeline.tiles import Grid, Hits
from detector.results.detections import FloatArray, IntArray

GRID = Grid(RECEPTIVE_FIELD, STRIDE, border=RECEPTIVE_FIELD // 2, sizes=(5, 9, 17, 33))
"""Of the FCN's windows in a level: the border is half a window, so that windows centre on every pixel."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """M windows that may hold a digit, before suppression.

    Attributes:
        boxes: (M, 4) float32 xyxy, max exclusive.
        class_scores: (M, 10) float32, P(digit is there and is this one), 0..1.
    """

    boxes: FloatArray
    class_scores: FloatArray

    @cached_property
    def scores(self) -> FloatArray:
        """(M,) float32: the best class's score."""
        return np.asarray(self.class_scores.max(axis=1, initial=0), np.float32)

    @cached_property
    def labels(self) -> IntArray:
        """(M,) int32: the best class."""
        return np.asarray(self.class_scores.argmax(axis=1), np.int32)

    def select(self, chosen: NDArray[np.bool]) -> "Candidates":
        """Those of a (M,) mask."""
        return Candidates(self.boxes[chosen], self.class_scores[chosen])

    def rescored(self, scores: FloatArray) -> "Candidates":
        """Return the same with other scores, (M,): the classes keep their proportions."""
        factors = np.divide(scores, self.scores, out=np.zeros_like(scores), where=self.scores > 0)
        class_scores = self.class_scores * factors[:, None]
        best = np.arange(len(scores)), self.labels
        class_scores[best] = scores  # exactly, whatever rounding made of the product
        return Candidates(self.boxes, class_scores)


def sigmoid(logits: FloatArray) -> FloatArray:
    """Return the logistic function, elementwise, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)), np.float32)


def softmax(logits: FloatArray) -> FloatArray:
    """Softmax over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


def read_windows(
    outputs: FloatArray, centres: NDArray[np.float64], scales: NDArray[np.float64]
) -> Candidates:
    """Decode a network's outputs for windows, in the image's frame.

    Args:
        outputs: (M, 15) float32, see the module.
        centres: (M, 2) float64, (x, y) of the windows' centres in px of the image.
        scales: (M, 1) or (M, 2) float64, factors by which the image was enlarged for the network; (x, y) or the same.
    """
    edges = EDGE_UNIT * np.exp(np.minimum(outputs[:, 11:], MAX_LOG_EDGE))
    corners = np.concatenate([centres - edges[:, :2] / scales, centres + edges[:, 2:] / scales], axis=1)
    class_scores = sigmoid(outputs[:, :1]) * softmax(outputs[:, 1:11])
    return Candidates(corners.astype(np.float32), class_scores.astype(np.float32))


def decode_hits(hits: Hits, scales: NDArray[np.float64]) -> Candidates:
    """Return what the FCN says of windows, as boxes in the original image's frame.

    Args:
        hits: windows of some levels, their planes.
        scales: (planes, 2) float64, the (x, y) factors by which the original image became each level.
    """
    corners = np.stack([hits.columns, hits.rows], axis=1) * STRIDE - GRID.border
    scales = scales[hits.planes]
    return read_windows(hits.outputs, (corners + RECEPTIVE_FIELD / 2) / scales, scales)


def logit(score: float) -> float:
    """Return the output that means a score, 0..1: the inverse of `sigmoid`."""
    with np.errstate(divide="ignore"):  # 0 and 1 become infinite logits, as they should
        return float(np.log(score) - np.log1p(-score))


def concatenate(parts: Sequence[Candidates]) -> Candidates:
    """All candidates of all tiles and levels; all in one frame."""
    if not parts:
        return Candidates(np.empty((0, 4), np.float32), np.empty((0, 10), np.float32))
    return Candidates(
        np.concatenate([part.boxes for part in parts]), np.concatenate([part.class_scores for part in parts])
    )
