"""The data that classifiers are trained on, each under one name, in arrays of one form."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.images.decode import decode_image, read_image_file
from detector.results.detections import IntArray
from detector.results.errors import InvalidRequestError
from training.classifiers import cifar10, mnist
from training.classifiers.layers import Shape
from training.classifiers.recipes import HoldOut, Recipe
from training.classifiers.summary import count
from training.data.svhn import read_crops
from training.errors import DataError, TrainingError

_PHOTO_SIDE = 150
_DIGITS = tuple(map(str, range(10)))


@dataclass(frozen=True, eq=False)
class Labelled:
    """Images with their labels.

    Attributes:
        images: (N, H, W, C) uint8, RGB or grey.
        labels: (N,) int32, indices into the data's classes.
    """

    images: NDArray[np.uint8]
    labels: IntArray

    def __len__(self) -> int:
        """N."""
        return len(self.labels)

    def select(self, index: slice | NDArray[np.intp]) -> "Labelled":
        """Return the images at `index`, in its order."""
        return Labelled(self.images[index], self.labels[index])


@dataclass(frozen=True)
class DatasetInfo:
    """One kind of data.

    Attributes:
        folder: where it is, below `--data`.
        shape: (height, width, channels) of its images.
        classes: their names, in the order of the labels.
        read: reads a split, "train", "test" or, if it has one, "validation", of that folder.
        has_validation: whether it comes with a validation split.
    """

    folder: str
    shape: Shape
    classes: tuple[str, ...]
    read: Callable[[Path, str], Labelled]
    has_validation: bool = False

    def load(self, data_dir: Path, split: str) -> Labelled:
        """Read a split.

        Raises:
            DataError: if a file is missing, damaged or not in its official format.
        """
        return self.read(data_dir / self.folder, split)


def _read_mnist(folder: Path, split: str) -> Labelled:
    images, labels = mnist.read_mnist(folder, split)
    return Labelled(images[..., None], labels.astype(np.int32))


def _read_cifar10(folder: Path, split: str) -> Labelled:
    return Labelled(*cifar10.read_cifar10(folder, split))


def _read_svhn(folder: Path, split: str) -> Labelled:
    """Return the official crops; train comes after extra if that is there, so that its last tenth is of train."""
    names = [split]
    if split == "train" and (folder / "extra_32x32.mat").is_file():
        names.insert(0, "extra")
    parts = [read_crops(folder / f"{name}_32x32.mat") for name in names]
    return Labelled(
        np.concatenate([images for images, _ in parts]), np.concatenate([labels for _, labels in parts])
    )


def _read_photographs(folder: Path, split: str) -> Labelled:
    """`folder/split/CLASS/*.jpg`, resized (bilinear) to squares of 150 px where they are not."""
    images, labels = [], []
    for label, name in enumerate(DATASETS["cats-dogs"].classes):
        paths = sorted((folder / split / name).glob("*.jpg"))
        if not paths:
            raise DataError(
                f"{folder / split / name} holds no .jpg; --data must name a folder with cats_and_dogs_small"
            )
        images += [_photograph(path) for path in paths]
        labels += [label] * len(paths)
    return Labelled(np.stack(images), np.array(labels, np.int32))


def _photograph(path: Path) -> NDArray[np.uint8]:
    try:
        image = decode_image(read_image_file(path))
    except InvalidRequestError as error:
        raise DataError(f"{path}: {error}") from error
    if image.shape[:2] != (_PHOTO_SIDE, _PHOTO_SIDE):
        image = np.asarray(
            cv2.resize(image, (_PHOTO_SIDE, _PHOTO_SIDE), interpolation=cv2.INTER_LINEAR), np.uint8
        )
    return image


DATASETS: dict[str, DatasetInfo] = {
    "mnist": DatasetInfo("mnist", (28, 28, 1), _DIGITS, _read_mnist),
    "cifar10": DatasetInfo("cifar-10-batches-py", (32, 32, 3), cifar10.CLASSES, _read_cifar10),
    "svhn": DatasetInfo("svhn", (32, 32, 3), _DIGITS, _read_svhn),
    "cats-dogs": DatasetInfo(
        "cats_and_dogs_small",
        (_PHOTO_SIDE, _PHOTO_SIDE, 3),
        ("cats", "dogs"),
        _read_photographs,
        has_validation=True,
    ),
}
"""Every kind of data by name."""


def on_dataset(recipe: Recipe, name: str) -> Recipe:
    """Return the recipe's model and training on other data, of which the notes report nothing.

    What is held out is what this is by default, the last of train: of SVHN's crops the first are `extra`, which are
    easier than test.

    Raises:
        TrainingError: if its layers do not fit that data's images or classes.
    """
    info = DATASETS[name]
    (outputs,) = count(recipe.layers, info.shape).layers[-1].output
    if outputs != len(info.classes):
        raise TrainingError(
            f"{recipe.name} tells {outputs + (outputs == 1)} classes apart, {name} has {len(info.classes)}"
        )
    return replace(recipe, dataset=name, notes=None, stop_at=None, hold_out=Recipe.hold_out)


def fits(recipe: Recipe, name: str) -> bool:
    """Return whether the recipe's layers fit that data's images and classes."""
    try:
        on_dataset(recipe, name)
    except TrainingError:
        return False
    return True


def split_off(train: Labelled, hold_out: HoldOut) -> tuple[Labelled, Labelled]:
    """Train without its held-out end, and that end."""
    count = min(hold_out.count, len(train) // 10)
    if count < 1:
        raise DataError(f"{len(train)} training images are too few to hold some out")
    if hold_out.end == "first":
        return train.select(slice(count, None)), train.select(slice(count))
    return train.select(slice(-count)), train.select(slice(-count, None))


def join(first: Labelled, second: Labelled) -> Labelled:
    """Return both, one after the other."""
    return Labelled(
        np.concatenate([first.images, second.images]), np.concatenate([first.labels, second.labels])
    )


def folds(count: int, parts: int, seed: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """For each of `parts` folds the indices to train on and those to validate on.

    Each of `count` images is validated on in exactly one fold; the folds' sizes differ by one at most.
    """
    order = np.random.default_rng(seed).permutation(count)
    pieces = np.array_split(order, parts)
    return [(np.concatenate(pieces[:i] + pieces[i + 1 :]), pieces[i]) for i in range(parts)]
