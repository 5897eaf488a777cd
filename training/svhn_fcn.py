"""The detector's own training: `digit-detector-train svhn-fcn`.

Batch `step` is a function of (seed, step) alone and the checkpoint holds weights, optimiser and averages, so a run
that is killed and started again by the same command ends with the weights of one that was not.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import keras
import numpy as np

from detector.detections import FloatArray
from detector.fcn import build_fcn
from training.patches import PatchConfig, PatchMaker
from training.targets import detector_loss


@dataclass(frozen=True)
class SvhnFcnRecipe:
    """How the detector is trained.

    Attributes:
        steps: batches in all.
        batch: patches in a batch.
        learning_rate: its peak; it rises over `warmup` steps and falls along a cosine to a hundredth.
        warmup: steps.
        weight_decay: of AdamW (Loshchilov and Hutter 2019).
        average: decay of the running average of the weights, which is what is validated and shipped.
        seed: of everything random.
        validate_every: steps between two validations, each of which also writes a checkpoint.
        patches: how patches are cut.
    """

    steps: int = 9000
    batch: int = 64
    learning_rate: float = 2e-3
    warmup: int = 300
    weight_decay: float = 0.02
    average: float = 0.999
    seed: int = 1
    validate_every: int = 500
    patches: PatchConfig = field(default_factory=PatchConfig)


def batches(maker: PatchMaker, recipe: SvhnFcnRecipe, first: int) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Batches `first`, `first` + 1, ... made a few ahead in threads."""

    def make(step: int) -> tuple[FloatArray, FloatArray]:
        return maker.batch(recipe.batch, np.random.default_rng([recipe.seed, step]))

    with ThreadPoolExecutor(2, "patches") as pool:
        ahead: list[Future[tuple[FloatArray, FloatArray]]] = []
        for step in range(first, recipe.steps):
            ahead.append(pool.submit(make, step))
            if len(ahead) > 4:
                yield ahead.pop(0).result()
        while ahead:
            yield ahead.pop(0).result()


def compile_network(recipe: SvhnFcnRecipe) -> keras.Model:
    """The untrained network with its optimiser and loss."""
    keras.utils.set_random_seed(recipe.seed)
    model = build_fcn()
    rate = keras.optimizers.schedules.CosineDecay(
        0.0,
        recipe.steps - recipe.warmup,
        alpha=0.01,
        warmup_target=recipe.learning_rate,
        warmup_steps=recipe.warmup,
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay, clipnorm=5.0)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer, loss=detector_loss, jit_compile=False)
    return model
