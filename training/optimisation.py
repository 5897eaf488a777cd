"""How the detector's networks are optimised: AdamW, a learning rate that rises and falls, the detector's loss."""

from collections.abc import Callable

import keras

from training.loss import detector_loss

Schedule = Callable[[keras.KerasTensor], keras.KerasTensor]
"""The learning rate of a step."""

_LOWEST = 0.01
"""What a schedule ends at, as a part of its peak."""


def compiled(
    build: Callable[[], keras.Model], seed: int, learning_rate: Schedule, weight_decay: float
) -> keras.Model:
    """The untrained network that `build` makes, with its optimiser and loss; only kernels decay."""
    keras.utils.set_random_seed(seed)
    model = build()
    optimizer = keras.optimizers.AdamW(learning_rate, weight_decay=weight_decay, clipnorm=5.0)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer, loss=detector_loss, jit_compile=False)
    return model


def rise_and_fall(peak: float, steps: int, warmup: int) -> Schedule:
    """From 0 to `peak` in `warmup` steps, but in half of all at most, then along a cosine to a hundredth of it."""
    rise = min(warmup, steps // 2)  # a trial of a few steps warms up too
    schedule: Schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - rise, alpha=_LOWEST, warmup_target=peak, warmup_steps=rise
    )
    return schedule


def fall(peak: float, steps: int) -> Schedule:
    """From `peak` along a cosine to a hundredth of it."""
    schedule: Schedule = keras.optimizers.schedules.CosineDecay(peak, steps, alpha=_LOWEST)
    return schedule
