"""COCO's JSON (https://cocodataset.org/#format-data): `images`, `annotations` and `categories` in one file.

A bbox is [x, y, width, height] in pixels; where there is none, the bounds of the segmentation's polygons are. An image
without annotations has no digits; annotations of crowds (`iscrowd`) are several objects in one box and are set aside.
There may be a file per split, as `valid/_annotations.coco.json` or `annotations/instances_val2017.json`; images lie
beside it, in `images/`, in the data folder, or in `val2017/`.
"""

import json
import posixpath
import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from training.data.labels.image_finder import ImageFinder
from training.data.labels.readers.json_lists import json_lists
from training.data.labels.records import Format, Item, Mark, Note, Picture, Problem, split_of
from training.data.labels.tree import MAX_LABEL_BYTES, FileTree, LabelError, MissingImageError, usual_folders
from training.data.labels.values import Identity, identity, json_number, plain_name, whole_number

KEYS = ("images", "annotations", "categories")

_KEY_PATTERNS = [re.compile(f'"{key}"\\s*:') for key in KEYS]
_HEAD_BYTES = 65_536
_OTHERS = {
    '"shapes"': "LabelMe's: convert it to COCO",
    '"_via_': "VIA's: export COCO",
    '"regions"': "VIA's: export COCO",
    '"result"': "Label Studio's own: export COCO or YOLO",
    '"coordinates"': "CreateML's: export COCO",
    '"category_id"': "a bare list of COCO's results, without images and categories",
}


def coco_files(tree: FileTree) -> list[str]:
    """Return the JSON files with two of the three keys: a damaged one is still meant to be COCO's."""
    return [name for name in tree.ending(".json") if _keys_in(tree.head(name, MAX_LABEL_BYTES)) >= 2]


def json_near_misses(tree: FileTree, sources: Sequence[str]) -> Iterator[Problem]:
    """JSON files that are no JSON, or other tools' labels, or hold one of the three keys."""
    for name in tree.ending(".json"):
        if name in sources:
            continue
        head = tree.head(name, _HEAD_BYTES)
        text = next((text for sign, text in _OTHERS.items() if sign in head), "")
        if error := _defect(tree, name):
            yield (Problem if sources else Note)(tree.root / name, error.line, error.text)
        elif text:
            yield Note(tree.root / name, 1, f"not read, it seems to be {text}")
        elif _keys_in(head) and not sources:
            yield Note(tree.root / name, 1, f"not read: no {', '.join(KEYS)} in it")


def _defect(tree: FileTree, name: str) -> LabelError | None:
    try:
        json.loads(tree.text(name))
    except LabelError as error:
        return error
    except json.JSONDecodeError as error:
        return LabelError(error.lineno, f"not JSON that is read: {error.msg}")
    except (RecursionError, ValueError) as error:  # an integer of thousands of digits
        return LabelError(1, f"not JSON that is read: {error}")
    return None


def _keys_in(text: str) -> int:
    return sum(bool(pattern.search(text)) for pattern in _KEY_PATTERNS)


_CROWD = "crowd"

_Entries = list[tuple[int, dict[str, Any]]]


@dataclass
class _Image:
    line: int
    entry: dict[str, Any]
    marks: list[Mark] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    crowds: int = 0


def _parse(tree: FileTree, sources: Sequence[str]) -> Iterator[Item]:
    finder = ImageFinder(tree)
    for source in sources:
        yield from _File(tree, source, finder).pictures()


class _File:
    """One JSON file."""

    def __init__(self, tree: FileTree, name: str, finder: ImageFinder) -> None:
        self._tree, self._finder = tree, finder
        self._name = name
        self._path = tree.root / name
        stem = PurePosixPath(name).stem
        self._split = split_of(PurePosixPath(name).parent, stem)
        last_word = stem.rpartition("_")[2]
        self._folders = usual_folders(name, [last_word, posixpath.join("images", last_word)])

    def pictures(self) -> Iterator[Item]:
        """Yield all pictures, and the problems that belong to none."""
        lists: dict[str, _Entries] = {}
        try:
            for key, elements in json_lists(self._tree.text(self._name), KEYS):
                entries = lists.setdefault(key, [])
                for line, element in elements:
                    if isinstance(element, dict):
                        entries.append((line, element))
                    else:
                        yield self._problem(line, f"one of the {key} is no JSON object")
        except LabelError as error:
            yield self._problem(error.line, error.text)
            return
        missing = [key for key in KEYS if key not in lists]
        if missing:
            yield self._problem(1, f"no list {' and no list '.join(missing)} in it: no image of it is read")
            return
        names = yield from self._names(lists["categories"])
        images = yield from self._images(lists["images"])
        lost = 0
        for line, entry in lists["annotations"]:
            image = images.get(identity(entry.get("image_id")))
            if image is None:
                lost += 1
                yield self._problem(line, f"no image has the id {entry.get('image_id')!r:.50}")
            else:
                self._annotate(image, line, entry, names)
        for image in images.values():
            if lost and not image.marks and not image.crowds and not image.problems:
                text = f"no annotations, while {lost:,} have no image: are some of them of this one?"
                image.problems.append(self._problem(image.line, text))
            yield self._picture(image)

    def _names(self, categories: _Entries) -> Generator[Problem, None, dict[Identity, str]]:
        names: dict[Identity, str] = {}
        for line, entry in categories:
            key, name = identity(entry.get("id")), entry.get("name")
            if key is None or not isinstance(name, str | int | float):
                yield self._problem(line, "a category needs an id and a name")
            elif key in names:
                yield self._problem(line, f"a second category has the id {key!r:.50}")
            else:
                names[key] = plain_name(str(name))
        return names

    def _images(self, entries: _Entries) -> Generator[Problem, None, dict[Identity, _Image]]:
        images: dict[Identity, _Image] = {}
        for line, entry in entries:
            key = identity(entry.get("id"))
            if key is None or not isinstance(entry.get("file_name"), str):
                yield self._problem(line, "an image needs an id and a file_name")
            elif key in images:
                text = f"a second image has the id {key!r:.50}: whose its annotations are cannot be told"
                images[key].problems.append(self._problem(line, text))
            else:
                images[key] = _Image(line, entry)
        return images

    def _annotate(self, image: _Image, line: int, entry: dict[str, Any], names: dict[Identity, str]) -> None:
        name = names.get(identity(entry.get("category_id")))
        if whole_number(entry.get("iscrowd")) == 1 or entry.get("iscrowd") is True:
            image.crowds += 1
        elif name is None:
            text = f"category_id {entry.get('category_id')!r:.50} is not among the categories"
            image.problems.append(self._problem(line, text))
        else:
            try:
                image.marks.append(_mark(line, name, entry))
            except ValueError as error:
                image.problems.append(self._problem(line, str(error)))

    def _picture(self, image: _Image) -> Picture:
        width, height = (json_number(image.entry.get(side)) for side in ("width", "height"))
        picture = Picture(
            self._path,
            image.line,
            None,
            self._split,
            image.marks,
            image.problems,
            declared=None if width is None or height is None else (width, height),
            set_aside=[_CROWD] * image.crowds,
        )
        try:
            found = self._finder.find(image.entry["file_name"], self._folders)
        except MissingImageError as error:
            image.problems.append(self._problem(image.line, str(error)))
            return picture
        return replace(picture, image=found.path, named=found.named)

    def _problem(self, line: int, text: str) -> Problem:
        return Problem(self._path, line, text)


def _mark(line: int, name: str, entry: dict[str, Any]) -> Mark:
    """Return the box, or the bounds of the polygon where there is no box."""
    bbox, polygons = entry.get("bbox"), entry.get("segmentation")
    if bbox in (None, []) and polygons:
        return Mark.of_polygon(line, name, _coordinates(polygons))
    numbers = [json_number(edge) for edge in bbox] if isinstance(bbox, list) else []
    x, y, width, height = numbers if len(numbers) == 4 else [None] * 4
    if x is None or y is None or width is None or height is None:
        raise ValueError("bbox is not [x, y, width, height]")
    return Mark(line, name, (x, y, x + width, y + height))


def _coordinates(polygons: Any) -> list[float]:
    """Return the coordinates of all polygons [x1, y1, x2, y2, ...] of an object, or of its only one."""
    if isinstance(polygons, dict):
        raise ValueError("no bbox, and its segmentation is a mask: export boxes or polygons")
    nested = isinstance(polygons, list) and all(isinstance(part, list) for part in polygons)
    values = [value for part in polygons for value in part] if nested else polygons
    numbers = [json_number(value) for value in values] if isinstance(values, list) else [None]
    if any(value is None for value in numbers):
        raise ValueError("no bbox, and its segmentation is not [[x1, y1, x2, y2, ...]]")
    return [value for value in numbers if value is not None]


FORMAT = Format(
    name="COCO",
    accepted="COCO: a .json file with images, annotations and categories (a bare list of results is no dataset)",
    declares_classes=True,
    sources=coco_files,
    parse=_parse,
    near_misses=json_near_misses,
)
