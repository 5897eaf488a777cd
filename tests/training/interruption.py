"""Ctrl-C in the middle of a training."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
import pytest


@contextmanager
def interrupted_after(steps: int) -> Iterator[None]:
    """What trains within is interrupted when so many steps are done, and has to let that through."""
    train_on_batch, done = keras.Model.train_on_batch, 0

    def interrupted_train_on_batch(model: keras.Model, *batch: np.ndarray) -> object:
        nonlocal done
        if done == steps:
            raise KeyboardInterrupt
        done += 1
        return train_on_batch(model, *batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "train_on_batch", interrupted_train_on_batch)
        with pytest.raises(KeyboardInterrupt):
            yield
