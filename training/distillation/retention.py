"""Learning without forgetting: of replayed data, the starting model's own answers are learned beside the truth.

What a network has learned from much data, and from larger networks, is more than a few labels say; where it goes on
learning from other pictures, its answers on replayed data keep it (Li and Hoiem, Learning without Forgetting, 2018).
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detector.models.layers import EDGE_UNIT
from detector.results.detections import FloatArray

_SURE = 6.0
"""A logit that is as good as certain."""

_LEAST_EDGE = 0.5
"""px; a shorter distance has no useful logarithm."""


class Answering(Protocol):
    """A network with the weights that training starts from."""

    def __call__(self, images: NDArray[np.uint8]) -> FloatArray:
        """(B, H, W, 3) uint8 RGB to (B, rows, columns, 15)."""
        ...


def retained(start: Answering, images: FloatArray, targets: FloatArray) -> FloatArray:
    """Targets of replayed data: the truth, then what the starting model says, but for its false alarms.

    Args:
        start: the network that training starts from.
        images: (B, H, W, 3) float32 RGB 0..255.
        targets: (B, rows, columns, 9), as `targets` describes them.

    Returns:
        (B, rows, columns, 24), as the loss takes them.
    """
    answers = start(np.clip(images, 0, 255).astype(np.uint8)).copy()
    background = (targets[..., 0] == 0) & (targets[..., 1] > 0)
    answers[background] = _as_answers(targets[background])
    return np.concatenate([targets, answers], axis=-1)


def unretained(targets: FloatArray) -> FloatArray:
    """Targets of new data in the same form: the truth stands where an answer would."""
    return np.concatenate([targets, _as_answers(targets)], axis=-1)


def _as_answers(targets: FloatArray) -> FloatArray:
    """(..., 15) what a network that knows the truth of (..., 9) would say."""
    objectness = np.where(targets[..., :1] > 0, _SURE, -_SURE)
    digits = _SURE * np.eye(10)[targets[..., 2].astype(np.intp)]
    edges = np.log(np.maximum(targets[..., 5:9], _LEAST_EDGE) / EDGE_UNIT)
    return np.concatenate([objectness, digits, edges], axis=-1).astype(np.float32)
