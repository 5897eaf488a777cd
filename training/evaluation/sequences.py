"""Whole numbers on signs: which of an image's true numbers are read, and which of the numbers read are true.

A true number is found if a number that was read touches its box and has the same digits; letters in it, as in 502C,
are left out (sequence accuracy: Goodfellow et al., "Multi-digit Number Recognition from Street View Imagery", 2013).
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.pipeline.numbers import group_numbers
from detector.results.boxes import intersections
from detector.results.detections import Detections, HouseNumber
from training.data.labels.image_finder import ImageFinder
from training.data.labels.tree import FileTree, MissingImageError, usual_folders
from training.data.scenes import NUMBERS_FILE, Box, Scene, box_defect
from training.errors import DataError

_EDGES = ("x_min", "y_min", "x_max", "y_max")


class TrueNumber(NamedTuple):
    """A number that stands in an image.

    Attributes:
        digits: from left to right, letters left out.
        box: xyxy in pixels of the displayed image, max exclusive.
    """

    digits: str
    box: Box


@dataclass(frozen=True)
class SequenceFigures:
    """Counts over all images together; a ratio to nothing is 0.

    Attributes:
        truths: true numbers.
        found: of these, the ones that are among the numbers read.
        reported: numbers read.
        right: of these, the ones that are true.
    """

    truths: int
    found: int
    reported: int
    right: int

    @property
    def recall(self) -> float:
        """The fraction of the true numbers that are found."""
        return self.found / max(self.truths, 1)

    @property
    def precision(self) -> float:
        """The fraction of the numbers read that are true."""
        return self.right / max(self.reported, 1)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)


def sequence_figures(
    truths: Sequence[Sequence[TrueNumber]], numbers: Sequence[Sequence[HouseNumber]]
) -> SequenceFigures:
    """Return the figures of images whose true numbers and numbers read are given in the same order."""
    return total([_of_image(true, read) for true, read in zip(truths, numbers, strict=True)])


def total(images: Sequence[SequenceFigures]) -> SequenceFigures:
    """Return the figures of all these images together."""
    return SequenceFigures(
        truths=sum(image.truths for image in images),
        found=sum(image.found for image in images),
        reported=sum(image.reported for image in images),
        right=sum(image.right for image in images),
    )


def _of_image(truths: Sequence[TrueNumber], numbers: Sequence[HouseNumber]) -> SequenceFigures:
    same = agreement(truths, numbers)
    return SequenceFigures(
        len(truths), int(same.any(axis=1).sum()), len(numbers), int(same.any(axis=0).sum())
    )


def agreement(truths: Sequence[TrueNumber], numbers: Sequence[HouseNumber]) -> NDArray[np.bool]:
    """(T, N) which of an image's numbers is which of its true ones: the same digits, and their boxes touch."""
    same = np.array([[true.digits == read.text for read in numbers] for true in truths], bool)
    boxes = [np.array([item.box for item in items], np.float32).reshape(-1, 4) for items in (truths, numbers)]
    return same.reshape(len(truths), len(numbers)) & (intersections(*boxes) > 0)


def true_numbers(scenes: Sequence[Scene], folder: Path) -> list[list[TrueNumber]]:
    """Return the true numbers of each scene: those of the folder's `numbers.csv`, or else its digits' lines.

    Raises:
        DataError: naming file and line, if `numbers.csv` is no such table or names an image that is not in the folder.
    """
    table = read_numbers(folder) if (folder / NUMBERS_FILE).is_file() else {}
    return [table[scene.path] if scene.path in table else numbers_in_lines(scene) for scene in scenes]


def whole_numbers(scenes: Sequence[Scene]) -> list[list[TrueNumber]]:
    """Return the true number of each image where all digits of an image are one number, as in SVHN."""
    return [[_whole(scene)] if len(scene.labels) else [] for scene in scenes]


def read_numbers(folder: Path) -> Mapping[Path, list[TrueNumber]]:
    """Return the numbers of each image that the folder's `numbers.csv` names, by the image's file.

    An image is found as those of label files are; one whose numbers are all of letters has none.

    Raises:
        DataError: naming file and line, if it is no such table, or an image is not there.
    """
    path = folder / NUMBERS_FILE
    finder, places = ImageFinder(FileTree(folder)), usual_folders(NUMBERS_FILE)
    table: dict[Path, list[TrueNumber]] = {}
    try:
        rows = csv.DictReader(StringIO(path.read_text("utf-8-sig")))
        for row in rows:
            where = f"{path}:{rows.line_num}"
            number = _read(row, where)
            numbers = table.setdefault(_image(row["image"], finder, places, where), [])
            if number.digits:
                numbers.append(number)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: {error}") from error
    return table


def _image(name: str, finder: ImageFinder, places: Sequence[str], where: str) -> Path:
    try:
        return finder.find(name, places).path
    except MissingImageError as error:
        raise DataError(f"{where}: {error}") from error


def _read(row: Mapping[str, str | None], where: str) -> TrueNumber:
    needed = ("image", "number", *_EDGES)
    if any(not row.get(name) for name in needed):
        raise DataError(f"{where}: needs {', '.join(needed)}")
    try:
        x_min, y_min, x_max, y_max = (float(row[name] or "") for name in _EDGES)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error
    box = (x_min, y_min, x_max, y_max)
    if defect := box_defect(box):
        raise DataError(f"{where}: {defect}")
    return TrueNumber("".join(letter for letter in row["number"] or "" if letter in "0123456789"), box)


def _whole(scene: Scene) -> TrueNumber:
    x_min, y_min = scene.boxes[:, :2].min(axis=0).tolist()
    x_max, y_max = scene.boxes[:, 2:].max(axis=0).tolist()
    return TrueNumber(scene.number, (x_min, y_min, x_max, y_max))


def numbers_in_lines(scene: Scene) -> list[TrueNumber]:
    """Return what a scene's digits spell where each line of them is a number."""
    digits = Detections(scene.boxes, scene.labels, np.ones(len(scene.labels), np.float32))
    return [TrueNumber(number.text, number.box) for number in group_numbers(digits)]
