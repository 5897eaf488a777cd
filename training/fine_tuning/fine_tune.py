"""Fine-tuning: a model's FCN or refiner goes on learning; `--init` of `digit-detector-train svhn-fcn` and `refiner`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from detector.models.architecture import build_fcn, build_refiner
from detector.models.model_files import Manifest, Weights, load_model, write_manifest
from detector.models.tensorflow_backend import Fcn, Refiner
from detector.pipeline.detector import DigitDetector
from detector.results.detections import FloatArray
from detector.results.errors import ModelError
from training.data.detector_data import DetectorData
from training.distillation.teacher import Teacher
from training.engine.provenance import joined_origins, listed_files, record, save_detector
from training.engine.recipe import FineTuningRecipe
from training.engine.training_run import Row, TrainingTask, train
from training.errors import TrainingError
from training.evaluation.validation import before_and_after, format_figures, validate
from training.fcn.recipes import FcnFineTuning
from training.fine_tuning.replay import BatchSampler, StartingNetwork, mixed
from training.fine_tuning.start import Pictures, StartingModel
from training.refiner.recipes import RefinerFineTuning
from training.refiner.train_refiner import window_sources
from training.samplers.patches import ClassBalancedSampler, PatchSampler, with_rendered
from training.samplers.windows import WindowSampler

FIGURES_KEY = "fine_tuning"
"""The key of the figures before and after, in a manifest's training record."""


@dataclass(frozen=True, eq=False)
class _Network:
    """The network that goes on learning.

    Attributes:
        build: makes it, with the weights that it starts from.
        start: makes it as it was, for inference.
        own: samples the new pictures.
        old: samples the replayed data, if any is given.
        detector: detects with it, given its weights.
        model: the new model's weights and manifest, given its weights and the record of its training.
        sources: the models that the new one is made from, the one that is fine-tuned first.
        before: the record of its training until now.
    """

    build: Callable[[], keras.Model]
    start: Callable[[], StartingNetwork]
    own: BatchSampler
    old: BatchSampler | None
    detector: Callable[[list[FloatArray]], DigitDetector]
    model: Callable[[list[FloatArray], dict[str, Any]], tuple[Weights, Manifest]]
    sources: Sequence[StartingModel]
    before: dict[str, Any]


def fine_tune_fcn(
    recipe: FcnFineTuning,
    start: StartingModel,
    pictures: Pictures,
    out_dir: Path,
    teacher: Teacher | None = None,
) -> None:
    """Train a model's FCN on other pictures, or resume a run that was stopped.

    The model's refiner, if it has one, is kept as it is.

    Args:
        recipe: how.
        start: the model.
        pictures: what is learned from.
        out_dir: gets the model (the best by validation so far) beside the run's own files.
        teacher: its outputs are soft targets beside the labels.

    Raises:
        ResumeError: if `out_dir` holds a run of another recipe, or from another model.
    """
    weights, known = start.weights, start.manifest
    balanced = _class_balanced(pictures.own)
    sources = with_rendered(pictures.own.sources, recipe.rendered, recipe.seed)

    def model(fcn: list[FloatArray], entry: dict[str, Any]) -> tuple[Weights, Manifest]:
        kept = {name: known.training[name] for name in ("refiner",) if name in known.training}
        return Weights(fcn, weights.refiner), Manifest(known.name, "", "", "", {"fcn": entry} | kept)

    network = _Network(
        build=lambda: starting_fcn(weights.fcn, recipe.freeze),
        start=lambda: Fcn(weights.fcn),
        own=PatchSampler(sources, recipe.patches, balanced),
        old=PatchSampler(pictures.old.sources, recipe.old_patches) if pictures.old else None,
        # alone: an old refiner refuses what it has not seen
        detector=lambda fcn: DigitDetector(Fcn(fcn), known),
        model=model,
        sources=[start],
        before=known.training.get("fcn", known.training),
    )
    _fine_tune(recipe, network, pictures, out_dir, teacher)


def fine_tune_refiner(
    recipe: RefinerFineTuning,
    start: StartingModel,
    proposing: StartingModel,
    pictures: Pictures,
    out_dir: Path,
    teacher: Teacher | None = None,
) -> None:
    """Train a model's refiner on other pictures, or resume a run that was stopped.

    Args:
        recipe: how.
        start: the model whose refiner goes on learning.
        proposing: the model whose FCN proposes and becomes part of the new model.
        pictures: what is learned from.
        out_dir: gets the model (both networks; the best by validation so far) beside the run's own files.
        teacher: its outputs are soft targets beside the labels.

    Raises:
        TrainingError: if the model has no refiner.
        ResumeError: if `out_dir` holds a run of another recipe, or from other models.
    """
    weights, known = start.weights.refiner, proposing.manifest
    if not weights:
        raise TrainingError(
            f"{start.folder} has no refiner that could go on learning; without --init a new one is trained"
        )
    fcn = Fcn(proposing.weights.fcn)
    proposer = DigitDetector(fcn, known)
    kept_in = out_dir / known.sha256[:12]
    own = window_sources(proposer, pictures.own, recipe, kept_in)
    balanced = _class_balanced(pictures.own)
    old = None
    if pictures.old:
        part = thinned(pictures.old, recipe.old_images)
        old = WindowSampler(window_sources(proposer, part, recipe, kept_in / "old"), recipe.windows)

    def model(refiner: list[FloatArray], entry: dict[str, Any]) -> tuple[Weights, Manifest]:
        training = {"fcn": known.training.get("fcn", known.training), "refiner": entry}
        return Weights(proposing.weights.fcn, refiner), Manifest(known.name, "", "", "", training)

    network = _Network(
        build=lambda: _starting(build_refiner, weights),
        start=lambda: Refiner(weights),
        own=WindowSampler(own, recipe.windows, balanced),
        old=old,
        detector=lambda refiner: DigitDetector(fcn, known, refiner=Refiner(refiner)),
        model=model,
        sources=[start, proposing],
        before=start.manifest.training.get("refiner", {}),
    )
    _fine_tune(recipe, network, pictures, out_dir, teacher)


def _fine_tune(
    recipe: FineTuningRecipe, network: _Network, pictures: Pictures, out_dir: Path, teacher: Teacher | None
) -> None:
    start, old = network.sources[0], pictures.old

    def save(arrays: list[FloatArray], row: Row, seconds: float) -> None:
        arguments = f" --init {start.name}{recipe.arguments}" + (" --replay-data DIR" if old else "")
        entry = record(recipe, pictures.own, row, seconds, arguments)
        entry |= {"replay_data": old.counts} if old else {}
        weights, manifest = network.model(arrays, entry | {"before": network.before})
        data = [part for part in (old, pictures.own) if part]
        origins = [model.manifest.training_data for model in network.sources] + [part.origin for part in data]
        files = listed_files(model.folder for model in network.sources)
        manifest = replace(
            manifest,
            training_data=joined_origins(origins),
            operating_point=start.manifest.operating_point,  # until it is calibrated anew
        )
        save_detector(out_dir, weights, manifest, files + [line for part in data for line in part.files])

    keeps = old is not None and teacher is None
    start_network = network.start() if keeps else None
    task = TrainingTask(
        build=network.build,
        make_batch=mixed(
            network.own, network.old, recipe.batch, recipe.replay_fraction, start_network, teacher
        ),
        validate=lambda arrays: validate_both(network.detector(arrays), pictures),
        save=save,
        images=len(pictures.own.validation),
    )
    train(recipe, task, out_dir)
    report(start, pictures, out_dir)


def validate_both(detector: DigitDetector, pictures: Pictures) -> Row:
    """Return figures on the new pictures; half of the `score` is that of the replayed data's validation, if given."""
    figures = validate(detector, pictures.own)
    if pictures.old is None:
        return figures
    old = validate(detector, pictures.old)
    figures |= {f"old_{name}": value for name, value in old.items() if name != "score"}
    return figures | {"score": (figures["score"] + old["score"]) / 2}


def report(start: StartingModel, pictures: Pictures, out_dir: Path) -> None:
    """Measure both models on images that were not learned from, print a table and keep it in the manifest."""
    data = {"own": pictures.own} | ({"old": pictures.old} if pictures.old else {})
    figures = before_and_after(start.folder, out_dir, data)
    print(format_figures(figures))
    manifest = load_model(out_dir)[1]
    write_manifest(out_dir, replace(manifest, training=manifest.training | {FIGURES_KEY: figures}))


def is_reported(out_dir: Path) -> bool:
    """Return whether the model in a folder has been measured and the figures kept."""
    try:
        return FIGURES_KEY in load_model(out_dir)[1].training
    except ModelError:
        return False


def _class_balanced(own: DetectorData) -> ClassBalancedSampler:
    """Return a sampler that draws digits of rare classes more often, and print how often."""
    balanced = ClassBalancedSampler([scene.labels for scene in own.learned])
    shares = zip(balanced.counts, balanced.shares, strict=True)
    print("digits to learn from, and how often each is drawn (a rare one more often than it comes):")
    print("  ".join(f"{digit}: {count} ({share:.0%})" for digit, (count, share) in enumerate(shares)))
    return balanced


def starting_fcn(weights: Sequence[FloatArray], convolutions: int) -> keras.Model:
    """Return the FCN with the weights that it starts from, its first convolutions frozen."""
    model = _starting(build_fcn, weights)
    freeze(model, convolutions)
    return model


def _starting(build: Callable[[], keras.Model], weights: Sequence[FloatArray]) -> keras.Model:
    model = build()
    model.set_weights(weights)
    return model


def freeze(model: keras.Model, convolutions: int) -> None:
    """Freeze a network's first convolutions, and the normalisations after them."""
    seen = 0
    for layer in model.layers:
        seen += isinstance(layer, keras.layers.Conv2D)
        if seen > convolutions:
            return
        layer.trainable = False  # a normalisation that is not trained uses and keeps its means, too


def thinned(data: DetectorData, most: int) -> DetectorData:
    """Return the data with about `most` of its scenes and of its photographs, evenly picked."""
    scenes, photos = (
        slice(None, None, max(1, -(-len(images) // most))) for images in (data.learned, data.sources.photos)
    )
    sources = replace(data.sources, scenes=data.sources.scenes[scenes], photos=data.sources.photos[photos])
    return replace(data, sources=sources, learned=data.learned[scenes])
