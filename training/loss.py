"""The loss that asks the network for its targets; runs on any of Keras's backends."""

import keras
from keras import ops

from detector.score_map import EDGE_UNIT


def detector_loss(target: keras.KerasTensor, output: keras.KerasTensor) -> keras.KerasTensor:
    """Focal loss of the objectness + smoothed cross entropy of the digit + -log IoU of the box.

    Each is a sum over windows divided by how many windows it is asked of, the focal loss by the positives, as in
    Lin et al. 2017; the IoU loss is that of UnitBox, Yu et al. 2016.

    Args:
        target: (B, rows, columns, 9), as `targets` describes it.
        output: (B, rows, columns, 15), what the network says.

    Returns:
        The scalar loss.
    """
    return loss_of_share(target, output, asked_of(target))


def asked_of(target: keras.KerasTensor) -> keras.KerasTensor:
    """How many windows of a batch are asked for a digit and how many for a box, (2,): what the sums are divided by."""
    return ops.sum(target[..., 3:5], axis=(0, 1, 2)) + 1.0


def loss_of_share(
    target: keras.KerasTensor, output: keras.KerasTensor, asked: keras.KerasTensor
) -> keras.KerasTensor:
    """What some of a batch's images add to its loss; `asked` is `asked_of` the whole batch."""
    positives, boxes = asked[0], asked[1]
    objectness = ops.sum(target[..., 1] * _focal(target[..., 0], output[..., 0])) / positives
    digit = ops.sum(target[..., 3] * _cross_entropy(target[..., 2], output[..., 1:11])) / positives
    box = ops.sum(target[..., 4] * _iou_loss(target[..., 5:9], output[..., 11:15])) / boxes
    return objectness + digit + box


def _focal(truth: keras.KerasTensor, logit: keras.KerasTensor, gamma: float = 2.0) -> keras.KerasTensor:
    cross_entropy = ops.softplus(logit) - truth * logit
    wrong = ops.abs(truth - ops.sigmoid(logit))
    return wrong**gamma * cross_entropy


def _cross_entropy(
    digit: keras.KerasTensor, logits: keras.KerasTensor, smoothing: float = 0.05
) -> keras.KerasTensor:
    truth = ops.one_hot(ops.cast(digit, "int32"), 10) * (1 - smoothing) + smoothing / 10
    return -ops.sum(truth * ops.log_softmax(logits), axis=-1)


def _iou_loss(edges: keras.KerasTensor, log_edges: keras.KerasTensor) -> keras.KerasTensor:
    """-log IoU of two boxes that both hold the window's centre."""
    truth = ops.maximum(edges, 0.5)
    guess = EDGE_UNIT * ops.exp(ops.clip(log_edges, -4.0, 2.5))
    least = ops.minimum(truth, guess)
    common = (least[..., 0] + least[..., 2]) * (least[..., 1] + least[..., 3])
    union = _area(truth) + _area(guess) - common
    return ops.log(union) - ops.log(common)


def _area(edges: keras.KerasTensor) -> keras.KerasTensor:
    return (edges[..., 0] + edges[..., 2]) * (edges[..., 1] + edges[..., 3])
