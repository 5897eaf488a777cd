"""The files of a YOLO folder: the label file of each image, and the folders and lists that its settings name.

An image without a label file has no digits. A label file that is not found would make its image one of these, so names
are matched in any case and Unicode form, and every file that looks like labels has to have its image.

A path of the settings may be absolute, lead into this very folder, begin with a folder that is not here
(`/content/set/train/images`, `Numbers-1/train/images`), or go up to a sibling (`../train/images`, as Roboflow writes
for what lies beside the file).
"""

import posixpath
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from detector.images.decode import IMAGE_SUFFIXES
from training.data.labels.records import named_splits
from training.data.labels.tree import FileTree, folded, inside
from training.data.labels.values import number, whole_number

_IMAGES = re.compile(r"(?i)(?:^|/)images(?=/)")
_SUFFIX = ".txt"
_OTHER_TEXTS = frozenset({"notes.txt", "readme.txt"})
_OTHER_SUFFIXES = IMAGE_SUFFIXES | {".yaml", ".yml", ".json", ".xml", ".csv", ".cache", ".names", ".data"}
_BOX_COLUMNS = 5
_CHECKED_LINES = 3


class LabelFiles:
    """The label files of a folder."""

    def __init__(self, tree: FileTree) -> None:
        self._tree = tree

    def of(self, image: str) -> str:
        """Find the label file of an image: in `labels` for the last `images`, or beside it, or where it belongs."""
        names = self._usual_names(image)
        return next((found for name in names if (found := self._tree.find(name))), names[0])

    def is_named_otherwise(self, image: str) -> bool:
        """Return whether an image's label file was found only in another case or Unicode form."""
        return self.of(image) not in self._usual_names(image)

    def _usual_names(self, image: str) -> list[str]:
        stem = posixpath.splitext(image)[0]
        beside = f"{stem}{_SUFFIX}"
        folders = list(_IMAGES.finditer(stem))
        if not folders:
            return [beside]
        start, end = folders[-1].span()
        slash = "/" if stem[start] == "/" else ""
        return [f"{stem[:start]}{slash}labels{stem[end:]}{_SUFFIX}", beside]

    def orphans(self, owned: Collection[str], other: Collection[str]) -> Iterator[str]:
        """Return the label files that are no image's.

        Args:
            owned: the label files of images.
            other: files that are known to be something else.
        """
        tops = tuple({found.group(0) for name in owned if (found := re.match(r"(?i)(?:.*/)?labels/", name))})
        for name in self._tree.files:
            suffix = posixpath.splitext(name)[1].lower()
            if name in owned or name in other or suffix in _OTHER_SUFFIXES:
                continue
            if posixpath.basename(name).lower() in _OTHER_TEXTS:
                continue
            in_labels = name.startswith(tops) if tops else False
            if (suffix == _SUFFIX and in_labels) or self.looks_like_labels(name):
                yield name

    @cached_property
    def of_images(self) -> dict[str, str]:
        """The images of the folder, whether of a split or not, by their label files."""
        return {self.of(image): image for image in self._tree.images}

    def looks_like_labels(self, name: str) -> bool:
        """Return whether the first lines are a class and fractions of an image's sides."""
        lines = [line.split() for line in self._tree.head(name).splitlines() if line.strip()]
        return bool(lines) and all(map(_is_row, lines[:_CHECKED_LINES]))


def stem_of(label_file: str) -> str:
    """Name the image that a label file may be meant for, folded, without suffixes: `a.txt`, `a.png.txt`."""
    stem = posixpath.basename(label_file)
    while posixpath.splitext(stem)[1].lower() in {_SUFFIX, *IMAGE_SUFFIXES}:
        stem = posixpath.splitext(stem)[0]
    return folded(posixpath.splitext(stem)[0] if stem == posixpath.basename(label_file) else stem)


def _is_row(columns: list[str]) -> bool:
    if len(columns) < _BOX_COLUMNS or whole_number(columns[0]) is None:
        return False
    try:
        return all(-1 <= number(column) <= 2 for column in columns[1:])
    except ValueError:
        return False


_DRIVE = re.compile(r"^[A-Za-z]:")


@dataclass(frozen=True)
class FoundPath:
    """A folder or file of the data folder.

    Attributes:
        name: its name in the folder.
        as_written: whether it is where the path says; if not, only the path's last part leads there.
    """

    name: str
    as_written: bool = True


def find_path(tree: FileTree, base: str, path: str) -> FoundPath | None:
    """Return the folder or file of the data folder that a path means; None if there is none.

    Args:
        tree: the data folder.
        base: the folder from which paths are taken, by its name in the data folder.
        path: with either kind of slash.
    """
    path = path.strip().replace("\\", "/")
    absolute = tree.name_of(path)
    if absolute is not None:
        return FoundPath(absolute)  # a folder without files is not listed, and is there nevertheless
    for name in _as_written(base, path):
        if (found := _existing(tree, name)) is not None:
            return FoundPath(found)
    for tail in _tails(path):
        for start in (base, ""):
            found = _existing(tree, posixpath.join(start, tail))
            if found is not None:
                return FoundPath(found, as_written=False)
    return None


def leads_out(base: str, path: str) -> bool:
    """Return whether a path, taken as it is written, leads out of the data folder."""
    return not list(_as_written(base, path.strip().replace("\\", "/"))) or bool(_DRIVE.match(path))


def _as_written(base: str, path: str) -> Iterator[str]:
    for start in (base, ""):
        for name in (path, path.removeprefix("../")):
            joined = inside(posixpath.join(start, name))
            if joined is not None:
                yield joined


def _tails(path: str) -> Iterator[str]:
    """Return the path without its first folder, its first two, ...; a folder that is called after a split stays."""
    parts = [part for part in PurePosixPath(_DRIVE.sub("", path)).parts if part not in ("/", "..", ".")]
    for count in range(
        1 if parts and not path.startswith(("/", "..")) and not _DRIVE.match(path) else 0, len(parts)
    ):
        dropped, kept = PurePosixPath(*parts[:count]), PurePosixPath(*parts[count:])
        if set(named_splits(dropped)) <= set(named_splits(kept)):
            yield kept.as_posix()


def _existing(tree: FileTree, name: str) -> str | None:
    if name == "":
        return ""
    folder = tree.find_folder(name)
    return tree.find(name) if folder is None else folder
