"""YOLO folders: `data.yaml`, `images/`, and in `labels/` a text file per image, a line per box.

A line is `class x_center y_center width height`, the last four in fractions of the image's sides
(https://docs.ultralytics.com/datasets/detect). An image without a label file, or with an empty one, has no digits.
Where labelling tools leave `data.yaml` out, `classes.txt` with a name a line takes its place, and all of `images/`
is one split. Outlines (polygons) are refused: tools that draw them export boxes, too.
"""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from training.data.labels.records import Format, Mark, Picture, Problem, number
from training.data.labels.tree import MAX_IMAGE_LABEL_BYTES, FileTree, LabelError, MissingImageError, inside
from training.data.scenes import Box

_YAML = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_CLASSES = "classes.txt"
_SPLIT_KEYS = {"train": "train", "val": "val", "valid": "val", "test": "test"}
_MAX_YAML_BYTES = 64 * 1024
_DEEPEST_YAML = 8
_NOT_LABELS = {_CLASSES, "notes.txt", "readme.txt"}


@dataclass(frozen=True)
class _Settings:
    """The content of `data.yaml`; `splits` are lines, splits, and the folder or list of each one's images."""

    names: Mapping[int, str]
    splits: Sequence[tuple[int, str, str]]


def _sources(tree: FileTree) -> list[str]:
    found = [name for name in _YAML if name in tree.files]
    if not found and _CLASSES in tree.files and any(name.startswith("labels/") for name in tree.files):
        found = [_CLASSES]
    return found[:1]


def _parse(tree: FileTree, sources: Sequence[str]) -> Iterator[Picture | Problem]:
    (source,) = sources
    images: dict[str, str] = {}
    try:
        text = tree.text(source, _MAX_YAML_BYTES)
        settings = _classes_only(text) if source == _CLASSES else _settings(text)
    except LabelError as error:
        yield Problem(tree.root / source, error.line, error.text)
        return
    for line, split, place in settings.splits:
        try:
            for image in _images(tree, place):
                images.setdefault(image, split)  # one that is in two splits belongs to the first
        except LabelError as error:
            yield Problem(tree.root / source, line, error.text)
    owners: dict[str, str] = {}
    for image, split in images.items():
        label_file = _label_file(image)
        owner = owners.setdefault(label_file, image)
        yield _picture(tree, image, split, label_file, settings.names, owner)
    yield from _without_image(tree, owners)


def _classes_only(text: str) -> _Settings:
    names = {index: name.strip() for index, name in enumerate(text.splitlines()) if name.strip()}
    return _Settings(names, [(1, "train", "images")])


def _settings(text: str) -> _Settings:
    content = _yaml(text)
    if not isinstance(content, dict):
        raise LabelError(1, "no `names:` and no `train:` in it")
    lines = {key: _line_of(key, text) for key in ("path", "names", *_SPLIT_KEYS)}
    (base,) = _strings(content.get("path", "."), "path", lines["path"]) or ["."]
    base = _place("", base, lines["path"])
    splits = [
        (lines[key], split, _place(base, place, lines[key]))
        for key, split in _SPLIT_KEYS.items()
        for place in _strings(content.get(key), key, lines[key])
    ]
    if not splits:
        raise LabelError(1, "no `train:`, no `val:`, no `test:`: it names no images")
    return _Settings(_names(content.get("names"), lines["names"]), splits)


def _yaml(text: str) -> Any:
    """Return the content. Aliases are refused, since small files grow without end by them, and so is deep nesting."""
    depth = 0
    try:
        for event in yaml.parse(text, yaml.SafeLoader):
            line = event.start_mark.line + 1 if event.start_mark else 1
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent):
                raise LabelError(line, "not YAML that is read: it has aliases")
            if depth > _DEEPEST_YAML:
                raise LabelError(line, "not YAML that is read: it is nested too deeply")
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise LabelError(line, f"not YAML that is read: {error.problem}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise LabelError(1, f"not YAML that is read: {error}") from error


def _line_of(key: str, text: str) -> int:
    """Return the line of a key; the first one if it is not there, or written in a way that is not looked for."""
    lines = enumerate(text.splitlines(), start=1)
    return next((line for line, entry in lines if entry.startswith(f"{key}:")), 1)


def _names(value: Any, line: int) -> dict[int, str]:
    """Return the class names by number, from a list or from a dictionary."""
    entries = dict(enumerate(value)) if isinstance(value, list) else value
    if not isinstance(entries, dict) or not entries:
        raise LabelError(line, "`names:` is neither a list nor a dictionary of the classes' names")
    if not all(isinstance(index, int) and isinstance(name, str | int) for index, name in entries.items()):
        raise LabelError(line, "`names:` has to give a name for each number")
    return {index: str(name) for index, name in entries.items()}


def _strings(value: Any, key: str, line: int) -> list[str]:
    entries = value if isinstance(value, list) and key != "path" else [] if value is None else [value]
    if not all(isinstance(entry, str) for entry in entries):
        raise LabelError(line, f"`{key}:` has to be the path of a folder, or of a list of images")
    return entries


def _place(base: str, place: str, line: int) -> str:
    """Return a folder or list. Roboflow writes `../train/images` for what lies beside its data.yaml."""
    place = place.replace("\\", "/")
    found = inside(posixpath.join(base, place))
    if found is None:
        found = inside(place.removeprefix("../"))
    if found is None:
        text = f"{place[:200]!r} leads out of the data folder; paths are taken from where this file is"
        raise LabelError(line, text)
    return found


def _images(tree: FileTree, place: str) -> list[str]:
    """Return the images of a split: those below a folder, or those that a text file lists, a line each."""
    if not place.lower().endswith(".txt"):
        found = tree.images_below(place)
        if not found:
            raise LabelError(1, f"no images below {place or '.'!r}")
        return found
    if place not in tree.files:
        raise LabelError(1, f"the list {place!r} is not there")
    folders = [posixpath.dirname(place), ""]
    try:
        paths = [tree.image(line.strip(), folders) for line in tree.text(place).splitlines() if line.strip()]
    except (LabelError, MissingImageError) as error:
        raise LabelError(1, f"{place}: {error}") from error
    return [path.relative_to(tree.root).as_posix() for path in paths]


def _label_file(image: str) -> str:
    """Return the label file's path: the last `images` folder becomes `labels`; else labels lie beside images."""
    before, folder, after = f"/{image}".rpartition("/images/")
    path = f"{before}/labels/{after}" if folder else after
    return f"{posixpath.splitext(path)[0]}.txt".lstrip("/")


def _picture(
    tree: FileTree, image: str, split: str, label_file: str, names: Mapping[int, str], owner: str
) -> Picture:
    file, path = tree.root / label_file, tree.root / image
    if owner != image:
        text = f"it is the label file of both {owner} and {image}: rename one of them"
        return Picture(file, 1, path, split, (), [Problem(file, 1, text)])
    marks: list[Mark] = []
    problems: list[Problem] = []
    try:
        lines = tree.text(label_file, MAX_IMAGE_LABEL_BYTES).splitlines() if label_file in tree.files else []
    except LabelError as error:
        lines = []
        problems.append(Problem(file, error.line, error.text))
    for line, text in enumerate(lines, start=1):
        if text.strip():
            try:
                marks.append(_mark(line, text.split(), names))
            except ValueError as error:
                problems.append(Problem(file, line, str(error)))
    return Picture(file, 1, path, split, marks, problems, fractions=True)


def _mark(line: int, columns: Sequence[str], names: Mapping[int, str]) -> Mark:
    if len(columns) != 5:
        more = ": an outline? Export boxes" if len(columns) > 6 else ""
        raise ValueError(f"{len(columns)} columns instead of 5, class x_center y_center width height{more}")
    if not columns[0].isdecimal() or len(columns[0]) > 9:
        raise ValueError(f"{columns[0][:50]!r} is no class number")
    index = int(columns[0])
    if index not in names:
        raise ValueError(f"class {index} is not among the names that are declared")
    x, y, width, height = (number(column) for column in columns[1:])
    box: Box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return Mark(line, names[index], box)


def _without_image(tree: FileTree, known: Mapping[str, str]) -> Iterator[Problem]:
    """Label files whose image is not there, in the folders of those whose image is."""
    parts = [f"/{label_file}".rpartition("/labels/") for label_file in known]
    tops = {f"{before}/labels/".lstrip("/") for before, labels, _ in parts if labels}
    for name in tree.ending(".txt"):
        is_label_file = name.startswith(tuple(tops)) and posixpath.basename(name).lower() not in _NOT_LABELS
        if is_label_file and name not in known:
            yield Problem(tree.root / name, 1, "no split has an image for these labels")


FORMAT = Format(
    name="YOLO",
    accepted="YOLO: data.yaml, images/ and labels/ (or classes.txt, images/ and labels/)",
    declares_classes=True,
    sources=_sources,
    parse=_parse,
)
