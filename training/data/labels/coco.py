"""COCO's JSON (https://cocodataset.org/#format-data): `images`, `annotations` and `categories` in one file.

A bbox is [x, y, width, height] in pixels. An image without annotations has no digits; annotations of crowds
(`iscrowd`) are several objects in one box and are set aside. There may be a file per split, as
`valid/_annotations.coco.json` or `annotations/instances_val2017.json`; images lie beside it, in `images/`, in the
data folder, or in `val2017/`.
"""

import posixpath
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from training.data.labels.json_lists import json_lists
from training.data.labels.records import Format, Mark, Picture, Problem, split_of
from training.data.labels.tree import MAX_LABEL_BYTES, FileTree, LabelError, MissingImageError, usual_places
from training.data.scenes import Box

_KEYS = ("images", "annotations", "categories")
_CROWD = "crowd"

_Entries = list[tuple[int, dict[str, Any]]]
_Id = int | str | None


@dataclass
class _Image:
    line: int
    entry: dict[str, Any]
    marks: list[Mark] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    crowds: int = 0


def _sources(tree: FileTree) -> list[str]:
    """Return the JSON files in which the three keys occur: a damaged one is still meant to be COCO's."""
    return [name for name in tree.ending(".json") if _has_keys(tree, name)]


def _has_keys(tree: FileTree, name: str) -> bool:
    try:
        with (tree.root / name).open("rb") as file:
            content = file.read(MAX_LABEL_BYTES)
    except OSError:
        return False
    return all(f'"{key}"'.encode() in content for key in _KEYS)


def _parse(tree: FileTree, sources: Sequence[str]) -> Iterator[Picture | Problem]:
    for source in sources:
        yield from _File(tree, source).pictures()


class _File:
    """One JSON file."""

    def __init__(self, tree: FileTree, name: str) -> None:
        self._tree = tree
        self._name = name
        self._path = tree.root / name
        stem = PurePosixPath(name).stem
        self._split = split_of(PurePosixPath(name).parent, stem)
        last_word = stem.rpartition("_")[2]
        self._places = usual_places(name, [last_word, posixpath.join("images", last_word)])

    def pictures(self) -> Iterator[Picture | Problem]:
        """All of it."""
        lists: dict[str, _Entries] = {key: [] for key in _KEYS}
        try:
            for key, line, element in json_lists(self._tree.text(self._name), _KEYS):
                if isinstance(element, dict):
                    lists[key].append((line, element))
                else:
                    yield self._problem(line, f"one of the {key} is no JSON object")
        except LabelError as error:
            yield self._problem(error.line, error.text)
            return
        names = yield from self._names(lists["categories"])
        images = yield from self._images(lists["images"])
        for line, entry in lists["annotations"]:
            image = images.get(_identity(entry, "image_id"))
            if image is None:
                yield self._problem(line, f"no image has the id {entry.get('image_id')!r:.50}")
            else:
                self._annotate(image, line, entry, names)
        yield from (self._picture(image) for image in images.values())

    def _names(self, categories: _Entries) -> Generator[Problem, None, dict[_Id, str]]:
        names: dict[_Id, str] = {}
        for line, entry in categories:
            key, name = _identity(entry, "id"), entry.get("name")
            if key is None or not isinstance(name, str | int):
                yield self._problem(line, "a category needs an id and a name")
            elif key in names:
                yield self._problem(line, f"a second category has the id {key!r:.50}")
            else:
                names[key] = str(name)
        return names

    def _images(self, entries: _Entries) -> Generator[Problem, None, dict[_Id, _Image]]:
        images: dict[_Id, _Image] = {}
        for line, entry in entries:
            key = _identity(entry, "id")
            if key is None or not isinstance(entry.get("file_name"), str):
                yield self._problem(line, "an image needs an id and a file_name")
            elif key in images:
                text = f"a second image has the id {key!r:.50}: whose its annotations are cannot be told"
                images[key].problems.append(self._problem(line, text))
            else:
                images[key] = _Image(line, entry)
        return images

    def _annotate(self, image: _Image, line: int, entry: dict[str, Any], names: dict[_Id, str]) -> None:
        name = names.get(_identity(entry, "category_id"))
        if entry.get("iscrowd") == 1:
            image.crowds += 1
        elif name is None:
            text = f"category_id {entry.get('category_id')!r:.50} is not among the categories"
            image.problems.append(self._problem(line, text))
        else:
            box = _box(entry.get("bbox"))
            if box is None:
                image.problems.append(self._problem(line, "bbox is not [x, y, width, height]"))
            else:
                image.marks.append(Mark(line, name, box))

    def _picture(self, image: _Image) -> Picture:
        path = None
        try:
            path = self._tree.image(image.entry["file_name"], self._places)
        except MissingImageError as error:
            image.problems.append(self._problem(image.line, str(error)))
        size = _number(image.entry.get("width")), _number(image.entry.get("height"))
        return Picture(
            self._path,
            image.line,
            path,
            self._split,
            image.marks,
            image.problems,
            declared=size if size[0] is not None and size[1] is not None else None,  # type: ignore[arg-type]
            set_aside=[_CROWD] * image.crowds,
        )

    def _problem(self, line: int, text: str) -> Problem:
        return Problem(self._path, line, text)


def _identity(entry: dict[str, Any], key: str) -> _Id:
    value = entry.get(key)
    return value if isinstance(value, int | str) else None


def _box(value: Any) -> Box | None:
    if not isinstance(value, list) or len(value) != 4:
        return None
    x, y, width, height = (_number(edge) for edge in value)
    if x is None or y is None or width is None or height is None:
        return None
    return x, y, x + width, y + height


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return float("inf")


FORMAT = Format(
    name="COCO",
    accepted="COCO: a .json file with images, annotations and categories (a bare list of results is no dataset)",
    declares_classes=True,
    sources=_sources,
    parse=_parse,
)
