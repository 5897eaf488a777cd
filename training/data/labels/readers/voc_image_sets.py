"""Pascal VOC's own splits: ImageSets/Main/train.txt, val.txt and test.txt, the name of an annotation a line."""

import posixpath
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from detector.images.decode import IMAGE_SUFFIXES
from training.data.labels.records import Note, Problem
from training.data.labels.tree import FileTree, LabelError, folded

_LIST = re.compile(r"(.*/|)ImageSets/Main/(train|val|test)\.txt")
"""Other lists are of one class each, or of two splits together, as trainval.txt is."""

_ANNOTATIONS = "/Annotations/"


class ImageSets:
    """The splits that the lists of a folder name.

    Attributes:
        problems: lists that cannot be read, and names that two of them have.
    """

    def __init__(self, tree: FileTree) -> None:
        self.problems: list[Problem] = []
        self._tree = tree
        self._splits: dict[str, tuple[str, str, int]] = {}
        self._unread: set[str] = set()
        self._unlisted: list[str] = []
        for source in tree.ending(".txt"):
            if found := _LIST.fullmatch(source):
                self._read(source, *found.groups())
        self._unread.update(self._splits)

    def split_of(self, annotation: str) -> str | None:
        """Return the split of an annotation's file; None where no list has it."""
        key = _key(annotation)
        if key not in self._splits:
            self._unlisted.append(annotation)
            return None
        self._unread.discard(key)
        return self._splits[key][0]

    def notes(self) -> Iterator[Note]:
        """Yield what the lists and the annotations asked for do not have in common."""
        if not self._splits:
            return
        if self._unlisted:
            _, source, _ = next(iter(self._splits.values()))
            text = f"annotations that no list in ImageSets/Main/ has: {len(self._unlisted):,} ({self._unlisted[0]})"
            yield Note(self._tree.root / source, 1, f"{text}; their folders tell the split")
        if self._unread:
            first = next(key for key in self._splits if key in self._unread)
            _, source, line = self._splits[first]
            text = (
                f"names in ImageSets/Main/ without an annotation: {len(self._unread):,}, the first one here"
            )
            yield Note(self._tree.root / source, line, text)

    def _read(self, source: str, top: str, split: str) -> None:
        file = self._tree.root / source
        try:
            lines = self._tree.text(source).splitlines()
        except LabelError as error:
            self.problems.append(Problem(file, error.line, error.text))
            return
        for line, name in enumerate(lines, start=1):
            if name.strip():
                key = folded(f"{top}{_without_suffix(name.strip())}")
                known = self._splits.setdefault(key, (split, source, line))
                if known[0] != split:
                    text = f"{name.strip()[:200]!r} is in {posixpath.basename(known[1])}, too"
                    self.problems.append(Problem(file, line, text))


def _key(annotation: str) -> str:
    """Return what a list beside Annotations/ calls the file, after the folder that holds both."""
    top, found, below = f"/{annotation}".rpartition(_ANNOTATIONS)
    name = f"{top.lstrip('/')}/{below}".lstrip("/") if found else annotation
    return folded(posixpath.splitext(name)[0])


def _without_suffix(name: str) -> str:
    return posixpath.splitext(name)[0] if PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES else name
