"""The second look's training: `digit-detector-train second-look`."""

from functools import partial
from pathlib import Path
from typing import Protocol

import keras
import numpy as np

from detector.architecture import build_second_look
from detector.detections import FloatArray
from detector.digit_detector import DigitDetector
from detector.fcn import Fcn, SecondLook
from detector.model_files import EMBEDDED, Manifest, Weights, load_model, save_model
from detector.self_check import record_self_check
from training.detector_data import DetectorData, load_detector_data
from training.labels.folder import LabelOptions
from training.looks import LookMaker, LookSources
from training.optimisation import compiled, rise_and_fall
from training.patches import LabelledImage
from training.proposals import propose
from training.run import Row, Task, train_task
from training.second_look_recipe import SecondLookRecipe
from training.svhn_fcn import announce, record, write_file_list
from training.synthetic import render_scenes
from training.validation import validate
from training.workers import ALONE, Workers


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
    recipe: SecondLookRecipe,
    fcn_dir: Path | None,
    data_dir: Path,
    out_dir: Path,
    options: LabelOptions | None = None,
    workers: Workers = ALONE,
) -> None:
    """Trains the second look on what an FCN proposes, or goes on with a run that was stopped.

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
    with workers.leader_first():  # it writes what the others then read
        sources = look_sources(DigitDetector(fcn, manifest), data, recipe, out_dir / manifest.sha256[:12])
    maker = LookMaker(sources, recipe.looks)

    def detector(second_look: list[FloatArray]) -> DigitDetector:
        return DigitDetector(fcn, manifest, second_look=SecondLook(second_look))

    task = Task(
        model=_compile_network(recipe),
        make_batch=lambda step, rng: maker.batch(recipe.batch, rng),
        validate=lambda second_look: validate(detector(second_look), data),
        save=partial(_save, recipe, data, out_dir, weights.fcn, manifest),
        images=len(data.validation),
    )
    train_task(recipe, task, out_dir, workers)


def look_sources(
    detector: DigitDetector, data: DetectorData, recipe: LooksRecipe, kept_in: Path
) -> LookSources:
    """Everything that windows are cut from; what the detector proposes is kept in files for the next start."""
    kept_in.mkdir(exist_ok=True, parents=True)
    given = data.sources
    photos = [LabelledImage(photo, *_NOWHERE) for photo in given.photos]
    rendered = render_scenes(recipe.rendered, given.photos, recipe.seed)
    return LookSources(
        scenes=given.scenes,
        scene_proposals=propose(detector, given.scenes, kept_in / "scenes.safetensors"),
        rendered=rendered,
        rendered_proposals=propose(detector, rendered, kept_in / "rendered.safetensors"),
        photos=photos,
        photo_proposals=propose(detector, photos, kept_in / "photos.safetensors"),
        crops=given.crops,
        crop_labels=given.crop_labels,
        other_digits=given.other_digits,
    )


def _save(
    recipe: SecondLookRecipe,
    data: DetectorData,
    out_dir: Path,
    fcn: list[FloatArray],
    known: Manifest,
    second_look: list[FloatArray],
    row: Row,
    seconds: float,
) -> None:
    training = {
        "fcn": known.training.get("fcn", known.training),
        "second_look": record(recipe, data, row, seconds, recipe.arguments),
    }
    origin = known.training_data
    if data.origin != origin:
        origin = f"FCN: {origin}. Second look: {data.origin}"
    manifest = Manifest(known.name, known.version, "", origin, training)
    save_model(out_dir, Weights(fcn, second_look), manifest)
    record_self_check(out_dir)
    write_file_list(data.files, out_dir)


def _compile_network(recipe: SecondLookRecipe) -> keras.Model:
    learning_rate = rise_and_fall(recipe.learning_rate, recipe.steps, recipe.warmup)
    return compiled(build_second_look, recipe.seed, learning_rate, recipe.weight_decay)
