"""The label file of each image in a YOLO folder, and the label files that are no image's.

An image without a label file has no digits. A label file that is not found would make its image one of these, so names
are matched in any case and Unicode form, and every file that looks like labels has to have its image.
"""

import posixpath
import re
from collections.abc import Collection, Iterator
from functools import cached_property

from detector.images.decode import IMAGE_SUFFIXES
from training.data.labels.numbers import number, whole_number
from training.data.labels.tree import FileTree, folded

_IMAGES = re.compile(r"(?i)(?:^|/)images(?=/)")
_SUFFIX = ".txt"
_OTHER_TEXTS = frozenset({"notes.txt", "readme.txt"})
_OTHER_SUFFIXES = IMAGE_SUFFIXES | {".yaml", ".yml", ".json", ".xml", ".csv", ".cache", ".names", ".data"}
_BOX_COLUMNS = 5
_LOOKED_AT = 3


class LabelFiles:
    """The label files of a folder."""

    def __init__(self, tree: FileTree) -> None:
        self._tree = tree

    def of(self, image: str) -> str:
        """Find the label file of an image: in `labels` for the last `images`, or beside it, or where it belongs."""
        places = self._places(image)
        return next((found for place in places if (found := self._tree.find(place))), places[0])

    def is_named_otherwise(self, image: str) -> bool:
        """Return whether an image's label file was found only in another case or Unicode form."""
        return self.of(image) not in self._places(image)

    def _places(self, image: str) -> list[str]:
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
        return bool(lines) and all(map(_is_row, lines[:_LOOKED_AT]))


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
