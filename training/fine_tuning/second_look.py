"""The fine-tuning of a model's second look: `digit-detector-train second-look --init`."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import keras

from detector.architecture import build_second_look
from detector.detections import FloatArray
from detector.digit_detector import DigitDetector
from detector.fcn import Fcn, SecondLook
from detector.model_files import Manifest, Weights, save_model
from detector.self_check import record_self_check
from training.detector_data import DetectorData
from training.errors import TrainingError
from training.fine_tuning.fcn import Pictures, balanced_draw, continued, mixed, origin_of, write_file_lists
from training.fine_tuning.recipes import SecondLookFineTuning
from training.fine_tuning.report import report
from training.fine_tuning.starting_model import StartingModel
from training.looks import LookMaker
from training.optimisation import compiled, rise_and_fall
from training.run import Row, Run, Task
from training.second_look import look_sources
from training.svhn_fcn import VERSION
from training.teaching.teacher import Teacher
from training.validation import validate


def fine_tune_second_look(
    recipe: SecondLookFineTuning,
    start: StartingModel,
    proposing: StartingModel,
    pictures: Pictures,
    out_dir: Path,
    teacher: Teacher | None = None,
) -> None:
    """Goes on training a model's second look on other pictures, or goes on with a run that was stopped.

    Args:
        recipe: how.
        start: the model whose second look goes on learning.
        proposing: the model whose FCN proposes and becomes part of the new model.
        pictures: what is learned from.
        out_dir: gets the model (both networks; the best by validation so far) beside the run's own files.
        teacher: what it says is learned beside the truth.

    Raises:
        TrainingError: if the model has no second look.
        ResumeError: if `out_dir` holds a run of another recipe, or from other models.
    """
    if not start.weights.second_look:
        raise TrainingError(
            f"{start.folder} has no second look that could go on learning; without --init a new one is trained"
        )
    fcn = Fcn(proposing.weights.fcn)
    proposer = DigitDetector(fcn, proposing.manifest)
    kept_in = out_dir / proposing.manifest.sha256[:12]
    own = look_sources(proposer, pictures.own, recipe, kept_in)
    new_looks = LookMaker(own, recipe.looks, balanced_draw(pictures.own))
    old = None
    if pictures.old:
        part = thinned(pictures.old, recipe.old_images)
        old = LookMaker(look_sources(proposer, part, recipe, kept_in / "old"), recipe.looks)

    def detector(weights: list[FloatArray]) -> DigitDetector:
        return DigitDetector(fcn, proposing.manifest, second_look=SecondLook(weights))

    task = Task(
        model=compile_network(recipe, start.weights.second_look),
        make_batch=mixed(new_looks, old, recipe.batch, recipe.old_part, teacher),
        validate=lambda weights: validate(detector(weights), pictures.own),
        save=partial(_save, recipe, start, proposing, pictures, out_dir),
        images=len(pictures.own.validation),
        patience=recipe.patience,
    )
    Run(recipe, task, out_dir).go()
    report(start, pictures.own, pictures.old, out_dir)


def thinned(data: DetectorData, most: int) -> DetectorData:
    """The data with about `most` of its scenes and of its photographs, evenly picked."""
    scenes, photos = (
        slice(None, None, max(1, -(-len(images) // most))) for images in (data.learned, data.sources.photos)
    )
    sources = replace(data.sources, scenes=data.sources.scenes[scenes], photos=data.sources.photos[photos])
    return replace(data, sources=sources, learned=data.learned[scenes])


def compile_network(recipe: SecondLookFineTuning, weights: list[FloatArray]) -> keras.Model:
    """The network with the weights that it starts from, and its optimiser."""

    def build() -> keras.Model:
        model = build_second_look()
        model.set_weights(weights)
        return model

    rate = rise_and_fall(recipe.learning_rate, recipe.steps, recipe.warmup)
    return compiled(build, recipe.seed, rate, recipe.weight_decay)


def _save(
    recipe: SecondLookFineTuning,
    start: StartingModel,
    proposing: StartingModel,
    pictures: Pictures,
    out_dir: Path,
    second_look: list[FloatArray],
    row: Row,
    seconds: float,
) -> None:
    known, before = proposing.manifest, start.manifest.training.get("second_look", {})
    training = {
        "fcn": known.training.get("fcn", known.training),
        "second_look": continued(recipe, start, pictures, row, seconds, before),
    }
    manifest = Manifest(known.name, VERSION, "", origin_of([start, proposing], pictures), training)
    save_model(out_dir, Weights(proposing.weights.fcn, second_look), manifest)
    record_self_check(out_dir)
    write_file_lists([start, proposing], pictures, out_dir)
