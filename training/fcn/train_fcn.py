"""The FCN's own training: `digit-detector-train svhn-fcn`."""

from pathlib import Path

import numpy as np

from detector.models.architecture import build_fcn
from detector.models.model_files import Manifest, Weights
from detector.models.tensorflow_backend import Fcn
from detector.pipeline.detector import DigitDetector
from detector.results.detections import FloatArray
from training.data.detector_data import PatchSources, load_detector_data
from training.data.labels.folder import LabelOptions
from training.engine.distributed.workers import SINGLE_PROCESS, Workers
from training.engine.optimization import WarmRestart, cosine, warmup_cosine
from training.engine.provenance import announce, record, save_detector
from training.engine.training_run import Batch, MakeBatch, Row, TrainingTask, train
from training.evaluation.validation import VALIDATED, validate
from training.fcn.recipes import SvhnFcnRecipe
from training.samplers.patches import PatchSampler, with_rendered


def train_fcn(
    recipe: SvhnFcnRecipe,
    data_dir: Path,
    out_dir: Path,
    options: LabelOptions | None = None,
    workers: Workers = SINGLE_PROCESS,
) -> None:
    """Train the detector's FCN, or resume a run that was stopped.

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

    def save(weights: list[FloatArray], row: Row, seconds: float) -> None:
        manifest = Manifest(recipe.name, "", "", data.origin, record(recipe, data, row, seconds))
        save_detector(out_dir, Weights(weights), manifest, data.files)

    task = TrainingTask(
        build=build_fcn,
        make_batch=batch_maker(with_rendered(data.sources, recipe.rendered, recipe.seed), recipe),
        validate=lambda weights: validate(DigitDetector(Fcn(weights), VALIDATED), data),
        save=save,
        images=len(data.validation),
        learning_rate=learning_rate(recipe),
        ends=(recipe.main_steps,),
    )
    train(recipe, task, out_dir, workers)


def batch_maker(sources: PatchSources, recipe: SvhnFcnRecipe) -> MakeBatch:
    """Return a maker of the batch of a step."""
    main = PatchSampler(sources, recipe.patches)
    refining = PatchSampler(sources, recipe.refining_patches)

    def make(step: int, rng: np.random.Generator) -> Batch:
        return (main if step < recipe.main_steps else refining).batch(recipe.batch, rng)

    return make


def learning_rate(recipe: SvhnFcnRecipe) -> WarmRestart:
    """Return the recipe's schedule: warm-up and a cosine, then a second cosine from half the peak."""
    main = max(recipe.main_steps, 1)
    first = warmup_cosine(recipe.learning_rate, main, recipe.warmup)
    return WarmRestart(first, cosine(recipe.learning_rate / 2, max(recipe.steps - main, 1)), main)
