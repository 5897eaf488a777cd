"""One network's training: resumable, its weights averaged, the best by validation kept.

Batch `step` is a function of (seed, step) alone and the checkpoint holds weights, optimiser and averages, so
a run that is killed and started again by the same command ends with the weights of one that was not.

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
from typing import Any, Protocol

import keras
import numpy as np

from detector.results.detections import FloatArray
from detector.system.files import write_whole
from training.engine.checkpoint import RunState, load_state, save_state
from training.engine.distributed.workers import SINGLE_PROCESS, Workers
from training.engine.plots import learning_curve, write_png

CHECKPOINT = "checkpoint.safetensors"

FIRST_CHECKPOINT_SECONDS = 60.0
CHECKPOINT_SECONDS = 180.0
"""A run that is killed loses so much at most, however far apart its validations are; at its start even less."""

Batch = tuple[FloatArray, FloatArray]
MakeBatch = Callable[[int, np.random.Generator], Batch]
"""Makes the batch of a step, with a generator that is seeded for it."""

Row = dict[str, float]


class RunRecipe(Protocol):
    """The part of a recipe, a frozen dataclass, that a run needs."""

    @property
    def name(self) -> str:
        """Its command."""
        ...

    @property
    def steps(self) -> int:
        """Batches in all."""
        ...

    @property
    def average(self) -> float:
        """Decay of the running average of the weights."""
        ...

    @property
    def seed(self) -> int:
        """Of everything random."""
        ...

    @property
    def validate_every(self) -> int:
        """Steps between two validations, each of which also writes a checkpoint; the last step is one, too."""
        ...


@dataclass(frozen=True, eq=False)
class TrainingTask:
    """All that is particular to one network's training.

    Attributes:
        model: compiled, its optimiser built.
        make_batch: images and targets of a step, from the step and a generator that is seeded for it.
        validate: figures of weights; `score` among them is what the best are chosen by.
        save: writes the model with these weights, their row of figures and the seconds spent.
        images: how many images validation looks at.
        ends: steps at which the learning rate has fallen, before the last.
        patience: the run ends early after so many validations in a row without a better score; None: it never does.
    """

    model: keras.Model
    make_batch: MakeBatch
    validate: Callable[[list[FloatArray]], Row]
    save: Callable[[list[FloatArray], Row, float], None]
    images: int
    ends: tuple[int, ...] = ()
    patience: int | None = None


def train_task(
    recipe: RunRecipe, task: TrainingTask, out_dir: Path, workers: Workers = SINGLE_PROCESS
) -> None:
    """Do this worker's part of a run, from where `out_dir` says that it is to its end.

    Raises:
        ResumeError: if `out_dir` holds a run of another recipe; the chief tells.
    """
    if workers.is_chief:
        Run(recipe, task, out_dir, workers).go()
        return
    workers.broadcast_variables(task.model)
    train = workers.step_of(task.model)
    for images, targets in batches(recipe, task.make_batch, int(task.model.optimizer.iterations)):
        train(images, targets)


class Run:
    """One training run and its files in a folder.

    Args:
        recipe: a frozen dataclass; a run goes on only by the recipe that it was started with.
        task: the network and what it is shown.
        out_dir: gets `checkpoint.safetensors`, `recipe.json`, `metrics.json` and `learning-curve.png`; all are
            usable while the run goes on.
        workers: who trains; this process leads them.

    Raises:
        ResumeError: if `out_dir` holds a run of another recipe.
    """

    def __init__(
        self, recipe: RunRecipe, task: TrainingTask, out_dir: Path, workers: Workers = SINGLE_PROCESS
    ) -> None:
        out_dir.mkdir(parents=True, exist_ok=True)
        self._recipe, self._task, self._out, self._workers = recipe, task, out_dir, workers
        self._checkpoint = out_dir / CHECKPOINT
        self._average: list[FloatArray] = task.model.get_weights()
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
        _write_json(out_dir / "recipe.json", asdict(recipe))  # type: ignore[call-overload]

    def go(self) -> None:
        """Trains to the last step, or until it stops getting better, validating and saving on the way."""
        if self._is_over():
            return
        recipe = self._recipe
        self._workers.broadcast_variables(self._task.model)
        train = self._workers.step_of(self._task.model)
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
        """Return whether the history, which a checkpoint holds too, says that the run ends before its last step."""
        patience = self._task.patience
        if patience is None or not has_stalled(self._history, patience):
            return False
        print(f"stopped after step {self._step}: {patience} validations in a row were no better")
        return True

    def _update_average(self) -> None:
        decay = min(self._recipe.average, (1 + self._step) / (10 + self._step))
        for average, weight in zip(self._average, self._task.model.get_weights(), strict=True):
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
        optimizer = self._task.model.optimizer
        groups = {
            "weights": self._task.model.get_weights(),
            "optimizer": [np.asarray(variable.numpy()) for variable in optimizer.variables],
            "average": self._average,
            "losses": [np.array(self._losses)],
        } | {f"end_{step}": arrays for step, arrays in self._kept.items()}
        state = RunState(self._step, groups, self._history, self._elapsed())
        save_state(self._checkpoint, state, self._recipe)
        self._next_checkpoint = time.monotonic() + CHECKPOINT_SECONDS

    def _restore(self, state: RunState) -> None:
        self._task.model.set_weights(state.groups["weights"])
        variables = self._task.model.optimizer.variables
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


def has_stalled(history: list[Row], patience: int) -> bool:
    """Return whether the last `patience` rows, or more, are no better than the best before them (Prechelt 1998)."""
    scores = [row["score"] for row in history]
    return len(scores) - 1 - int(np.argmax(scores or [0])) >= patience


def batches(
    recipe: RunRecipe, make: Callable[[int, np.random.Generator], Batch], first: int
) -> Iterator[Batch]:
    """Batches `first`, `first` + 1, ... to the last, made a few ahead in threads."""

    def seeded(step: int) -> Batch:
        return make(step, np.random.default_rng([recipe.seed, step]))

    with ThreadPoolExecutor(2, "batches") as pool:
        ahead: list[Future[Batch]] = []
        for step in range(first, recipe.steps):
            ahead.append(pool.submit(seeded, step))
            if len(ahead) > 4:
                yield ahead.pop(0).result()
        while ahead:
            yield ahead.pop(0).result()


def _write_json(path: Path, content: Any) -> None:
    write_whole(path, (json.dumps(content, indent=2) + "\n").encode())
