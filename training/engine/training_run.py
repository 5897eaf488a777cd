"""The one skeleton of all trainings: resumable, weights averaged, the best by validation kept.

The networks, their fine-tuning and the teachers differ by their `TrainingTask` and their recipe.


Batch `step` is a function of (seed, step) alone and the checkpoint holds weights, optimiser and averages, so
a run that is killed and started again by the same command ends with the weights of an uninterrupted one.

Where the learning rate falls more than once, what is validated and shipped is the mean of the weights at the end of
each fall (Izmailov et al., Averaging Weights Leads to Wider Optima, 2018).
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from detector.results.detections import FloatArray
from detector.system.files import write_whole
from training.engine.checkpoint import RunState, load_state, save_state
from training.engine.distributed.workers import SINGLE_PROCESS, Workers
from training.engine.optimization import Loss, Schedule, compiled, detector_loss
from training.engine.plots import learning_curve, write_png
from training.engine.recipe import TrainingRecipe

CHECKPOINT = "checkpoint.safetensors"

FIRST_CHECKPOINT_SECONDS = 60.0
CHECKPOINT_SECONDS = 180.0
"""Seconds between checkpoints, however far apart validations are: a killed run loses no more, at its start less."""

Batch = tuple[FloatArray, FloatArray]
MakeBatch = Callable[[int, np.random.Generator], Batch]
"""Makes the batch of a step, with a generator that is seeded for it."""

Row = dict[str, float]


@dataclass(frozen=True, eq=False)
class TrainingTask:
    """One network's training, beside the settings of its recipe.

    Attributes:
        build: makes the network, with the weights that it starts from.
        make_batch: images and targets of a step, from the step and a generator that is seeded for it.
        validate: figures of weights; `score` among them is what the best are chosen by.
        save: writes the model with these weights, their row of figures and the seconds spent.
        images: how many images validate.
        loss: what is minimised.
        learning_rate: of each step; warm-up and one cosine, as the recipe has them, if None.
        ends: steps at which the learning rate has fallen, before the last.
    """

    build: Callable[[], keras.Model]
    make_batch: MakeBatch
    validate: Callable[[list[FloatArray]], Row]
    save: Callable[[list[FloatArray], Row, float], None]
    images: int
    loss: Loss = detector_loss
    learning_rate: Schedule | None = None
    ends: tuple[int, ...] = ()


def train(
    recipe: TrainingRecipe, task: TrainingTask, out_dir: Path, workers: Workers = SINGLE_PROCESS
) -> None:
    """Do this worker's part of a run, from its state in `out_dir` to its end.

    Raises:
        ResumeError: if `out_dir` holds a run of another recipe; raised in the chief alone.
    """
    if workers.is_chief:
        Run(recipe, task, out_dir, workers).go()
        return
    model = compiled(recipe, task.build, task.loss, task.learning_rate)
    workers.broadcast_variables(model)
    step = workers.step_of(model)
    for images, targets in batches(recipe, task.make_batch, int(model.optimizer.iterations)):
        step(images, targets)


def is_finished(out_dir: Path, recipe: TrainingRecipe, also: Callable[[], bool] = lambda: True) -> bool:
    """Return whether the run in a folder has nothing left to do, and print it; no data is read.

    Args:
        out_dir: the output folder, which may be empty or missing.
        recipe: that of the command.
        also: tells of a run whose steps are done whether what follows them is, too.

    Raises:
        ResumeError: if the folder holds a run of another recipe, naming the settings that differ.
    """
    state = load_state(out_dir / CHECKPOINT, recipe)
    if state is None:
        return False
    done = state.step >= recipe.steps
    if not (done or has_stalled(state.history, recipe.patience)) or not also():
        return False
    why = "" if done else f", as {recipe.patience} validations in a row were no better"
    print(
        f"nothing to do: the run in {out_dir} ended after step {state.step:,} of {recipe.steps:,}{why}; "
        "for another run choose another --out"
    )
    return True


class Run:
    """One training run and its files in a folder.

    Args:
        recipe: a run is resumed only by the recipe that it was started with.
        task: the network and what it is shown.
        out_dir: gets `checkpoint.safetensors`, `recipe.json`, `metrics.json` and `learning-curve.png`; all are
            usable while the run goes on.
        workers: who trains; this process is their chief.

    Raises:
        ResumeError: if `out_dir` holds a run of another recipe.
    """

    def __init__(
        self, recipe: TrainingRecipe, task: TrainingTask, out_dir: Path, workers: Workers = SINGLE_PROCESS
    ) -> None:
        out_dir.mkdir(parents=True, exist_ok=True)
        self._recipe, self._task, self._out, self._workers = recipe, task, out_dir, workers
        self._checkpoint = out_dir / CHECKPOINT
        self._model = compiled(recipe, task.build, task.loss, task.learning_rate)
        self._average: list[FloatArray] = self._model.get_weights()
        self._kept: dict[int, list[FloatArray]] = {}
        self._step, self._seconds = 0, 0.0
        self._history: list[Row] = []
        self._losses: list[float] = []
        self._started = time.monotonic()
        self._next_checkpoint = self._started + FIRST_CHECKPOINT_SECONDS
        state = load_state(self._checkpoint, recipe)
        if state:
            self._restore(state)
            print(f"going on after step {self._step} of {self._checkpoint}")
        _write_json(out_dir / "recipe.json", asdict(recipe))

    def go(self) -> None:
        """Train to the last step, or until validation gets no better; validate and save on the way."""
        if self._is_over():
            return
        recipe = self._recipe
        self._workers.broadcast_variables(self._model)
        train = self._workers.step_of(self._model)
        with self._workers.bar(recipe.steps, self._step, recipe.name) as bar:
            for images, targets in batches(recipe, self._task.make_batch, self._step):
                self._losses.append(train(images, targets))
                self._step += 1
                self._update_average()
                if self._step in self._task.ends:
                    self._kept[self._step] = [array.copy() for array in self._average]
                bar.update()
                if self._step % recipe.validate_every == 0 or self._step == recipe.steps:
                    row = self._validate()
                    bar.write("  ".join(f"{name} {value:.4g}" for name, value in row.items()))
                    if self._is_over():
                        break
                elif time.monotonic() >= self._next_checkpoint:
                    self._save_checkpoint()

    def _is_over(self) -> bool:
        """Return whether the run ends early, by its history, which a checkpoint holds too."""
        if not has_stalled(self._history, self._recipe.patience):
            return False
        print(f"stopped after step {self._step}: {self._recipe.patience} validations in a row were no better")
        return True

    def _update_average(self) -> None:
        decay = min(self._recipe.average, (1 + self._step) / (10 + self._step))
        for average, weight in zip(self._average, self._model.get_weights(), strict=True):
            np.add(average, (1 - decay) * (weight - average), out=average)

    def _shipped(self) -> list[FloatArray]:
        ends = [*self._kept.values(), self._average]
        return [np.asarray(np.mean(arrays, axis=0), np.float32) for arrays in zip(*ends, strict=True)]

    def _validate(self) -> Row:
        loss = float(np.mean(self._losses))
        row = {"step": float(self._step), "loss": loss} | self._task.validate(self._shipped())
        self._history.append(row)
        self._losses = []
        if is_best(self._history, self._task.images):
            self._task.save(self._shipped(), row, self._elapsed())
        _write_json(self._out / "metrics.json", self._history)
        write_png(self._out / "learning-curve.png", learning_curve(self._history))
        self._save_checkpoint()
        return row

    def _elapsed(self) -> float:
        return self._seconds + time.monotonic() - self._started

    def _save_checkpoint(self) -> None:
        optimizer = self._model.optimizer
        groups = {
            "weights": self._model.get_weights(),
            "optimizer": [np.asarray(variable.numpy()) for variable in optimizer.variables],
            "average": self._average,
            "losses": [np.array(self._losses)],
        } | {f"end_{step}": arrays for step, arrays in self._kept.items()}
        state = RunState(self._step, groups, self._history, self._elapsed())
        save_state(self._checkpoint, state, self._recipe)
        self._next_checkpoint = time.monotonic() + CHECKPOINT_SECONDS

    def _restore(self, state: RunState) -> None:
        self._model.set_weights(state.groups["weights"])
        variables = self._model.optimizer.variables
        for variable, value in zip(variables, state.groups["optimizer"], strict=True):
            variable.assign(value)
        self._average = [array.copy() for array in state.groups["average"]]
        self._kept = {step: state.groups[f"end_{step}"] for step in self._task.ends if step <= state.step}
        self._losses = np.concatenate(state.groups.get("losses", [np.zeros(0)])).tolist()
        self._step, self._history, self._seconds = state.step, state.history, state.seconds


def is_best(history: list[Row], images: int) -> bool:
    """Return whether the last row is as good as any before, as far as so many images can tell.

    The later of two that are within a standard error of each other has learned more (the one-standard-error rule,
    Breiman et al., Classification and Regression Trees, 1984).
    """
    best = max(row["score"] for row in history)
    return history[-1]["score"] >= best - math.sqrt(best * (1 - best) / images)


def has_stalled(history: list[Row], patience: int | None) -> bool:
    """Return whether the last `patience` rows, or more, are no better than the best before them (Prechelt 1998)."""
    if patience is None:
        return False
    scores = [row["score"] for row in history]
    return len(scores) - 1 - int(np.argmax(scores or [0])) >= patience


def batches(
    recipe: TrainingRecipe, make: Callable[[int, np.random.Generator], Batch], first: int
) -> Iterator[Batch]:
    """Yield batches `first`, `first` + 1, ... to the last; threads prefetch a few."""

    def seeded(step: int) -> Batch:
        return make(step, np.random.default_rng([recipe.seed, step]))

    with ThreadPoolExecutor(2, "batches") as pool:
        pending: list[Future[Batch]] = []
        for step in range(first, recipe.steps):
            pending.append(pool.submit(seeded, step))
            if len(pending) > 4:
                yield pending.pop(0).result()
        while pending:
            yield pending.pop(0).result()


def _write_json(path: Path, content: Any) -> None:
    write_whole(path, (json.dumps(content, indent=2) + "\n").encode())
