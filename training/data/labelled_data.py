"""Labelled pictures as training data, SVHN's or one's own: what is learned from, and what validates.

Of SVHN's official files the images of the demo are left out.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import detector
from detector.results.detections import IntArray
from training.data.labels.folder import LabelOptions, Labels, read_labels
from training.data.scenes import Image, Scene
from training.data.svhn import cut_crops, read_crops, read_scenes
from training.errors import DataError

MAX_VALIDATION = 400


@dataclass(frozen=True, eq=False)
class LabelledData:
    """Labelled scenes and crops, those that validate kept apart.

    Attributes:
        learned: scenes to learn from.
        validation: scenes that are not learned from.
        crops: (N, 32, 32, 3) uint8, of the learned scenes.
        crop_labels: (N,) their digits.
        validation_crops: (M, 32, 32, 3) uint8, of the others.
        validation_labels: (M,) their digits.
        counts: how many images each part gave.
        origin: where they are from, for people.
    """

    learned: list[Scene]
    validation: list[Scene]
    crops: Image
    crop_labels: IntArray
    validation_crops: Image
    validation_labels: IntArray
    counts: dict[str, int]
    origin: str


DEMO_LIST = Path(detector.__file__).parent / "samples" / "samples.json"
"""Names the SVHN train images that the demo shows; nothing trains or validates on them."""

RECOVERED = "recovered"
"""Beside the official folders: labelled pictures that `digit-detector-train align-labels` wrote, to learn from."""

_ORIGIN = "SVHN train and, where given, extra (http://ufldl.stanford.edu/housenumbers/, non-commercial use)"


def read_official_data(svhn: Path, missing: list[str]) -> LabelledData:
    """Read train, split by the images' names, and extra and what was recovered where they are there.

    Args:
        svhn: the folder of the official files.
        missing: gets the parts that are not there and can be done without.

    Raises:
        DataError: if train is missing, or anything damaged.
    """
    train = read_scenes(svhn / "train", progress=True)
    shown = demo_names()
    usable = [scene for scene in train if scene.path.name not in shown]
    # A handful of images may hold none whose name is drawn: then the last one validates.
    held_out = [scene for scene in usable if is_validation(scene)] or usable[-1:]
    kept_apart = set(held_out)
    learned = [scene for scene in usable if scene not in kept_apart]
    validation = held_out[:MAX_VALIDATION]
    train_crops = _crops_in(svhn / "train_32x32.mat")
    crops, crop_labels = _crops_of(learned, train, train_crops, svhn)
    validation_crops = _crops_of(validation, train, train_crops, svhn)
    counts = {"train_images": len(learned), "validation_images": len(validation)}
    if _there(svhn / "extra" / "digitStruct.mat", missing):
        extra = read_scenes(svhn / "extra", progress=True)
        learned += extra
        counts["extra_images"] = len(extra)
    if (svhn / RECOVERED).is_dir():
        recovered = read_labels(svhn / RECOVERED, LabelOptions()).scenes
        learned += recovered
        counts["recovered_images"] = len(recovered)
    if _there(svhn / "extra_32x32.mat", missing):
        more, more_labels = _crops_in(svhn / "extra_32x32.mat")
        crops, crop_labels = np.concatenate([crops, more]), np.concatenate([crop_labels, more_labels])
    return LabelledData(learned, validation, crops, crop_labels, *validation_crops, counts, _ORIGIN)


def demo_names() -> frozenset[str]:
    """Return the file names of the SVHN train images that the demo shows."""
    return frozenset(entry["svhn_train_name"] for entry in json.loads(DEMO_LIST.read_text())["images"])


def is_validation(scene: Scene) -> bool:
    """Return whether a train scene is held out: one in ten, by its file name, the same on every machine."""
    return zlib.crc32(scene.path.name.encode()) % 10 == 0 and scene.path.name not in demo_names()


def _crops_in(path: Path) -> tuple[Image, IntArray]:
    """Return the crops of an official file, and print so first: the largest one takes a minute."""
    print(f"reading the crops of {path.name}", flush=True)
    return read_crops(path)


def _crops_of(
    chosen: list[Scene], train: list[Scene], crops: tuple[Image, IntArray], svhn: Path
) -> tuple[Image, IntArray]:
    """Return the crops of the chosen scenes alone: the official files list digits in the order of digitStruct."""
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


_HELD_OUT = 5
"""One image in so many validates where the folder itself names none that do."""


def read_own_data(data_dir: Path, options: LabelOptions, seed: int) -> LabelledData:
    """Read the folder and split it by image.

    Images of the folder's own split "val" validate; where there are none, `seed` draws one in five of "train".
    Images of "test" are left alone. What shows the same as an image that validates or tests is not learned from, if
    there is anything else to learn from.

    Raises:
        DataError: if the labels have problems and are not to be read without them, or too few images have digits.
    """
    labels = read_labels(data_dir, options)
    learned, held_out = split_off_validation(labels.splits, seed)
    learned = _apart(learned, [*held_out, *labels.splits.get("test", [])], labels)
    validation = held_out[:MAX_VALIDATION]
    if not (_digits(learned) and _digits(validation)):
        raise DataError(_why_too_few(data_dir, learned, validation, labels))
    counts = {"train_images": len(learned), "validation_images": len(validation)}
    origin = f"pictures with labels of one's own ({labels.format}), and, where given"
    return LabelledData(
        list(learned), list(validation), *cut_crops(learned), *cut_crops(validation), counts, origin
    )


def _apart(learned: Sequence[Scene], kept_apart: Sequence[Scene], labels: Labels) -> Sequence[Scene]:
    """Return the images of which no copy is kept apart; all of them, with a warning, if that would leave no digits."""
    copies = labels.copies
    shown = {copies.get(scene.path, scene.path) for scene in kept_apart}
    apart = [scene for scene in learned if copies.get(scene.path, scene.path) not in shown]
    if len(apart) == len(learned):
        return learned
    if not _digits(apart):
        print(
            "every image to learn from has a copy in validation or test: neither says anything about new images"
        )
        return learned
    print(f"not learned from: {len(learned) - len(apart):,} images of which validation or test has a copy")
    return apart


def _digits(scenes: Sequence[Scene]) -> int:
    return sum(len(scene.labels) for scene in scenes)


def _why_too_few(
    data_dir: Path, learned: Sequence[Scene], validation: Sequence[Scene], labels: Labels
) -> str:
    parts = [
        f"{len(learned):,} images to learn from have {_digits(learned):,} digits",
        f"{len(validation):,} that validate have {_digits(validation):,}",
    ]
    if tested := len(labels.splits.get("test", [])):
        parts.append(f"{tested:,} are kept for the split 'test'")
    if labels.left_out:
        parts.append(f"{labels.left_out:,} are left out for their problems")
    if labels.ignored:
        names = ", ".join(f"{name} {count:,}" for name, count in labels.ignored.most_common(5))
        option = labels.class_option()
        parts.append(
            f"boxes of other classes are ignored ({names}{f'; {option} takes them' if option else ''})"
        )
    return f"{data_dir}: too few labelled images to learn from and to validate on: {'; '.join(parts)}"


def split_off_validation(
    splits: Mapping[str, Sequence[Scene]], seed: int
) -> tuple[Sequence[Scene], Sequence[Scene]]:
    """Tell what is learned from and what validates: the split "val", or without one a fifth of "train"."""
    learned, validation = splits.get("train", []), splits.get("val", [])
    if validation:
        return learned, validation
    order = np.random.default_rng(seed).permutation(len(learned))
    held_out = set(order[: -(-len(learned) // _HELD_OUT)].tolist())
    return (
        [scene for index, scene in enumerate(learned) if index not in held_out],
        [scene for index, scene in enumerate(learned) if index in held_out],
    )
