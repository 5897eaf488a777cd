"""The refiner's training: `digit-detector-train refiner`."""

from functools import partial
from pathlib import Path
from typing import Protocol

import keras
import numpy as np

from detector.models.architecture import build_refiner
from detector.models.model_files import EMBEDDED, Manifest, Weights, load_model, save_model
from detector.models.tensorflow_backend import Fcn, Refiner
from detector.pipeline.detector import DigitDetector
from detector.pipeline.loading import record_self_check
from detector.results.detections import FloatArray
from training.data.detector_data import DetectorData, load_detector_data
from training.data.labels.folder import LabelOptions
from training.data.scenes import LabelledImage
from training.engine.distributed.workers import SINGLE_PROCESS, Workers
from training.engine.optimization import compiled, warmup_cosine
from training.engine.provenance import announce, record, write_file_list
from training.engine.training_run import Row, TrainingTask, train_task
from training.evaluation.validation import validate
from training.refiner.refiner_recipe import RefinerRecipe
from training.samplers.proposals import propose
from training.samplers.synthetic import render_scenes
from training.samplers.windows import WindowSampler, WindowSources


class LooksRecipe(Protocol):
    """What the sources of windows depend on."""

    @property
    def seed(self) -> int:
        """Of everything random."""
        ...

    @property
    def rendered(self) -> int:
        """Scenes that are rendered for their words and numbers."""
        ...


_NOWHERE = (np.empty((0, 4), np.float32), np.empty(0, np.int32))


def train(
    recipe: RefinerRecipe,
    fcn_dir: Path | None,
    data_dir: Path,
    out_dir: Path,
    options: LabelOptions | None = None,
    workers: Workers = SINGLE_PROCESS,
) -> None:
    """Trains the refiner on what an FCN proposes, or goes on with a run that was stopped.

    Args:
        recipe: how.
        fcn_dir: a model folder, whose FCN proposes and becomes part of the new model; None for the embedded one.
        data_dir: as for the FCN.
        out_dir: gets the model (both networks; the best by validation so far) beside the run's own files.
        options: how labels of one's own are read.
        workers: who trains; all of them call this alike.

    Raises:
        DataError: if data is missing or damaged.
        ModelError: if the model cannot be used.
        ResumeError: if `out_dir` holds a run of another recipe.
    """
    weights, manifest = load_model(fcn_dir or EMBEDDED)
    data = load_detector_data(data_dir, options, recipe.seed)
    announce(data)
    out_dir.mkdir(parents=True, exist_ok=True)
    fcn = Fcn(weights.fcn)
    with workers.chief_first():  # it writes what the others then read
        sources = window_sources(DigitDetector(fcn, manifest), data, recipe, out_dir / manifest.sha256[:12])
    maker = WindowSampler(sources, recipe.looks)

    def detector(refiner: list[FloatArray]) -> DigitDetector:
        return DigitDetector(fcn, manifest, refiner=Refiner(refiner))

    task = TrainingTask(
        model=_compile_network(recipe),
        make_batch=lambda step, rng: maker.batch(recipe.batch, rng),
        validate=lambda refiner: validate(detector(refiner), data),
        save=partial(_save, recipe, data, out_dir, weights.fcn, manifest),
        images=len(data.validation),
    )
    train_task(recipe, task, out_dir, workers)


def window_sources(
    detector: DigitDetector, data: DetectorData, recipe: LooksRecipe, kept_in: Path
) -> WindowSources:
    """Everything that windows are cut from; what the detector proposes is kept in files for the next start."""
    kept_in.mkdir(exist_ok=True, parents=True)
    given = data.sources
    photos = [LabelledImage(photo, *_NOWHERE) for photo in given.photos]
    rendered = render_scenes(recipe.rendered, given.photos, recipe.seed)
    return WindowSources(
        scenes=given.scenes,
        scene_proposals=propose(detector, given.scenes, kept_in / "scenes.safetensors"),
        rendered=rendered,
        rendered_proposals=propose(detector, rendered, kept_in / "rendered.safetensors"),
        photos=photos,
        photo_proposals=propose(detector, photos, kept_in / "photos.safetensors"),
        crops=given.crops,
        crop_labels=given.crop_labels,
    )


def _save(
    recipe: RefinerRecipe,
    data: DetectorData,
    out_dir: Path,
    fcn: list[FloatArray],
    known: Manifest,
    refiner: list[FloatArray],
    row: Row,
    seconds: float,
) -> None:
    training = {
        "fcn": known.training.get("fcn", known.training),
        "refiner": record(recipe, data, row, seconds, recipe.arguments),
    }
    origin = known.training_data
    if data.origin != origin:
        origin = f"FCN: {origin}. Refiner: {data.origin}"
    manifest = Manifest(known.name, "", "", origin, training)
    save_model(out_dir, Weights(fcn, refiner), manifest)
    record_self_check(out_dir)
    write_file_list(data.files, out_dir)


def _compile_network(recipe: RefinerRecipe) -> keras.Model:
    learning_rate = warmup_cosine(recipe.learning_rate, recipe.steps, recipe.warmup)
    return compiled(build_refiner, recipe.seed, learning_rate, recipe.weight_decay)
