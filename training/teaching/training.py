"""The training of teachers: `digit-detector-train teacher`."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras

from detector.detections import FloatArray
from detector.digit_detector import DigitDetector
from detector.fcn import Fcn, FrozenNetwork
from detector.model_files import Manifest, Weights, save_model
from training.detector_data import DetectorData, load_detector_data
from training.digit_draw import DigitDraw
from training.labels.folder import LabelOptions
from training.looks import LookMaker
from training.optimisation import compiled, rise_and_fall
from training.patches import PatchMaker
from training.run import Row, Run, Task
from training.second_look import look_sources
from training.svhn_fcn import VERSION, announce, record, write_file_list
from training.synthetic import render_scenes
from training.teaching.architectures import build_fcn_teacher, build_second_look_teacher
from training.teaching.recipes import FcnTeacherRecipe, SecondLookTeacherRecipe, TeacherRecipe
from training.validation import validate

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
    maker = PatchMaker(replace(data.sources, rendered=rendered), recipe.patches, _draw(data))

    def detector(weights: list[FloatArray]) -> DigitDetector:
        return DigitDetector(FrozenNetwork(build_fcn_teacher(), weights), _VALIDATED)

    _train(recipe, build_fcn_teacher, maker, detector, Weights, data, out_dir)


def train_second_look_teacher(
    recipe: SecondLookTeacherRecipe,
    fcn_weights: list[FloatArray],
    data_dir: Path,
    out_dir: Path,
    options: LabelOptions | None = None,
) -> None:
    """Trains the second look's teacher on what an FCN proposes, or goes on with a run that was stopped.

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
    sources = look_sources(DigitDetector(fcn, _VALIDATED), data, recipe, out_dir / recipe.fcn[:12])
    maker = LookMaker(sources, recipe.looks, _draw(data))

    def detector(second_look: list[FloatArray]) -> DigitDetector:
        network = FrozenNetwork(build_second_look_teacher(), second_look)
        return DigitDetector(fcn, _VALIDATED, second_look=network)

    _train(recipe, build_second_look_teacher, maker, detector, partial(Weights, []), data, out_dir)


def _train(
    recipe: TeacherRecipe,
    build: Callable[[], keras.Model],
    maker: PatchMaker | LookMaker,
    detector: Callable[[list[FloatArray]], DigitDetector],
    held: Callable[[list[FloatArray]], Weights],
    data: DetectorData,
    out_dir: Path,
) -> None:
    rate = rise_and_fall(recipe.learning_rate, recipe.steps, recipe.warmup)
    task = Task(
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
    save_model(out_dir, weights, Manifest(recipe.name, VERSION, "", data.origin, training))
    write_file_list(data.files, out_dir)


def _draw(data: DetectorData) -> DigitDraw:
    return DigitDraw([scene.labels for scene in data.learned])
