"""The detector's own training: `digit-detector-train svhn-fcn`."""

from functools import partial
from pathlib import Path

import keras
import numpy as np

from detector.models.architecture import build_fcn
from detector.models.model_files import Manifest, Weights, save_model
from detector.models.tensorflow_backend import Fcn
from detector.pipeline.detector import DigitDetector
from detector.pipeline.loading import record_self_check
from detector.results.detections import FloatArray
from training.data.detector_data import DetectorData, PatchSources, load_detector_data
from training.data.labels.folder import LabelOptions
from training.engine.distributed.workers import SINGLE_PROCESS, Workers
from training.engine.optimization import Schedule, compiled, fall, warmup_cosine
from training.engine.provenance import announce, record, write_file_list
from training.engine.training_run import Batch, MakeBatch, Row, TrainingTask, train_task
from training.evaluation.validation import validate
from training.fcn.fcn_recipe import SvhnFcnRecipe
from training.samplers.patches import PatchSampler


def train(
    recipe: SvhnFcnRecipe,
    data_dir: Path,
    out_dir: Path,
    options: LabelOptions | None = None,
    workers: Workers = SINGLE_PROCESS,
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
    task = TrainingTask(
        model=compile_network(recipe),
        make_batch=batch_maker(data.sources, recipe),
        validate=lambda weights: validate(_detector(weights), data),
        save=partial(_save, recipe, data, out_dir),
        images=len(data.validation),
        ends=(recipe.main_steps,),
    )
    train_task(recipe, task, out_dir, workers)


def batch_maker(sources: PatchSources, recipe: SvhnFcnRecipe) -> MakeBatch:
    """What makes the batch of a step."""
    main = PatchSampler(sources, recipe.patches)
    refining = PatchSampler(sources, recipe.refining_patches)

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
    save_model(out_dir, Weights(weights), Manifest(recipe.name, "", "", data.origin, training))
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
    first = warmup_cosine(recipe.learning_rate, main, recipe.warmup)
    return _TwoCosines(first, fall(recipe.learning_rate / 2, max(recipe.steps - main, 1)), main)
