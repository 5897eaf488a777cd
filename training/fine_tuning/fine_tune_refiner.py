"""The fine-tuning of a model's refiner: `digit-detector-train refiner --init`."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import keras

from detector.models.architecture import build_refiner
from detector.models.model_files import Manifest, Weights, save_model
from detector.models.tensorflow_backend import Fcn, Refiner
from detector.pipeline.detector import DigitDetector
from detector.pipeline.loading import record_self_check
from detector.results.detections import FloatArray
from training.data.detector_data import DetectorData
from training.distillation.teacher import Teacher
from training.engine.optimization import compiled, warmup_cosine
from training.engine.training_run import Row, Run, TrainingTask
from training.errors import TrainingError
from training.fine_tuning.fine_tune_fcn import (
    Pictures,
    balanced_draw,
    continued,
    mixed,
    origin_of,
    validate_both,
    write_file_lists,
)
from training.fine_tuning.fine_tuning_recipes import RefinerFineTuning
from training.fine_tuning.fine_tuning_report import report
from training.fine_tuning.starting_model import StartingModel
from training.refiner.train_refiner import window_sources
from training.samplers.windows import WindowSampler


def fine_tune_refiner(
    recipe: RefinerFineTuning,
    start: StartingModel,
    proposing: StartingModel,
    pictures: Pictures,
    out_dir: Path,
    teacher: Teacher | None = None,
) -> None:
    """Goes on training a model's refiner on other pictures, or goes on with a run that was stopped.

    Args:
        recipe: how.
        start: the model whose refiner goes on learning.
        proposing: the model whose FCN proposes and becomes part of the new model.
        pictures: what is learned from.
        out_dir: gets the model (both networks; the best by validation so far) beside the run's own files.
        teacher: what it says is learned beside the truth.

    Raises:
        TrainingError: if the model has no refiner.
        ResumeError: if `out_dir` holds a run of another recipe, or from other models.
    """
    if not start.weights.refiner:
        raise TrainingError(
            f"{start.folder} has no refiner that could go on learning; without --init a new one is trained"
        )
    fcn = Fcn(proposing.weights.fcn)
    proposer = DigitDetector(fcn, proposing.manifest)
    kept_in = out_dir / proposing.manifest.sha256[:12]
    own = window_sources(proposer, pictures.own, recipe, kept_in)
    new_looks = WindowSampler(own, recipe.looks, balanced_draw(pictures.own))
    old = None
    if pictures.old:
        part = thinned(pictures.old, recipe.old_images)
        old = WindowSampler(window_sources(proposer, part, recipe, kept_in / "old"), recipe.looks)

    def detector(weights: list[FloatArray]) -> DigitDetector:
        return DigitDetector(fcn, proposing.manifest, refiner=Refiner(weights))

    keeps = pictures.old is not None and teacher is None
    start_network = Refiner(start.weights.refiner) if keeps else None
    task = TrainingTask(
        model=compile_network(recipe, start.weights.refiner),
        make_batch=mixed(new_looks, old, recipe.batch, recipe.replay_fraction, start_network, teacher),
        validate=lambda weights: validate_both(detector(weights), pictures),
        save=partial(_save, recipe, start, proposing, pictures, out_dir),
        images=len(pictures.own.validation),
        patience=recipe.patience,
    )
    Run(recipe, task, out_dir).go()
    report(start, pictures.own, pictures.old, out_dir)


def thinned(data: DetectorData, most: int) -> DetectorData:
    """Return the data with about `most` of its scenes and of its photographs, evenly picked."""
    scenes, photos = (
        slice(None, None, max(1, -(-len(images) // most))) for images in (data.learned, data.sources.photos)
    )
    sources = replace(data.sources, scenes=data.sources.scenes[scenes], photos=data.sources.photos[photos])
    return replace(data, sources=sources, learned=data.learned[scenes])


def compile_network(recipe: RefinerFineTuning, weights: list[FloatArray]) -> keras.Model:
    """Return the network with the weights that it starts from, and its optimiser."""

    def build() -> keras.Model:
        model = build_refiner()
        model.set_weights(weights)
        return model

    rate = warmup_cosine(recipe.learning_rate, recipe.steps, recipe.warmup)
    return compiled(build, recipe.seed, rate, recipe.weight_decay)


def _save(
    recipe: RefinerFineTuning,
    start: StartingModel,
    proposing: StartingModel,
    pictures: Pictures,
    out_dir: Path,
    refiner: list[FloatArray],
    row: Row,
    seconds: float,
) -> None:
    known, before = proposing.manifest, start.manifest.training.get("refiner", {})
    training = {
        "fcn": known.training.get("fcn", known.training),
        "refiner": continued(recipe, start, pictures, row, seconds, before),
    }
    manifest = Manifest(
        name=known.name,
        version="",
        sha256="",
        training_data=origin_of([start, proposing], pictures),
        training=training,
        operating_point=start.manifest.operating_point,  # until it is calibrated anew
    )
    save_model(out_dir, Weights(proposing.weights.fcn, refiner), manifest)
    record_self_check(out_dir)
    write_file_lists([start, proposing], pictures, out_dir)
