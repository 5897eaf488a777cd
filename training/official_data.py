"""SVHN's official files as training data: what is learned from, what validates, and what the demo shows."""

import json
import zlib
from pathlib import Path

import numpy as np

import detector
from detector.detections import IntArray
from training.appearance import Image
from training.errors import DataError
from training.labelled_data import MAX_VALIDATION, LabelledData
from training.labels.folder import LabelOptions, read_labels
from training.scenes import Scene
from training.svhn import read_crops, read_scenes

DEMO_LIST = Path(detector.__file__).parent / "samples" / "samples.json"
"""Names the SVHN train images that the demo shows; nothing trains or validates on them."""

RECOVERED = "recovered"
"""Beside the official folders: labelled pictures that `digit-detector-train recover` wrote, to learn from."""

_ORIGIN = "SVHN train and, where given, extra (http://ufldl.stanford.edu/housenumbers/, non-commercial use)"


def read_official_data(svhn: Path, missing: list[str]) -> LabelledData:
    """Reads train, split by the images' names, and extra and what was recovered where they are there.

    Args:
        svhn: the folder of the official files.
        missing: gets the parts that are not there and can be done without.

    Raises:
        DataError: if train is missing, or anything damaged.
    """
    train = read_scenes(svhn / "train")
    shown = demo_names()
    usable = [scene for scene in train if scene.path.name not in shown]
    # A handful of images may hold none whose name is drawn: then the last one validates.
    held_out = [scene for scene in usable if is_validation(scene)] or usable[-1:]
    kept_apart = set(held_out)
    learned = [scene for scene in usable if scene not in kept_apart]
    validation = held_out[:MAX_VALIDATION]
    train_crops = read_crops(svhn / "train_32x32.mat")
    crops, crop_labels = _crops_of(learned, train, train_crops, svhn)
    validation_crops = _crops_of(validation, train, train_crops, svhn)
    counts = {"train_images": len(learned), "validation_images": len(validation)}
    if _there(svhn / "extra" / "digitStruct.mat", missing):
        extra = read_scenes(svhn / "extra")
        learned += extra
        counts["extra_images"] = len(extra)
    if (svhn / RECOVERED).is_dir():
        recovered = read_labels(svhn / RECOVERED, LabelOptions(), progress=False).scenes
        learned += recovered
        counts["recovered_images"] = len(recovered)
    if _there(svhn / "extra_32x32.mat", missing):
        more, more_labels = read_crops(svhn / "extra_32x32.mat")
        crops, crop_labels = np.concatenate([crops, more]), np.concatenate([crop_labels, more_labels])
    return LabelledData(learned, validation, crops, crop_labels, *validation_crops, counts, _ORIGIN)


def demo_names() -> frozenset[str]:
    """The file names of the SVHN train images that the demo shows."""
    return frozenset(entry["svhn_train_name"] for entry in json.loads(DEMO_LIST.read_text())["images"])


def is_validation(scene: Scene) -> bool:
    """Whether a train scene is held out: one in ten, by its file name, the same on every machine."""
    return zlib.crc32(scene.path.name.encode()) % 10 == 0 and scene.path.name not in demo_names()


def _crops_of(
    chosen: list[Scene], train: list[Scene], crops: tuple[Image, IntArray], svhn: Path
) -> tuple[Image, IntArray]:
    """The crops of the chosen scenes alone: the official files list digits in the order of digitStruct."""
    images, labels = crops
    if len(labels) != sum(len(scene.labels) for scene in train):
        raise DataError(f"{svhn}: train_32x32.mat and train/digitStruct.mat do not list the same digits")
    names = {scene.path.name for scene in chosen}
    mask = np.concatenate([np.full(len(scene.labels), scene.path.name in names) for scene in train])
    return images[mask], labels[mask]


def _there(path: Path, missing: list[str]) -> bool:
    if not path.is_file():
        missing.append(str(path))
    return path.is_file()
