"""The refiner's own training: `digit-detector-train refiner`."""

from pathlib import Path

import numpy as np

from detector.models.architecture import build_refiner
from detector.models.model_files import EMBEDDED, Manifest, Weights, load_model
from detector.models.tensorflow_backend import Fcn, Refiner
from detector.pipeline.detector import DigitDetector
from detector.results.detections import FloatArray
from training.data.detector_data import DetectorData, load_detector_data
from training.data.labels.folder import LabelOptions
from training.data.scenes import LabelledImage
from training.engine.distributed.workers import SINGLE_PROCESS, Workers
from training.engine.provenance import announce, record, save_detector
from training.engine.recipe import TrainingRecipe
from training.engine.training_run import Row, TrainingTask, train
from training.evaluation.validation import validate
from training.refiner.recipes import RefinerRecipe
from training.samplers.proposals import data_key, propose
from training.samplers.synthetic import render_scenes
from training.samplers.windows import WindowSampler, WindowSources

_NO_DIGITS = (np.empty((0, 4), np.float32), np.empty(0, np.int32))


def train_refiner(
    recipe: RefinerRecipe,
    fcn_dir: Path | None,
    data_dir: Path,
    out_dir: Path,
    options: LabelOptions | None = None,
    workers: Workers = SINGLE_PROCESS,
) -> None:
    """Train the refiner on what an FCN proposes, or resume a run that was stopped.

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
    weights, known = load_model(fcn_dir or EMBEDDED)
    data = load_detector_data(data_dir, options, recipe.seed)
    announce(data)
    out_dir.mkdir(parents=True, exist_ok=True)
    fcn = Fcn(weights.fcn)
    with workers.chief_first():  # it writes what the others then read
        sources = window_sources(DigitDetector(fcn, known), data, recipe, out_dir / known.sha256[:12])
    sampler = WindowSampler(sources, recipe.windows)

    def save(refiner: list[FloatArray], row: Row, seconds: float) -> None:
        training = {
            "fcn": known.training.get("fcn", known.training),
            "refiner": record(recipe, data, row, seconds),
        }
        before = known.training_data
        origin = before if data.origin == before else f"FCN: {before}. Refiner: {data.origin}"
        manifest = Manifest(known.name, "", "", origin, training)
        save_detector(out_dir, Weights(weights.fcn, refiner), manifest, data.files)

    task = TrainingTask(
        build=build_refiner,
        make_batch=lambda _, rng: sampler.batch(recipe.batch, rng),
        validate=lambda refiner: validate(DigitDetector(fcn, known, refiner=Refiner(refiner)), data),
        save=save,
        images=len(data.validation),
    )
    train(recipe, task, out_dir, workers)


def window_sources(
    detector: DigitDetector, data: DetectorData, recipe: TrainingRecipe, kept_in: Path
) -> WindowSources:
    """Return everything that windows are cut from.

    Args:
        detector: the FCN alone, whose proposals are refined.
        data: what is learned from.
        recipe: how many scenes are rendered, with which seed.
        kept_in: a folder for the proposals, from which they are read at the next start.
    """
    kept_in.mkdir(exist_ok=True, parents=True)
    given, key = data.sources, data_key(data, recipe.seed, recipe.rendered)
    photos = [LabelledImage(photo, *_NO_DIGITS) for photo in given.photos]
    rendered = render_scenes(recipe.rendered, given.photos, recipe.seed)
    return WindowSources(
        scenes=given.scenes,
        scene_proposals=propose(detector, given.scenes, kept_in / "scenes.safetensors", key),
        rendered=rendered,
        rendered_proposals=propose(detector, rendered, kept_in / "rendered.safetensors", key),
        photos=photos,
        photo_proposals=propose(detector, photos, kept_in / "photos.safetensors", key),
        crops=given.crops,
        crop_labels=given.crop_labels,
    )
