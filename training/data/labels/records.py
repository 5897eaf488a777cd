"""The records that all parsers yield: pictures with their marks, and problems and notes with file and line."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from training.data.labels.tree import FileTree
from training.data.scenes import Box


@dataclass(frozen=True)
class Problem:
    """Something that is not as it has to be.

    Attributes:
        file: the label file.
        line: the line in it, from 1 on; of a file that is not text, the number of the image in it.
        text: what is wrong, and where it helps, what to do.
    """

    file: Path
    line: int
    text: str

    def __str__(self) -> str:
        """Write it as compilers do, so that editors jump there."""
        return printable(f"{self.file}:{self.line}: {self.text}")


@dataclass(frozen=True)
class Note(Problem):
    """A remark that is no problem: a split without pictures, a path that was found elsewhere."""

    def __str__(self) -> str:
        return printable(f"{self.file}:{self.line}: note: {self.text}")


@dataclass(frozen=True)
class Mark:
    """One box, as a label file has it.

    Attributes:
        line: where.
        name: its class.
        box: xyxy, in pixels or, if the picture says so, in fractions of the image's sides.
        polygon: whether the file has a polygon, whose bounds the box is.
    """

    line: int
    name: str
    box: Box
    polygon: bool = False

    @classmethod
    def of_polygon(cls, line: int, name: str, coordinates: Sequence[float]) -> "Mark":
        """Return the bounds of a polygon x1, y1, x2, y2, ...

        Raises:
            ValueError: if it is none.
        """
        if len(coordinates) < 6 or len(coordinates) % 2:
            raise ValueError("a polygon needs three points or more, x and y of each")
        if not all(math.isfinite(coordinate) for coordinate in coordinates):
            raise ValueError("the polygon is not of finite numbers")
        xs, ys = coordinates[::2], coordinates[1::2]
        return cls(line, name, (min(xs), min(ys), max(xs), max(ys)), polygon=True)


@dataclass(frozen=True)
class Picture:
    """One image and its labels.

    Attributes:
        file: the label file.
        line: the line that names the image.
        image: the image's file; None if it is not there, which is among the problems then.
        split: "train", "val" or "test".
        marks: the boxes that could be parsed.
        problems: what could not.
        declared: width and height of the image according to the label file; not positive where it is unknown.
        fractions: whether boxes are in fractions of the image's sides.
        set_aside: what is no single object by the format's own marks.
        named: what the label file calls an image that was found under another path; empty if the path is right.
    """

    file: Path
    line: int
    image: Path | None
    split: str
    marks: Sequence[Mark]
    problems: Sequence[Problem] = ()
    declared: tuple[float, float] | None = None
    fractions: bool = False
    set_aside: Sequence[str] = ()
    named: str = ""


Item = Picture | Problem
"""An element of a parser's output; a `Note` is a `Problem` that prevents nothing."""


@dataclass(frozen=True)
class Format:
    """One format of labels.

    Attributes:
        name: what the log and `check` call it.
        accepted: what a folder has to hold to be of it, for people.
        declares_classes: whether its files list the classes, so that one of no interest can be told from a typo.
        sources: the names of the files by which the format is recognised; none if it is not.
        parse: pictures, problems and notes of those files.
        near_misses: files that look as if they were meant to be of the format and are not among the given sources.
    """

    name: str
    accepted: str
    declares_classes: bool
    sources: Callable[[FileTree], list[str]]
    parse: Callable[[FileTree, Sequence[str]], Iterator[Item]]
    near_misses: Callable[[FileTree, Sequence[str]], Iterator[Problem]]


SPLITS = ("train", "val", "test")

_SPLIT_WORDS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def split_of(folders: PurePosixPath, stem: str = "") -> str:
    """Return the split that a label file's path names: `valid/`, `val2017/`, `instances_val2017` are "val".

    Where it names none it is "train".
    """
    return next(iter([*named_splits(folders), *_splits_in(re.split("[^a-z]+", stem.lower()))]), "train")


def named_splits(folders: PurePosixPath) -> list[str]:
    """Return the splits that folders are called after, in their order."""
    return _splits_in(folder.lower().rstrip("0123456789") for folder in folders.parts)


def _splits_in(words: Iterable[str]) -> list[str]:
    return [_SPLIT_WORDS[word] for word in words if word in _SPLIT_WORDS]


def printable(text: str) -> str:
    """Return the text in one line that any terminal takes, whatever names of files and classes in it hold."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
