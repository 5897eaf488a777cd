"""A run's checkpoints: written by time between validations, and good to go on from."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import keras
import numpy as np
import pytest

from detector.results.detections import FloatArray
from tests.training.interruption import interrupted_after
from training.engine import training_run
from training.engine.checkpoint import load_state
from training.engine.recipe import TrainingRecipe
from training.engine.training_run import CHECKPOINT, Batch, Row, Run, TrainingTask


@dataclass(frozen=True, kw_only=True)
class TinyRecipe(TrainingRecipe):
    name: ClassVar[str] = "tiny"

    steps: int = 6
    batch: int = 8
    learning_rate: float = 1e-3
    warmup: int = 2
    weight_decay: float = 0.01
    average: float = 0.5
    validate_every: int = 100


class Saved:
    """What the run of a network of a few weights saved."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.weights: list[FloatArray] = []

    def task(self) -> TrainingTask:
        return TrainingTask(
            build=lambda: keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]),
            make_batch=_batch,
            validate=lambda weights: {"score": 0.5},
            save=self._save,
            images=10,
            loss=keras.losses.mean_squared_error,
        )

    def _save(self, weights: list[FloatArray], row: Row, seconds: float) -> None:
        self.rows.append(row)
        self.weights = weights


def _batch(step: int, rng: np.random.Generator) -> Batch:
    images = rng.normal(size=(8, 3)).astype(np.float32)
    return images, images[:, :2] * step


def finished(out: Path, recipe: TinyRecipe) -> Saved:
    saved = Saved()
    Run(recipe, saved.task(), out).go()
    return saved


@pytest.mark.parametrize(
    ("steps", "validated"), [(1, [1]), (6, [6]), (7, [3, 6, 7])], ids=["1", "6", "7 of 3"]
)
def test_the_last_step_is_validated_whatever_the_interval(
    tmp_path: Path, steps: int, validated: list[int]
) -> None:
    saved = finished(tmp_path, TinyRecipe(steps=steps, validate_every=100 if steps < 7 else 3))
    assert [row["step"] for row in saved.rows] == validated
    assert load_state(tmp_path / CHECKPOINT, TinyRecipe(steps=steps, validate_every=100 if steps < 7 else 3))


def test_a_run_stopped_long_before_its_first_validation_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = finished(tmp_path / "whole", TinyRecipe())
    monkeypatch.setattr(training_run, "FIRST_CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(training_run, "CHECKPOINT_SECONDS", 0.0)
    with interrupted_after(4):
        finished(tmp_path / "stopped", TinyRecipe())
    state = load_state(tmp_path / "stopped" / CHECKPOINT, TinyRecipe())
    assert state is not None
    assert (state.step, state.history) == (4, [])
    assert not (tmp_path / "stopped" / "metrics.json").exists(), "nothing is validated yet"
    again = finished(tmp_path / "stopped", TinyRecipe())
    assert again.rows == whole.rows, "the mean loss of the steps before the stop counts, too"
    for array, other in zip(again.weights, whole.weights, strict=True):
        np.testing.assert_allclose(array, other, atol=1e-6)


def test_a_checkpoint_from_before_losses_were_kept_is_read(tmp_path: Path) -> None:
    """What a run of an older version left."""
    saved = Saved()
    stopped = Run(TinyRecipe(), saved.task(), tmp_path)
    stopped._save_checkpoint()
    state = load_state(tmp_path / CHECKPOINT, TinyRecipe())
    assert state is not None
    del state.groups["losses"]
    training_run.save_state(tmp_path / CHECKPOINT, state, TinyRecipe())
    assert finished(tmp_path, TinyRecipe()).rows[0]["step"] == 6


def test_checkpoints_come_by_the_clock(tmp_path: Path) -> None:
    """Not after every step: the first minute of a run is not over yet."""
    with interrupted_after(4):
        finished(tmp_path, TinyRecipe())
    assert load_state(tmp_path / CHECKPOINT, TinyRecipe()) is None
