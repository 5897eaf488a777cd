"""One of several workers, without Ray: RANK ADDRESS,ADDRESS... OUT. It trains a small network in float64.

Its weights, its losses and when it did what the chief does first are kept in OUT/RANK.npz. Alone where one address is
given: Keras's own step.
"""

import json
import os
import sys
import time
from pathlib import Path

import keras
import numpy as np

from detector.models.layers import CHANNELS
from training.engine.distributed.workers import SINGLE_PROCESS, Workers
from training.engine.optimization import detector_loss
from training.samplers.targets import TARGET_CHANNELS

STEPS, BATCH, SIDE, WINDOWS = 4, 5, 12, 3


def network(seed: int) -> keras.Model:
    """Convolution, batch normalisation and ReLU as in the detector, and its loss and optimiser."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Conv2D(4, 4, strides=2, use_bias=False)(inputs)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    model = keras.Model(inputs, keras.layers.Conv2D(CHANNELS, 3)(x))
    optimizer = keras.optimizers.AdamW(1e-2, weight_decay=0.02, clipnorm=0.5)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer, loss=detector_loss, jit_compile=False)
    return model


def batch(step: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and targets; some images ask for many digits, some for none."""
    rng = np.random.default_rng(step)
    targets = np.zeros((BATCH, WINDOWS, WINDOWS, TARGET_CHANNELS))
    targets[..., 1] = 1
    asked = rng.random((BATCH, WINDOWS, WINDOWS)) < np.linspace(0, 1, BATCH)[:, None, None]
    targets[..., 0] = targets[..., 3] = targets[..., 4] = asked
    targets[..., 2] = rng.integers(10, size=asked.shape)
    targets[..., 5:] = rng.uniform(4, 12, (*asked.shape, 4))
    return rng.normal(size=(BATCH, SIDE, SIDE, 3)), targets


def workers_of(rank: int, addresses: list[str]) -> Workers:
    if len(addresses) == 1:
        return SINGLE_PROCESS
    cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": rank}}
    os.environ["TF_CONFIG"] = json.dumps(cluster)
    from training.engine.distributed.mirrored import Mirrored, use_threads  # noqa: PLC0415

    use_threads(1)
    return Mirrored(SINGLE_PROCESS.bar)


def main(rank: int, addresses: list[str], out: Path) -> None:
    workers = workers_of(rank, addresses)
    keras.config.set_dtype_policy("float64")
    keras.config.set_floatx("float64")
    with workers.chief_first():
        began = time.time()
        time.sleep(1 if workers.is_chief else 0)
        ended = time.time()
    model = network(seed=rank)  # only the chief's counts
    workers.broadcast_variables(model)
    train = workers.step_of(model)
    losses = [train(*batch(step)) for step in range(STEPS)]
    weights = {f"weight {place}": weight for place, weight in enumerate(model.get_weights())}
    np.savez(out / f"{rank}.npz", losses=losses, times=[began, ended], **weights)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2].split(","), Path(sys.argv[3]))
