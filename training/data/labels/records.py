"""The output of every format's parser: pictures with their marks, and problems with their places."""

import re
from collections.abc import Callable, Iterator, Sequence
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
        """As compilers write it, so that editors jump there."""
        return printable(f"{self.file}:{self.line}: {self.text}")


@dataclass(frozen=True)
class Mark:
    """One box, as a label file has it.

    Attributes:
        line: where.
        name: its class.
        box: xyxy, in pixels or, if the picture says so, in fractions of the image's sides.
    """

    line: int
    name: str
    box: Box


@dataclass(frozen=True)
class Picture:
    """All that is said of one image.

    Attributes:
        file: the label file.
        line: the line that names the image.
        image: the image's file; None if it is not there, which is among the problems then.
        split: "train", "val" or "test".
        marks: the boxes that could be parsed.
        problems: what could not.
        declared: width and height that the label file says the image has.
        fractions: whether boxes are in fractions of the image's sides.
        set_aside: what the format itself says is no single object.
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


@dataclass(frozen=True)
class Format:
    """One format of labels.

    Attributes:
        name: what the log and `check` call it.
        accepted: what a folder has to hold to be of it, for people.
        declares_classes: whether its files list the classes, so that one of no interest can be told from a typo.
        sources: the names of the files that say that a folder is of this format; none if it is not.
        parse: pictures and problems of those files.
    """

    name: str
    accepted: str
    declares_classes: bool
    sources: Callable[[FileTree], list[str]]
    parse: Callable[[FileTree, Sequence[str]], Iterator[Picture | Problem]]


_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def split_of(folders: PurePosixPath, stem: str = "") -> str:
    """Return the split that a label file's path names: `valid/`, `val2017/`, `instances_val2017` are "val".

    Where nothing is said it is "train".
    """
    words = [folder.lower().rstrip("0123456789") for folder in folders.parts]
    words += re.split("[^a-z]+", stem.lower())
    return next((_SPLITS[word] for word in words if word in _SPLITS), "train")


def printable(text: str) -> str:
    """Return the text in one line that any terminal takes, whatever names of files and classes in it hold."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def number(text: str) -> float:
    """Return a number as label files write it.

    Raises:
        ValueError: if it is none; `float` alone would take 1_0 for ten.
    """
    if "_" in text:
        raise ValueError(f"{text!r} is no number")
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text[:50]!r} is no number") from None
