"""The detector's own training: `digit-detector-train svhn-fcn`.

Batch `step` is a function of (seed, step) alone and the checkpoint holds weights, optimiser and averages, so
a run that is killed and started again by the same command ends with the weights of one that was not.

The learning rate falls twice; what is validated and shipped after the first fall is the mean of the weights at its
end and of those now (Izmailov et al., Averaging Weights Leads to Wider Optima, 2018).
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from detector.detections import FloatArray
from detector.fcn import build_fcn
from detector.files import write_whole
from detector.model_files import Manifest, save_model
from detector.self_check import record_self_check
from training.checkpoint import RunState, load_state, save_state
from training.detector_data import DetectorData, load_detector_data
from training.detector_recipe import SvhnFcnRecipe
from training.learning_curve import learning_curve
from training.loss import detector_loss
from training.patches import PatchMaker, PatchSources
from training.plots import write_png
from training.validation import validate

TRAINING_DATA = (
    "SVHN train and, where given, extra (http://ufldl.stanford.edu/housenumbers/, non-commercial use), "
    "photographs without digits and scene letters as background, and building-number digits of other sources"
)
VERSION = "1"

_Schedule = Callable[[keras.KerasTensor], keras.KerasTensor]


def train(recipe: SvhnFcnRecipe, data_dir: Path, out_dir: Path) -> None:
    """Trains the detector, or goes on with a run that was stopped.

    Args:
        recipe: how.
        data_dir: a folder with `svhn/` and, if wanted, `backgrounds/` and `letters/`, as officially laid out.
        out_dir: gets the model (weights and manifest, the best by validation so far), `checkpoint.safetensors`,
            `recipe.json`, `metrics.json` and `learning-curve.png`; all are usable while the run goes on.

    Raises:
        DataError: if data is missing or damaged.
        ResumeError: if `out_dir` holds a run of another recipe.
    """
    run = _Run(recipe, load_detector_data(data_dir), out_dir)
    run.announce()
    run.go()


class _Run:
    """One training run and its files."""

    def __init__(self, recipe: SvhnFcnRecipe, data: DetectorData, out_dir: Path) -> None:
        out_dir.mkdir(parents=True, exist_ok=True)
        self._recipe, self._data, self._out = recipe, data, out_dir
        self._checkpoint = out_dir / "checkpoint.safetensors"
        self._model = compile_network(recipe)
        self._average: list[FloatArray] = self._model.get_weights()
        self._first_end: list[FloatArray] = []
        self._step, self._seconds = 0, 0.0
        self._history: list[dict[str, float]] = []
        self._started = time.monotonic()
        state = load_state(self._checkpoint, recipe)
        if state:
            self._restore(state)
        _write_json(out_dir / "recipe.json", asdict(recipe))

    def announce(self) -> None:
        """Says what the run learns from, what is missing, and where it goes on."""
        counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in self._data.counts.items())
        print(f"data: {counts}")
        for path in self._data.missing:
            print(f"not there, going on without: {path}")
        if self._step:
            print(f"going on after step {self._step} of {self._checkpoint}")

    def go(self) -> None:
        """Trains to the last step, validating and saving on the way."""
        recipe = self._recipe
        losses: list[float] = []
        with tqdm(
            total=recipe.steps, initial=self._step, unit="step", smoothing=0.05, desc="svhn-fcn"
        ) as bar:
            for images, targets in batches(self._data.sources, recipe, self._step):
                losses.append(float(self._model.train_on_batch(images, targets)))
                self._step += 1
                self._update_average()
                if self._step == recipe.main_steps:
                    self._first_end = [array.copy() for array in self._average]
                bar.update()
                if self._step % recipe.validate_every == 0 or self._step == recipe.steps:
                    row = self._validate(float(np.mean(losses)))
                    losses = []
                    bar.write("  ".join(f"{name} {value:.4g}" for name, value in row.items()))

    def _update_average(self) -> None:
        decay = min(self._recipe.average, (1 + self._step) / (10 + self._step))
        for average, weight in zip(self._average, self._model.get_weights(), strict=True):
            np.add(average, (1 - decay) * (weight - average), out=average)

    def _shipped(self) -> list[FloatArray]:
        if not self._first_end:
            return self._average
        pairs = zip(self._first_end, self._average, strict=True)
        return [np.asarray((first + now) / 2, np.float32) for first, now in pairs]

    def _validate(self, loss: float) -> dict[str, float]:
        row = {"step": float(self._step), "loss": loss} | validate(self._shipped(), self._data)
        self._history.append(row)
        if is_best(self._history, len(self._data.validation)):
            self._save_best(row)
        _write_json(self._out / "metrics.json", self._history)
        write_png(self._out / "learning-curve.png", learning_curve(self._history))
        self._save_checkpoint()
        return row

    def _save_best(self, row: dict[str, float]) -> None:
        recipe = self._recipe
        training = {
            "command": f"digit-detector-train {recipe.name} --steps {recipe.steps} --seed {recipe.seed}"
            " --data DIR --out DIR",
            "recipe": asdict(recipe),
            "data": self._data.counts,
            "data_missing": self._data.missing,
            "seconds": round(self._elapsed()),
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
            "validation": row,
        }
        save_model(self._out, self._shipped(), Manifest("svhn-fcn", VERSION, "", TRAINING_DATA, training))
        record_self_check(self._out)

    def _elapsed(self) -> float:
        return self._seconds + time.monotonic() - self._started

    def _save_checkpoint(self) -> None:
        groups = {
            "weights": self._model.get_weights(),
            "optimizer": [np.asarray(variable.numpy()) for variable in self._model.optimizer.variables],
            "average": self._average,
            "first_end": self._first_end,
        }
        save_state(
            self._checkpoint, RunState(self._step, groups, self._history, self._elapsed()), self._recipe
        )

    def _restore(self, state: RunState) -> None:
        self._model.set_weights(state.groups["weights"])
        for variable, value in zip(self._model.optimizer.variables, state.groups["optimizer"], strict=True):
            variable.assign(value)
        self._average = [array.copy() for array in state.groups["average"]]
        self._first_end = state.groups.get("first_end", [])
        self._step, self._history, self._seconds = state.step, state.history, state.seconds


def is_best(history: list[dict[str, float]], images: int) -> bool:
    """Whether the last row is as good as any before, as far as so many images can tell.

    The later of two that are within a standard error of each other has learned more (the one-standard-error rule,
    Breiman et al., Classification and Regression Trees, 1984).
    """
    best = max(row["score"] for row in history)
    return history[-1]["score"] >= best - math.sqrt(best * (1 - best) / images)


def _write_json(path: Path, content: object) -> None:
    write_whole(path, (json.dumps(content, indent=2) + "\n").encode())


def batches(
    sources: PatchSources, recipe: SvhnFcnRecipe, first: int
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Batches `first`, `first` + 1, ... to the last, made a few ahead in threads."""
    main = PatchMaker(sources, recipe.patches)
    refining = PatchMaker(sources, recipe.refining_patches)

    def make(step: int) -> tuple[FloatArray, FloatArray]:
        maker = main if step < recipe.main_steps else refining
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
    optimizer = keras.optimizers.AdamW(_learning_rate(recipe), weight_decay=recipe.weight_decay, clipnorm=5.0)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer, loss=detector_loss, jit_compile=False)
    return model


class _TwoCosines(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc] # Keras gives no types
    """One schedule up to a step, another, counted from there, afterwards."""

    def __init__(self, first: _Schedule, second: _Schedule, boundary: int) -> None:
        super().__init__()
        self._first, self._second, self._boundary = first, second, boundary

    def __call__(self, step: keras.KerasTensor) -> keras.KerasTensor:
        step = keras.ops.cast(step, "float32")
        later = keras.ops.maximum(step - self._boundary, 0.0)
        return keras.ops.where(step < self._boundary, self._first(step), self._second(later))


def _learning_rate(recipe: SvhnFcnRecipe) -> _TwoCosines:
    cosine = keras.optimizers.schedules.CosineDecay
    main = max(recipe.main_steps, 1)
    warmup = min(recipe.warmup, main // 2)  # a trial of a few steps warms up too
    first = cosine(0.0, main - warmup, alpha=0.01, warmup_target=recipe.learning_rate, warmup_steps=warmup)
    second = cosine(recipe.learning_rate / 2, max(recipe.steps - main, 1), alpha=0.01)
    return _TwoCosines(first, second, main)
