"""The fine-tuning of a model's FCN: `digit-detector-train svhn-fcn --init`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np

from detector.models.architecture import build_fcn
from detector.models.model_files import Manifest, Weights, save_model
from detector.models.tensorflow_backend import Fcn
from detector.pipeline.detector import DigitDetector
from detector.pipeline.loading import record_self_check
from detector.results.detections import FloatArray
from training.data.detector_data import DetectorData, load_detector_data
from training.data.labels.folder import LabelOptions
from training.distillation.retention import Answering, retained, unretained
from training.distillation.teacher import Teacher
from training.engine.optimization import compiled, warmup_cosine
from training.engine.provenance import (
    announce,
    joined_origins,
    listed_files,
    record,
    write_file_list,
)
from training.engine.training_run import Batch, MakeBatch, Row, Run, TrainingTask
from training.evaluation.validation import validate
from training.fine_tuning.fine_tuning_recipes import FcnFineTuning
from training.fine_tuning.fine_tuning_report import report
from training.fine_tuning.starting_model import StartingModel
from training.samplers.index_samplers import ClassBalancedSampler
from training.samplers.patches import PatchSampler
from training.samplers.synthetic import render_scenes


@dataclass(frozen=True, eq=False)
class Pictures:
    """The images that a fine-tuning learns from.

    Attributes:
        own: the new pictures.
        old: data of the kind that the model has learned from before; None if none is given.
    """

    own: DetectorData
    old: DetectorData | None

    @classmethod
    def load(cls, own: Path, old: Path | None, options: LabelOptions | None, seed: int) -> "Pictures":
        """Read both folders and say what is in them.

        Raises:
            DataError: if data is missing or damaged.
        """
        pictures = cls(
            load_detector_data(own, options, seed), load_detector_data(old, seed=seed) if old else None
        )
        announce(pictures.own)
        if pictures.old:
            print("old data, mixed in:")
            announce(pictures.old)
        return pictures


class Maker(Protocol):
    """A maker of batches from one source."""

    def batch(self, size: int, rng: np.random.Generator) -> Batch:
        """Images and targets."""
        ...


def fine_tune(
    recipe: FcnFineTuning,
    start: StartingModel,
    pictures: Pictures,
    out_dir: Path,
    teacher: Teacher | None = None,
) -> None:
    """Goes on training a model's FCN on other pictures, or goes on with a run that was stopped.

    The model's refiner, if it has one, is kept as it is.

    Args:
        recipe: how.
        start: the model.
        pictures: what is learned from.
        out_dir: gets the model (the best by validation so far) beside the run's own files.
        teacher: what it says is learned beside the truth.

    Raises:
        ResumeError: if `out_dir` holds a run of another recipe, or from another model.
    """
    draw = balanced_draw(pictures.own)
    sources = pictures.own.sources
    if recipe.rendered:
        sources = replace(sources, rendered=render_scenes(recipe.rendered, sources.photos, recipe.seed))
    own = PatchSampler(sources, recipe.patches, draw)
    old = PatchSampler(pictures.old.sources, recipe.old_patches) if pictures.old else None

    def detector(weights: list[FloatArray]) -> DigitDetector:
        return DigitDetector(
            Fcn(weights), start.manifest
        )  # alone: an old refiner refuses what it has not seen

    keeps = pictures.old is not None and teacher is None
    start_network = Fcn(start.weights.fcn) if keeps else None
    task = TrainingTask(
        model=compile_network(recipe, start.weights.fcn),
        make_batch=mixed(own, old, recipe.batch, recipe.replay_fraction, start_network, teacher),
        validate=lambda weights: validate_both(detector(weights), pictures),
        save=partial(_save, recipe, start, pictures, out_dir),
        images=len(pictures.own.validation),
        patience=recipe.patience,
    )
    Run(recipe, task, out_dir).go()
    report(start, pictures.own, pictures.old, out_dir)


def validate_both(detector: DigitDetector, pictures: Pictures) -> Row:
    """Figures on the new pictures' validation images; of the `score`, half is that of the old data's, if given."""
    figures = validate(detector, pictures.own)
    if pictures.old is None:
        return figures
    old = validate(detector, pictures.old)
    figures |= {f"old_{name}": value for name, value in old.items() if name != "score"}
    return figures | {"score": (figures["score"] + old["score"]) / 2}


def balanced_draw(own: DetectorData) -> ClassBalancedSampler:
    """Draws digits of rare classes more often, and says so."""
    draw = ClassBalancedSampler([scene.labels for scene in own.learned])
    shares = zip(draw.counts, draw.shares, strict=True)
    print("digits to learn from, and how often each is drawn (a rare one more often than it comes):")
    print("  ".join(f"{digit}: {count} ({share:.0%})" for digit, (count, share) in enumerate(shares)))
    return draw


def mixed(
    own: Maker,
    old: Maker | None,
    size: int,
    replay_fraction: float,
    start: Answering | None,
    teacher: Teacher | None = None,
) -> MakeBatch:
    """Return the batch of a step: new pictures, then old data, of which `start` keeps what it says.

    Args:
        own: makes batches of new pictures.
        old: makes batches of old data, if any is given.
        size: of a batch.
        replay_fraction: part of the batch that is of old data.
        start: the network as it is before it goes on learning; None if nothing of what it says is kept.
        teacher: what it says of both is learned in place of what `start` says.
    """

    def make(_step: int, rng: np.random.Generator) -> Batch:
        of_old = round(size * replay_fraction) if old else 0
        images, targets = own.batch(size - of_old, rng)
        if not old or not of_old:
            return images, targets
        old_images, old_targets = old.batch(of_old, rng)
        if start:
            targets, old_targets = unretained(targets), retained(start, old_images, old_targets)
        return np.concatenate([images, old_images]), np.concatenate([targets, old_targets])

    return teacher.add_soft_targets(make) if teacher else make


def compile_network(recipe: FcnFineTuning, weights: Sequence[FloatArray]) -> keras.Model:
    """Return the network with the weights that it starts from, its first convolutions frozen, and its optimiser."""

    def build() -> keras.Model:
        model = build_fcn()
        model.set_weights(weights)
        freeze(model, recipe.freeze)
        return model

    rate = warmup_cosine(recipe.learning_rate, recipe.steps, recipe.warmup)
    return compiled(build, recipe.seed, rate, recipe.weight_decay)


def freeze(model: keras.Model, convolutions: int) -> None:
    """Make a network's first convolutions, and the normalisations after them, stay as they are."""
    seen = 0
    for layer in model.layers:
        seen += isinstance(layer, keras.layers.Conv2D)
        if seen > convolutions:
            return
        layer.trainable = False  # a normalisation that is not trained uses and keeps its means, too


def _save(
    recipe: FcnFineTuning,
    start: StartingModel,
    pictures: Pictures,
    out_dir: Path,
    fcn: list[FloatArray],
    row: Row,
    seconds: float,
) -> None:
    before = start.manifest.training
    training = {"fcn": continued(recipe, start, pictures, row, seconds, before.get("fcn", before))}
    if "refiner" in before:
        training["refiner"] = before["refiner"]
    manifest = Manifest(
        name=start.manifest.name,
        version="",
        sha256="",
        training_data=origin_of([start], pictures),
        training=training,
        operating_point=start.manifest.operating_point,  # until it is calibrated anew
    )
    save_model(out_dir, Weights(fcn, start.weights.refiner), manifest)
    record_self_check(out_dir)
    write_file_lists([start], pictures, out_dir)


def continued(
    recipe: Any, start: StartingModel, pictures: Pictures, row: Row, seconds: float, before: dict[str, Any]
) -> dict[str, Any]:
    """Return the manifest's record of a network that was fine-tuned; `before` is its record until then."""
    arguments = f" --init {start.name}{recipe.arguments}" + (" --replay-data DIR" if pictures.old else "")
    known = record(recipe, pictures.own, row, seconds, arguments)
    if pictures.old:
        known["replay_data"] = pictures.old.counts
    return known | {"before": before}


def origin_of(models: Sequence[StartingModel], pictures: Pictures) -> str:
    """Where everything is from that the models learned from, and what was learned now."""
    origins = [model.manifest.training_data for model in models]
    origins += [data.origin for data in (pictures.old, pictures.own) if data]
    return joined_origins(origins)


def write_file_lists(models: Sequence[StartingModel], pictures: Pictures, out_dir: Path) -> None:
    """Write the file of `TRAINED_ON`: what the models were trained on before, as far as it is known, and now."""
    lines = listed_files(model.folder for model in models)
    for data in (pictures.old, pictures.own):
        lines += data.files if data else []
    write_file_list(lines, out_dir)
