"""Ctrl-C in the middle of a training, and what an earlier version left behind."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load, save

from training.engine.checkpoint import RunState, save_state
from training.engine.recipe import TrainingRecipe
from training.engine.training_run import CHECKPOINT


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


def finished_run(folder: Path, recipe: TrainingRecipe) -> list[str]:
    """Leave a run that has done its steps in `folder`; the command line that started it."""
    (folder / "out").mkdir()
    save_state(folder / "out" / CHECKPOINT, RunState(recipe.steps, {}), recipe)
    return [recipe.name, "--data", str(folder / "nothing"), "--out", str(folder / "out")]


def forget_setting(checkpoint: Path, name: str) -> None:
    """Make a checkpoint one of a version whose recipe had no such setting."""
    content = checkpoint.read_bytes()
    with safe_open(checkpoint, "np") as file:
        metadata = file.metadata()
    settings = {key: value for key, value in json.loads(metadata["settings"]).items() if key != name}
    metadata |= {"settings": json.dumps(settings), "recipe": "that of fewer settings"}
    checkpoint.write_bytes(save(load(content), metadata))
