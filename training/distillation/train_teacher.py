"""The training of teachers: `digit-detector-train teacher`."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras

from detector.models.model_files import Manifest, Weights, save_model
from detector.models.tensorflow_backend import Fcn, TensorFlowNetwork
from detector.pipeline.detector import DigitDetector
from detector.results.detections import FloatArray
from training.data.detector_data import DetectorData, load_detector_data
from training.data.labels.folder import LabelOptions
from training.distillation.teacher import build_fcn_teacher, build_refiner_teacher
from training.distillation.teacher_recipes import FcnTeacherRecipe, RefinerTeacherRecipe, TeacherRecipe
from training.engine.optimization import compiled, warmup_cosine
from training.engine.provenance import announce, record, write_file_list
from training.engine.training_run import Row, Run, TrainingTask
from training.evaluation.validation import validate
from training.refiner.train_refiner import window_sources
from training.samplers.index_samplers import ClassBalancedSampler
from training.samplers.patches import PatchSampler
from training.samplers.synthetic import render_scenes
from training.samplers.windows import WindowSampler

_VALIDATED = Manifest("validated", "", "", "")


def train_fcn_teacher(
    recipe: FcnTeacherRecipe, data_dir: Path, out_dir: Path, options: LabelOptions | None = None
) -> None:
    """Trains the FCN's teacher, or goes on with a run that was stopped.

    Args:
        recipe: how.
        data_dir: as for the FCN.
        out_dir: gets the teacher (the best by validation so far) beside the run's own files.
        options: how labels of one's own are read.

    Raises:
        DataError: if data is missing or damaged.
        ResumeError: if `out_dir` holds a run of another recipe.
    """
    data = load_detector_data(data_dir, options, recipe.seed)
    announce(data)
    rendered = render_scenes(recipe.rendered, data.sources.photos, recipe.seed)
    maker = PatchSampler(replace(data.sources, rendered=rendered), recipe.patches, _draw(data))

    def detector(weights: list[FloatArray]) -> DigitDetector:
        return DigitDetector(TensorFlowNetwork(build_fcn_teacher(), weights), _VALIDATED)

    _train(recipe, build_fcn_teacher, maker, detector, Weights, data, out_dir)


def train_refiner_teacher(
    recipe: RefinerTeacherRecipe,
    fcn_weights: list[FloatArray],
    data_dir: Path,
    out_dir: Path,
    options: LabelOptions | None = None,
) -> None:
    """Trains the refiner's teacher on what an FCN proposes, or goes on with a run that was stopped.

    Args:
        recipe: how.
        fcn_weights: of the FCN that proposes.
        data_dir: as for the FCN.
        out_dir: gets the teacher (the best by validation so far) beside the run's own files.
        options: how labels of one's own are read.

    Raises:
        DataError: if data is missing or damaged.
        ResumeError: if `out_dir` holds a run of another recipe.
    """
    data = load_detector_data(data_dir, options, recipe.seed)
    announce(data)
    fcn = Fcn(fcn_weights)
    sources = window_sources(DigitDetector(fcn, _VALIDATED), data, recipe, out_dir / recipe.fcn[:12])
    maker = WindowSampler(sources, recipe.looks, _draw(data))

    def detector(refiner: list[FloatArray]) -> DigitDetector:
        network = TensorFlowNetwork(build_refiner_teacher(), refiner)
        return DigitDetector(fcn, _VALIDATED, refiner=network)

    _train(recipe, build_refiner_teacher, maker, detector, partial(Weights, []), data, out_dir)


def _train(
    recipe: TeacherRecipe,
    build: Callable[[], keras.Model],
    maker: PatchSampler | WindowSampler,
    detector: Callable[[list[FloatArray]], DigitDetector],
    held: Callable[[list[FloatArray]], Weights],
    data: DetectorData,
    out_dir: Path,
) -> None:
    rate = warmup_cosine(recipe.learning_rate, recipe.steps, recipe.warmup)
    task = TrainingTask(
        model=compiled(build, recipe.seed, rate, recipe.weight_decay),
        make_batch=lambda _step, rng: maker.batch(recipe.batch, rng),
        validate=lambda weights: validate(detector(weights), data),
        save=lambda weights, row, seconds: _save(recipe, data, out_dir, held(weights), row, seconds),
        images=len(data.validation),
    )
    Run(recipe, task, out_dir).go()


def _save(
    recipe: TeacherRecipe, data: DetectorData, out_dir: Path, weights: Weights, row: Row, seconds: float
) -> None:
    training = record(recipe, data, row, seconds)
    save_model(out_dir, weights, Manifest(recipe.name, "", "", data.origin, training))
    write_file_list(data.files, out_dir)


def _draw(data: DetectorData) -> ClassBalancedSampler:
    return ClassBalancedSampler([scene.labels for scene in data.learned])
