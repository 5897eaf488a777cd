"""The detector's loss, and how its networks are optimised with it: AdamW, and schedules of the learning rate."""

from collections.abc import Callable

import keras
from keras import ops

from detector.models.layers import EDGE_UNIT
from training.engine.recipe import TrainingRecipe
from training.samplers.targets import TARGET_CHANNELS

_SMOOTHING = 0.05

SOFT_TARGET_WEIGHT = 0.7
"""Weight of the soft targets in the loss, where there are some; that of the labels is the rest (Hinton et al. 2015)."""


def detector_loss(target: keras.KerasTensor, output: keras.KerasTensor) -> keras.KerasTensor:
    """Focal loss of the objectness + smoothed cross entropy of the digit + -log IoU of the box.

    Each is a sum over windows divided by the number of windows with a known digit or box, the focal loss by the
    positives, as in Lin et al. 2017; the IoU loss is that of UnitBox, Yu et al. 2016.

    Args:
        target: (B, rows, columns, 9), as `targets` describes it; or 24 channels, the last 15 a teacher's outputs.
        output: (B, rows, columns, 15), the network's outputs.

    Returns:
        The scalar loss.
    """
    return loss_of_share(target, output, normalizers(target))


def normalizers(target: keras.KerasTensor) -> keras.KerasTensor:
    """(2,) the divisors of a batch's sums: its windows with a known digit, and with a known box."""
    return ops.sum(target[..., 3:5], axis=(0, 1, 2)) + 1.0


def loss_of_share(
    target: keras.KerasTensor, output: keras.KerasTensor, divisors: keras.KerasTensor
) -> keras.KerasTensor:
    """Return the share of some of a batch's images in its loss; the divisors are `normalizers` of the whole batch."""
    truth, teacher = target[..., :TARGET_CHANNELS], target[..., TARGET_CHANNELS:]
    digits = ops.one_hot(ops.cast(truth[..., 2], "int32"), 10) * (1 - _SMOOTHING) + _SMOOTHING / 10
    loss = _loss(truth, (truth[..., 0], digits, truth[..., 5:9]), output, divisors)
    if not teacher.shape[-1]:
        return loss
    soft = (ops.sigmoid(teacher[..., 0]), ops.softmax(teacher[..., 1:11]), _edges(teacher[..., 11:15]))
    return (1 - SOFT_TARGET_WEIGHT) * loss + SOFT_TARGET_WEIGHT * _loss(truth, soft, output, divisors)


def _loss(
    target: keras.KerasTensor,
    wanted: tuple[keras.KerasTensor, keras.KerasTensor, keras.KerasTensor],
    output: keras.KerasTensor,
    divisors: keras.KerasTensor,
) -> keras.KerasTensor:
    """Return the loss of objectness, digit probabilities and edges in px, each where it is known."""
    objectness, digits, edges = wanted
    positives, boxes = divisors[0], divisors[1]
    object_loss = ops.sum(target[..., 1] * _focal(objectness, output[..., 0])) / positives
    digit_loss = ops.sum(target[..., 3] * _cross_entropy(digits, output[..., 1:11])) / positives
    box_loss = ops.sum(target[..., 4] * _iou_loss(edges, _edges(output[..., 11:15]))) / boxes
    return object_loss + digit_loss + box_loss


def _focal(truth: keras.KerasTensor, logit: keras.KerasTensor, gamma: float = 2.0) -> keras.KerasTensor:
    cross_entropy = ops.softplus(logit) - truth * logit
    wrong = ops.abs(truth - ops.sigmoid(logit))
    return wrong**gamma * cross_entropy


def _cross_entropy(truth: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    return -ops.sum(truth * ops.log_softmax(logits), axis=-1)


def _edges(log_edges: keras.KerasTensor) -> keras.KerasTensor:
    """Return the distances in px from the window's centre to a box's edges."""
    return EDGE_UNIT * ops.exp(ops.clip(log_edges, -4.0, 2.5))


def _iou_loss(edges: keras.KerasTensor, guess: keras.KerasTensor) -> keras.KerasTensor:
    """-log IoU of two boxes that both hold the window's centre."""
    truth = ops.maximum(edges, 0.5)
    least = ops.minimum(truth, guess)
    common = (least[..., 0] + least[..., 2]) * (least[..., 1] + least[..., 3])
    union = _area(truth) + _area(guess) - common
    return ops.log(union) - ops.log(common)


def _area(edges: keras.KerasTensor) -> keras.KerasTensor:
    return (edges[..., 0] + edges[..., 2]) * (edges[..., 1] + edges[..., 3])


Schedule = Callable[[keras.KerasTensor], keras.KerasTensor]
"""The learning rate of a step."""

Loss = Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]
"""Of a batch's targets and a network's outputs."""

_LOWEST = 0.01
"""The end of a schedule, as a fraction of its peak."""


def compiled(
    recipe: TrainingRecipe,
    build: Callable[[], keras.Model],
    loss: Loss = detector_loss,
    learning_rate: Schedule | None = None,
) -> keras.Model:
    """Return the network that `build` makes, with its optimiser and loss; only kernels decay.

    Args:
        recipe: seed, peak of the learning rate, weight decay.
        build: makes the network.
        loss: what is minimised.
        learning_rate: warm-up and one cosine if None.
    """
    keras.utils.set_random_seed(recipe.seed)
    model = build()
    rate = learning_rate or warmup_cosine(recipe.learning_rate, recipe.steps, recipe.warmup)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay, clipnorm=5.0)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
    return model


def warmup_cosine(peak: float, steps: int, warmup: int) -> Schedule:
    """From 0 to `peak` in `warmup` steps, but in half of all at most, then along a cosine to a hundredth of it."""
    rise = min(warmup, steps // 2)  # a trial of a few steps warms up too
    schedule: Schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - rise, alpha=_LOWEST, warmup_target=peak, warmup_steps=rise
    )
    return schedule


def cosine(peak: float, steps: int) -> Schedule:
    """From `peak` along a cosine to a hundredth of it."""
    schedule: Schedule = keras.optimizers.schedules.CosineDecay(peak, steps, alpha=_LOWEST)
    return schedule


class WarmRestart(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc] # Keras gives no types
    """One schedule up to a step, another, counted from there, afterwards."""

    def __init__(self, first: Schedule, second: Schedule, boundary: int) -> None:
        super().__init__()
        self._first, self._second, self._boundary = first, second, boundary

    def __call__(self, step: keras.KerasTensor) -> keras.KerasTensor:
        """Return the learning rate of a step."""
        step = keras.ops.cast(step, "float32")
        later = keras.ops.maximum(step - self._boundary, 0.0)
        return keras.ops.where(step < self._boundary, self._first(step), self._second(later))
