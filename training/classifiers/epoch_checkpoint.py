"""The state of a classifier's run after each epoch, so that it can go on, and the best weights so far."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from detector.system.files import write_whole
from training.classifiers.recipes import Recipe
from training.engine.checkpoint import RunState, load_state, save_state
from training.errors import ResumeError

History = list[dict[str, float]]
STATE, WEIGHTS = "state.safetensors", "weights.safetensors"


@dataclass(frozen=True)
class Run:
    """The recipe, data and length of a run. A run goes on where another ended if only length or wording differ.

    Attributes:
        recipe: with its overrides, if there are any.
        seed: of everything random.
        fold: (this one, of so many) in cross-validation; None otherwise.
    """

    recipe: Recipe
    seed: int = 1
    fold: tuple[int, int] | None = None

    @property
    def fixed(self) -> "Run":
        """Without what may be another when the run goes on: how long it is, and the recipe's texts."""
        recipe = replace(self.recipe, epochs=0, stop_at=None, summary="", notes=None, choices=())
        return replace(self, recipe=recipe)

    def has_ended(self, history: History) -> bool:
        """Return whether no epoch is left to train after those of `history`."""
        goal = self.recipe.stop_at
        reached = goal is not None and any(row["val_accuracy"] >= goal for row in history)
        return reached or len(history) >= self.recipe.epochs


class EpochCheckpoint(keras.callbacks.Callback):  # type: ignore[misc] # Keras gives no types
    """A callback that restores a run's state and writes it after each epoch, with the weights if they are the best."""

    def __init__(self, run: Run, model: keras.Model, folder: Path) -> None:
        super().__init__()
        self._run, self._folder = run, folder
        self._owned = _owned(model)
        self._path = folder / STATE
        self.history: History = []
        state = load_state(self._path, run.fixed)
        if state is not None:
            self.history = state.history
            for name, variables in self._owned.items():
                for variable, value in zip(variables, state.groups.get(name, []), strict=True):
                    variable.assign(value.reshape(variable.shape))  # a lone number was stored with an axis

    @property
    def finished(self) -> bool:
        """Return whether no epoch is left to train."""
        return self._run.has_ended(self.history)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self._started = time.process_time()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the checkpoint, and the weights if they are the best so far."""
        row = {name: float(value) for name, value in (logs or {}).items()}
        # All cores' time: what other programs do on the machine meanwhile hardly changes it.
        self.history.append(row | {"cpu_seconds": time.process_time() - self._started})
        if best_epoch(self.history) == len(self.history):
            named = {variable.path: _array(variable) for variable in self._owned["weights"]}
            write_whole(self._folder / WEIGHTS, save(named))
        groups = {name: [_array(v) for v in variables] for name, variables in self._owned.items()}
        save_state(self._path, RunState(len(self.history), groups, self.history), self._run.fixed)
        self.model.stop_training = self.finished


def load_best(folder: Path, model: keras.Model) -> None:
    """Give the model the best weights that a run wrote in `folder`.

    Raises:
        ResumeError: if they are missing or damaged.
    """
    path = folder / WEIGHTS
    try:
        best = load_file(path)
        model.set_weights([best[variable.path] for variable in model.weights])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ResumeError(f"{path}: missing or damaged ({error}); delete {folder} to start afresh") from error


def best_epoch(history: History) -> int:
    """Return the first epoch, counted from 1, with the highest validation accuracy."""
    return 1 + int(np.argmax([row["val_accuracy"] for row in history]))


def _owned(model: keras.Model) -> dict[str, list[Any]]:
    """Return all variables that training changes, those behind Dropout's random numbers too."""
    seeds = [layer.seed_generator.state for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    return {"weights": list(model.weights), "seeds": seeds, "optimizer": list(model.optimizer.variables)}


def _array(variable: Any) -> NDArray[Any]:
    return np.asarray(variable.numpy())
