"""The detector's own training: `digit-detector-train svhn-fcn`."""

from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from detector.architecture import build_fcn
from detector.detections import FloatArray
from detector.digit_detector import DigitDetector
from detector.fcn import Fcn
from detector.files import write_whole
from detector.model_files import Manifest, Weights, save_model
from detector.self_check import record_self_check
from training.detector_data import DetectorData, load_detector_data
from training.detector_recipe import SvhnFcnRecipe
from training.labels.folder import LabelOptions
from training.optimisation import Schedule, compiled, fall, rise_and_fall
from training.patches import PatchMaker, PatchSources
from training.run import Batch, MakeBatch, Row, Task, train_task
from training.validation import validate
from training.workers import ALONE, Workers

VERSION = "1"
TRAINED_ON = "trained_on.txt"
"""In a model's folder: every picture that was learned from or validated on, one a line."""


def train(
    recipe: SvhnFcnRecipe,
    data_dir: Path,
    out_dir: Path,
    options: LabelOptions | None = None,
    workers: Workers = ALONE,
) -> None:
    """Trains the detector's FCN, or goes on with a run that was stopped.

    Args:
        recipe: how.
        data_dir: a folder with `svhn/` as officially laid out, or of one's own labels; and, if wanted, with
            `backgrounds/` and `letters/`.
        out_dir: gets the model (weights and manifest, the best by validation so far) beside the run's own files.
        options: how labels of one's own are read.
        workers: who trains; all of them call this alike.

    Raises:
        DataError: if data is missing or damaged.
        ResumeError: if `out_dir` holds a run of another recipe.
    """
    data = load_detector_data(data_dir, options, recipe.seed)
    announce(data)
    task = Task(
        model=compile_network(recipe),
        make_batch=batch_maker(data.sources, recipe),
        validate=lambda weights: validate(_detector(weights), data),
        save=partial(_save, recipe, data, out_dir),
        images=len(data.validation),
        ends=(recipe.main_steps,),
    )
    train_task(recipe, task, out_dir, workers)


def announce(data: DetectorData) -> None:
    """Says what a run learns from, and what is missing."""
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in data.counts.items())
    print(f"data: {counts}")
    for path in data.missing:
        print(f"not there, going on without: {path}")


def record(recipe: Any, data: DetectorData, row: Row, seconds: float, arguments: str = "") -> dict[str, Any]:
    """What a manifest says of a training: command (with more `arguments`, if any), data counts, time, figures."""
    return {
        "command": f"digit-detector-train {recipe.name} --steps {recipe.steps} --seed {recipe.seed}{arguments}"
        f" --data DIR{data.options.arguments()} --out DIR",
        "recipe": asdict(recipe),
        "data": data.counts,
        "data_missing": data.missing,
        "seconds": round(seconds),
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "validation": row,
    }


def listed_files(models: Iterable[Path]) -> list[str]:
    """The lines of the file of `TRAINED_ON` of each model's folder, as far as there is one."""
    lists = [folder / TRAINED_ON for folder in models]
    return [line for path in lists if path.is_file() for line in path.read_text("utf-8").splitlines()]


def joined_origins(origins: Iterable[str]) -> str:
    """Where several things are from that were learned from one after the other, each told once."""
    return ". Then: ".join(dict.fromkeys(origins))


def write_file_list(files: Iterable[str], out_dir: Path) -> None:
    """Writes the file of `TRAINED_ON`, each line once."""
    write_whole(out_dir / TRAINED_ON, "".join(f"{line}\n" for line in dict.fromkeys(files)).encode())


def batch_maker(sources: PatchSources, recipe: SvhnFcnRecipe) -> MakeBatch:
    """What makes the batch of a step."""
    main = PatchMaker(sources, recipe.patches)
    refining = PatchMaker(sources, recipe.refining_patches)

    def make(step: int, rng: np.random.Generator) -> Batch:
        return (main if step < recipe.main_steps else refining).batch(recipe.batch, rng)

    return make


def _detector(weights: list[FloatArray]) -> DigitDetector:
    return DigitDetector(Fcn(weights), Manifest("validated", "", "", ""))


def _save(
    recipe: SvhnFcnRecipe,
    data: DetectorData,
    out_dir: Path,
    weights: list[FloatArray],
    row: Row,
    seconds: float,
) -> None:
    training = record(recipe, data, row, seconds)
    save_model(out_dir, Weights(weights), Manifest(recipe.name, VERSION, "", data.origin, training))
    record_self_check(out_dir)
    write_file_list(data.files, out_dir)


def compile_network(recipe: SvhnFcnRecipe) -> keras.Model:
    """The untrained network with its optimiser and loss."""
    return compiled(build_fcn, recipe.seed, _learning_rate(recipe), recipe.weight_decay)


class _TwoCosines(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc] # Keras gives no types
    """One schedule up to a step, another, counted from there, afterwards."""

    def __init__(self, first: Schedule, second: Schedule, boundary: int) -> None:
        super().__init__()
        self._first, self._second, self._boundary = first, second, boundary

    def __call__(self, step: keras.KerasTensor) -> keras.KerasTensor:
        step = keras.ops.cast(step, "float32")
        later = keras.ops.maximum(step - self._boundary, 0.0)
        return keras.ops.where(step < self._boundary, self._first(step), self._second(later))


def _learning_rate(recipe: SvhnFcnRecipe) -> _TwoCosines:
    main = max(recipe.main_steps, 1)
    first = rise_and_fall(recipe.learning_rate, main, recipe.warmup)
    return _TwoCosines(first, fall(recipe.learning_rate / 2, max(recipe.steps - main, 1)), main)
