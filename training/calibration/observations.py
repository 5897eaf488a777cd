"""The data of a calibration: images that no network learns from, and the networks' outputs for them.

No test split is read. The networks run once on each image; their outputs are kept in a file.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from detector.images.decode import decode_image, read_image_file
from detector.models.model_files import Manifest
from detector.pipeline.cascade import CascadeOutput
from detector.pipeline.detector import DigitDetector
from detector.pipeline.score_map import Candidates
from detector.results.errors import InvalidRequestError
from detector.results.interface import DetectOptions
from detector.system.files import write_whole
from detector.system.progress_bar import progress_bar
from training.data.labelled_data import is_validation, split_off_validation
from training.data.labels.folder import LabelOptions, holds_own_labels, read_labels
from training.data.labels.tree import OFFICIAL
from training.data.scenes import Scene
from training.data.svhn import read_scenes
from training.engine.recipe import TrainingRecipe
from training.errors import DataError
from training.evaluation.sequences import TrueNumber, true_numbers, whole_numbers


@dataclass(frozen=True, eq=False)
class ValidationSet:
    """Labelled images of one kind; every set weighs the same, however many images it has.

    Attributes:
        folder: where it is from.
        scenes: images with the boxes of their digits; those without digits are there for what they must not show.
        numbers: the true numbers of each.
    """

    folder: Path
    scenes: Sequence[Scene]
    numbers: Sequence[Sequence[TrueNumber]]

    @property
    def name(self) -> str:
        """The folder's name, for people."""
        return self.folder.name


def recorded_seeds(manifest: Manifest) -> dict[str, int]:
    """Return the seed of each scoring network's training, as far as the manifest records it."""
    training = manifest.training
    entries = {"fcn": training.get("fcn", training), "refiner": training.get("refiner", {})}
    seeds = {network: entry.get("recipe", {}).get("seed") for network, entry in entries.items()}
    return {network: seed for network, seed in seeds.items() if isinstance(seed, int)}


def read_validation_set(
    folder: Path, options: LabelOptions | None = None, seeds: Iterable[int] = ()
) -> ValidationSet:
    """Return the images of a data folder that trainings keep for validation.

    Of SVHN they are those of `train` that validate every training; of labels of one's own those of the split "val", or
    where there is none those that a training draws from "train".

    Args:
        folder: of the data.
        options: how labels of one's own are read.
        seeds: of the trainings, which are to be the same where validation is drawn; a training's default if none.

    Raises:
        DataError: if labels are missing or have problems, no digit is there, or the seeds draw different images.
    """
    if holds_own_labels(folder):
        splits = read_labels(folder, options or LabelOptions()).splits
        validation = split_off_validation(splits, _drawing_seed(folder, splits, seeds))[1]
        chosen = ValidationSet(folder, validation, true_numbers(validation, folder))
    else:
        official = folder / OFFICIAL
        scenes = [scene for scene in read_scenes(official / "train", progress=True) if is_validation(scene)]
        chosen = ValidationSet(official, scenes, whole_numbers(scenes))
    if not sum(len(scene.labels) for scene in chosen.scenes):
        raise DataError(f"{folder} has no labelled digits to validate on")
    return chosen


def _drawing_seed(folder: Path, splits: Mapping[str, Sequence[Scene]], seeds: Iterable[int]) -> int:
    """Return the seed that draws the images which validate; any, where a split names them."""
    seed, *others = sorted(set(seeds)) or [TrainingRecipe.seed]
    if others and not splits.get("val"):
        named = " and ".join(map(str, (seed, *others)))
        raise DataError(
            f"{folder} has no split 'val', and the model's networks were trained with the seeds {named}: choose with "
            "--seed whose validation images are read"
        )
    return seed


LEAST_SCORE = 0.05
"""Candidates of a lower score are left out: fewer than one in a hundred of them is a digit."""

_Arrays = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class ImageOutput:
    """The networks' outputs for one image, at scores from `LEAST_SCORE` on.

    Attributes:
        width: of the image, px.
        height: of the image, px.
        output: of both networks.
    """

    width: int
    height: int
    output: CascadeOutput


def network_outputs(detector: DigitDetector, data: ValidationSet, kept_in: Path | None) -> list[ImageOutput]:
    """Return the networks' outputs for each scene of `data`, in order.

    Args:
        detector: at the default operating point, so that its scores are the networks' own.
        data: the images.
        kept_in: a folder of files to read them from, or to keep them in; None keeps none.

    Raises:
        DataError: if an image cannot be read.
    """
    path = kept_in / f"{data.name}-{_fingerprint(detector, data)}.safetensors" if kept_in else None
    if path and path.is_file():
        try:
            arrays = load_file(path)
            return [_restored(arrays, index) for index in range(len(data.scenes))]
        except (SafetensorError, KeyError, OSError):
            path.unlink()
    shown = progress_bar(data.scenes, f"networks on {data.name}", unit="image")
    outputs = [_output(detector, scene.path) for scene in shown]
    if path:
        write_whole(path, save(_arrays(outputs)))
    return outputs


def _output(detector: DigitDetector, path: Path) -> ImageOutput:
    try:
        pixels = decode_image(read_image_file(path))
        output = detector.run_networks(pixels, DetectOptions(score_threshold=LEAST_SCORE))
    except InvalidRequestError as error:
        raise DataError(f"{path}: {error}") from error
    return ImageOutput(pixels.shape[1], pixels.shape[0], output)


def _fingerprint(detector: DigitDetector, data: ValidationSet) -> str:
    """Of the weights and of the images' names, sizes and times of change."""
    known = hashlib.sha256(detector.manifest.sha256.encode())
    for scene in data.scenes:
        status = scene.path.stat()
        known.update(f"{scene.path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return known.hexdigest()[:12]


def _arrays(outputs: Sequence[ImageOutput]) -> _Arrays:
    arrays: _Arrays = {}
    for index, image in enumerate(outputs):
        first, second = image.output.first, image.output.second
        stages = [first] if second is None else [first, second]
        arrays[f"{index}/size"] = np.array([image.width, image.height], np.float32)
        for number, stage in enumerate(stages):
            arrays[f"{index}/{number}"] = np.hstack([stage.boxes, stage.class_scores])
    return arrays


def _restored(arrays: _Arrays, index: int) -> ImageOutput:
    width, height = arrays[f"{index}/size"].astype(int).tolist()
    first, *more = (
        Candidates(table[:, :4], table[:, 4:])
        for number in (0, 1)
        if (table := arrays.get(f"{index}/{number}")) is not None
    )
    return ImageOutput(width, height, CascadeOutput(first, more[0] if more else None))
