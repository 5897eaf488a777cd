"""Learning without forgetting: replayed data in each batch, with the starting model's own outputs as soft targets.

What a network has learned from much data, and from larger networks, is more than a few labels say. Where it goes on
learning from other pictures, its outputs on replayed data keep it (Li and Hoiem, Learning without Forgetting, 2018).
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detector.models.layers import EDGE_UNIT
from detector.results.detections import FloatArray
from training.distillation.teacher import Teacher
from training.engine.training_run import Batch, MakeBatch

_SURE = 6.0
"""The logit of a label: as good as certain."""

_LEAST_EDGE = 0.5
"""px; a shorter distance has no useful logarithm."""


class BatchSampler(Protocol):
    """Makes batches from one source."""

    def batch(self, size: int, rng: np.random.Generator) -> Batch:
        """Images and targets."""
        ...


class StartingNetwork(Protocol):
    """A network with the weights that training starts from."""

    def __call__(self, images: NDArray[np.uint8]) -> FloatArray:
        """(B, H, W, 3) uint8 RGB to (B, rows, columns, 15)."""
        ...


def retained(start: StartingNetwork, images: FloatArray, targets: FloatArray) -> FloatArray:
    """Return targets of replayed data: the labels, then the starting model's outputs, but for its false alarms.

    Args:
        start: the network that training starts from.
        images: (B, H, W, 3) float32 RGB 0..255.
        targets: (B, rows, columns, 9), as `targets` describes them.

    Returns:
        (B, rows, columns, 24), as the loss takes them.
    """
    outputs = start(np.clip(images, 0, 255).astype(np.uint8)).copy()
    background = (targets[..., 0] == 0) & (targets[..., 1] > 0)
    outputs[background] = _as_outputs(targets[background])
    return np.concatenate([targets, outputs], axis=-1)


def unretained(targets: FloatArray) -> FloatArray:
    """Return targets of new data in the same form: the labels stand where outputs would."""
    return np.concatenate([targets, _as_outputs(targets)], axis=-1)


def _as_outputs(targets: FloatArray) -> FloatArray:
    """(..., 15) the outputs of a network that knows the labels (..., 9)."""
    objectness = np.where(targets[..., :1] > 0, _SURE, -_SURE)
    digits = _SURE * np.eye(10)[targets[..., 2].astype(np.intp)]
    edges = np.log(np.maximum(targets[..., 5:9], _LEAST_EDGE) / EDGE_UNIT)
    return np.concatenate([objectness, digits, edges], axis=-1).astype(np.float32)


def mixed(
    own: BatchSampler,
    old: BatchSampler | None,
    size: int,
    replay_fraction: float,
    start: StartingNetwork | None,
    teacher: Teacher | None = None,
) -> MakeBatch:
    """Return a maker of batches of new pictures and replayed data.

    Args:
        own: makes batches of new pictures.
        old: makes batches of replayed data, if any is given.
        size: of a batch.
        replay_fraction: fraction of the batch that is replayed.
        start: the network before it goes on learning, whose outputs on replayed data are soft targets; None for none.
        teacher: the network whose outputs on all images are soft targets instead; None for none.
    """

    def make(_step: int, rng: np.random.Generator) -> Batch:
        of_old = round(size * replay_fraction) if old else 0
        images, targets = own.batch(size - of_old, rng)
        if not old or not of_old:
            return images, targets
        old_images, old_targets = old.batch(of_old, rng)
        if start:
            targets, old_targets = unretained(targets), retained(start, old_images, old_targets)
        return np.concatenate([images, old_images]), np.concatenate([targets, old_targets])

    return teacher.add_soft_targets(make) if teacher else make
