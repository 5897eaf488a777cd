"""The training data of the detector: gathered from a data folder, validation and the demo's images kept apart.

The folder is laid out as the official downloads are, `svhn/train`, `svhn/train_32x32.mat`, and, where they are
there, `svhn/extra`, `svhn/extra_32x32.mat`; or it holds labels of one's own. In either, `backgrounds/train` and
`letters` are used where they are there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import cv2
import numpy as np

from detector.results.detections import IntArray
from detector.system.progress_bar import progress_bar
from training.data.labelled_data import read_official_data, read_own_data
from training.data.labels.folder import LabelOptions, labels_are_own
from training.data.labels.tree import OFFICIAL
from training.data.photographs import list_pictures, read_picture
from training.data.scenes import Image, LabelledImage, Scene
from training.errors import DataError


@dataclass(frozen=True, eq=False)
class PatchSources:
    """The images that patches are cut from; all but the scenes may be empty.

    Attributes:
        scenes: labelled full images.
        crops: (N, 32, 32, 3) uint8 official crops.
        crop_labels: (N,) their digits.
        photos: photographs without digits, RGB uint8, at least 72 px each way.
        letters: pictures of one letter each.
        rendered: scenes with rendered numbers and words.
    """

    scenes: Sequence[LabelledImage]
    crops: Image
    crop_labels: IntArray
    photos: Sequence[Image]
    letters: Sequence[Image]
    rendered: Sequence[LabelledImage] = ()


_OTHER_ORIGINS = "photographs without digits and scene letters as background"

_MAX_DIGIT_FREE = 500

_DIGIT_FREE_PIXELS = 1_000_000
"""Labelled images without digits are learned from as photographs are: so many, shrunk to this, fit into memory."""

_CACHE_BYTES = 3 * 1024**3


class SceneImages(Sequence[LabelledImage]):
    """Labelled images, decoded when first asked for and kept while they fit into memory's share."""

    def __init__(self, scenes: Sequence[Scene]) -> None:
        self._scenes = scenes
        self._kept: dict[int, Image] = {}
        self._room = _CACHE_BYTES

    def __len__(self) -> int:
        return len(self._scenes)

    @overload
    def __getitem__(self, index: int) -> LabelledImage: ...
    @overload
    def __getitem__(self, index: slice) -> "SceneImages": ...
    def __getitem__(self, index: int | slice) -> "LabelledImage | SceneImages":
        if isinstance(index, slice):
            return SceneImages(self._scenes[index])
        scene = self._scenes[index]
        pixels = self._kept.get(index)
        if pixels is None:
            pixels = read_picture(scene.path)
            if self._room >= pixels.nbytes:
                self._room -= pixels.nbytes
                self._kept[index] = pixels
        return LabelledImage(pixels, scene.boxes, scene.labels)


@dataclass(frozen=True, eq=False)
class DetectorData:
    """The data of a training run.

    Attributes:
        sources: what patches are cut from.
        learned: the labelled scenes among them, in the sources' order.
        validation: scenes that no patch and no crop shows.
        validation_crops: (N, 32, 32, 3) uint8, the crops of those scenes.
        validation_labels: (N,) their digits.
        counts: how many images, digits, crops ... each part gave.
        missing: optional parts that are not there, as paths within the data folder.
        origin: where all this is from, for the model's manifest.
        files: every picture that is learned from, then every one that validates, as "use path-in-the-folder".
        options: how labels of one's own were read.
    """

    sources: PatchSources
    learned: list[Scene]
    validation: list[Scene]
    validation_crops: Image
    validation_labels: IntArray
    counts: dict[str, int]
    missing: list[str]
    origin: str
    files: list[str]
    options: LabelOptions


def load_detector_data(data_dir: Path, options: LabelOptions | None = None, seed: int = 1) -> DetectorData:
    """Gather the data of `data_dir`.

    Args:
        data_dir: laid out as the official downloads are, or a folder of one's own labels, in any format that
            `training.data.labels` reads; the other parts are used beside either.
        options: how labels of one's own are read.
        seed: draws the images of one's own that validate; SVHN's are drawn by their names.

    Raises:
        DataError: if svhn/train is missing or too small, or any part is damaged; if labels have problems.
    """
    missing: list[str] = []
    options = options or LabelOptions()
    if labels_are_own(data_dir, options):
        labelled = read_own_data(data_dir, options, seed)
    else:
        labelled = read_official_data(data_dir / OFFICIAL, missing)
    digit_free = [scene.path for scene in labelled.learned if not len(scene.labels)][:_MAX_DIGIT_FREE]
    photos = _pictures(data_dir / "backgrounds" / "train", missing) + [_small(path) for path in digit_free]
    letters = _pictures(data_dir / "letters", missing)
    learned = [scene for scene in labelled.learned if len(scene.labels)]
    if not learned or not len(labelled.validation_labels):
        raise DataError(f"{data_dir}: too few labelled images to learn from and to validate on")
    crops = labelled.crops, labelled.crop_labels
    counts = labelled.counts | {"digits": sum(len(scene.labels) for scene in learned), "crops": len(crops[0])}
    counts |= {"photos": len(photos), "letters": len(letters)}
    sources = PatchSources(SceneImages(learned), *crops, photos, letters)
    paths = [*(scene.path for scene in learned), *digit_free, *_unlabelled(data_dir)]
    files = [f"learn {_within(data_dir, path)}" for path in paths]
    files += [f"validate {_within(data_dir, scene.path)}" for scene in labelled.validation]
    named = [_within(data_dir, Path(path)) for path in missing]
    apart = labelled.validation, labelled.validation_crops, labelled.validation_labels
    origin = f"{labelled.origin}, {_OTHER_ORIGINS}"
    return DetectorData(sources, learned, *apart, counts, named, origin, files, options)


def _pictures(folder: Path, missing: list[str]) -> list[Image]:
    paths = list_pictures(folder)
    if not paths:
        missing.append(str(folder))
    return [
        read_picture(path)
        for path in progress_bar(paths, _bar_name(folder), unit="picture", disable=not paths)
    ]


def _bar_name(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


def _small(path: Path) -> Image:
    """Return the picture, shrunk if it is large."""
    pixels = read_picture(path)
    height, width = pixels.shape[:2]
    factor = (_DIGIT_FREE_PIXELS / (width * height)) ** 0.5
    if factor >= 1:
        return pixels
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _unlabelled(data_dir: Path) -> list[Path]:
    """Return the pictures that are not of SVHN."""
    folders = (data_dir / "backgrounds" / "train", data_dir / "letters")
    return [path for folder in folders for path in list_pictures(folder)]


def _within(data_dir: Path, path: Path) -> str:
    return path.relative_to(data_dir).as_posix()
