"""The layout of a YOLO folder: its pictures by split, and the names of its classes.

Ultralytics' `data.yaml` has both, under any name that ends in .yaml. Darknet's `obj.data` names a list of pictures
for each split and a file with a class a line. Where neither is there, `classes.txt` or a file like it has the classes,
and all pictures are read, in the splits that their folders are called after.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import yaml

from training.data.labels.image_finder import ImageFinder
from training.data.labels.readers.yolo_files import FoundPath, LabelFiles, find_path, leads_out
from training.data.labels.records import Note, Problem, split_of
from training.data.labels.tree import FileTree, LabelError, MissingImageError
from training.data.labels.values import plain_name, whole_number

_DEEPEST = 8


def read_yaml(text: str) -> Any:
    """Return the content. Aliases are refused, since small files grow without end by them, and so is what nests deeply.

    Raises:
        LabelError: where it is no such YAML.
    """
    depth = 0
    try:
        for event in yaml.parse(text, yaml.SafeLoader):
            line = event.start_mark.line + 1 if event.start_mark else 1
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent):
                raise LabelError(line, "not YAML that is read: it has aliases")
            if depth > _DEEPEST:
                raise LabelError(line, "not YAML that is read: it is nested too deeply")
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise LabelError(line, f"not YAML that is read: {error.problem}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise LabelError(1, f"not YAML that is read: {error}") from error


def line_of(key: str, text: str) -> int:
    """Return the line of a key; the first one if it is not there, or written in another way."""
    lines = enumerate(text.splitlines(), start=1)
    starts = (f"{key}:", f"'{key}':", f'"{key}":')
    return next((line for line, entry in lines if entry.startswith(starts)), 1)


USUAL_YAML = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
CLASS_LISTS = frozenset({"classes.txt", "predefined_classes.txt", "obj.names", "_darknet.labels"})
_SPLIT_KEYS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_MAX_BYTES = 64 * 1024
_HAS_NAMES = re.compile(r"""^["']?names["']?\s*:""", re.MULTILINE)
_HAS_NAMES_FILE = re.compile(r"^\s*names\s*=", re.MULTILINE)


@dataclass
class Layout:
    """A YOLO folder before its first label file is read.

    Attributes:
        names: of the classes, by number.
        images: the images' splits, by their names in the folder.
        found: what an image that was found by its name is called, by the name that it has.
        keypoints: whether rows go on with keypoints after the box.
        remarks: problems and notes.
    """

    names: Mapping[int, str] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    found: dict[str, str] = field(default_factory=dict)
    keypoints: bool = False
    remarks: list[Problem] = field(default_factory=list)


def layout_files(tree: FileTree) -> list[str]:
    """Return the files that define the layout; none if this is no YOLO folder."""
    top = [name for name in tree.ending(".yaml", ".yml") if "/" not in name]
    usual = [name for known in USUAL_YAML for name in top if name.lower() == known]
    if usual:
        return usual[:1]
    if named := [name for name in top if _HAS_NAMES.search(tree.head(name))]:
        return named
    if darknet := [name for name in tree.ending(".data") if _HAS_NAMES_FILE.search(tree.head(name))]:
        return darknet
    lists = [name for name in tree.files if posixpath.basename(name).lower() in CLASS_LISTS]
    return lists if lists and _has_labels(tree, lists) else []


def _has_labels(tree: FileTree, lists: Sequence[str]) -> bool:
    label_files = LabelFiles(tree)
    if any(label_files.of(image) in tree.files for image in tree.images):
        return True
    return any(True for _ in label_files.orphans((), lists))


def read_layout(tree: FileTree, sources: Sequence[str]) -> Layout:
    """Read the files that describe the folder, as far as they can be read."""
    reader = _Reader(tree, sources[0])
    suffix = PurePosixPath(sources[0]).suffix.lower()
    read: Callable[[str], None] = {".yaml": reader.yaml, ".yml": reader.yaml, ".data": reader.darknet}.get(
        suffix, reader.class_list
    )
    layout = reader.layout
    try:
        read(tree.text(sources[0], _MAX_BYTES))
        for other in sources[1:]:
            if suffix in (".yaml", ".yml", ".data") or tree.text(other, _MAX_BYTES) != tree.text(sources[0]):
                text = f"{sources[0]} says, too, what the classes are: leave one of them there"
                layout.remarks.append(Problem(tree.root / other, 1, text))
    except LabelError as error:
        reader.remark(Problem, error.line, error.text)
    return layout


class _Reader:
    """Fills a layout from one file."""

    def __init__(self, tree: FileTree, source: str) -> None:
        self._tree, self._source = tree, source
        self._images = ImageFinder(tree)
        self.layout = Layout()

    def remark(self, kind: type[Problem], line: int, text: str, source: str = "") -> None:
        """Add a problem or a note."""
        self.layout.remarks.append(kind(self._tree.root / (source or self._source), line, text))

    def yaml(self, text: str) -> None:
        """Read `data.yaml`."""
        content = read_yaml(text)
        if not isinstance(content, dict):
            raise LabelError(1, "no `names:` and no `train:` in it")
        self.layout.keypoints = "kpt_shape" in content
        base = self._base(content.get("path"), line_of("path", text))
        self.layout.names = _names(content.get("names"), line_of("names", text))
        splits = [key for key in _SPLIT_KEYS if content.get(key) not in (None, "", [])]
        for key in splits:
            line = line_of(key, text)
            for path in _strings(content[key], key, line):
                self._add(line, key, base, path)
        if not splits:
            self._all_images()
            self.remark(Note, 1, f"it names no splits: all {len(self.layout.images):,} pictures are read")

    def darknet(self, text: str) -> None:
        """Read `obj.data`."""
        beside = posixpath.dirname(self._source)
        settings = {}
        for line, entry in enumerate(text.splitlines(), start=1):
            key, _, value = (part.strip() for part in entry.partition("="))
            settings[key] = line, value
        line, value = settings.get("names", (1, ""))
        found = find_path(self._tree, beside, value)
        if found is None or found.name not in self._tree.files:
            raise LabelError(line, f"the list of classes {value!r} is not there")
        self.layout.names = _listed_names(self._tree.text(found.name, _MAX_BYTES))
        splits = [key for key in _SPLIT_KEYS if key in settings]
        for key in splits:
            self._add(settings[key][0], key, beside, settings[key][1])
        if not splits:
            self._all_images()

    def class_list(self, text: str) -> None:
        """Read a file with a class a line."""
        self.layout.names = _listed_names(text)
        self._all_images()

    def _base(self, path: Any, line: int) -> str:
        """Return the folder from which paths are taken: that of the file where `path:` is not there."""
        (path,) = _strings(path, "path", line) or ["."]
        found = find_path(self._tree, "", path)
        if found is None:
            self.remark(Note, line, f"{path[:200]!r} is not here: paths are taken from where this file is")
        elif not found.as_written:
            self.remark(Note, line, f"{path[:200]!r} is not here: {found.name!r} is taken for it")
        return found.name if found else ""

    def _add(self, line: int, key: str, base: str, path: str) -> None:
        """Add the images of a folder, or those that a text file lists, a line each."""
        found, known = find_path(self._tree, base, path), len(self.layout.remarks)
        images = self._images_at(found.name) if found else []
        if found and not found.as_written and all(image in self.layout.images for image in images):
            found, images = None, []  # the path's last part is another split's folder
        if found and images and not found.as_written:
            self.remark(Note, line, f"{path[:200]!r} is not here: {found.name!r} is taken for it")
        if not images and len(self.layout.remarks) == known:
            self._remark_on_empty(line, key, base, path, found)
        for image in images:
            self.layout.images.setdefault(image, _SPLIT_KEYS[key])  # one in two splits belongs to the first

    def _images_at(self, name: str) -> list[str]:
        return list(self._listed(name)) if name in self._tree.files else self._tree.images_below(name)

    def _listed(self, source: str) -> Iterator[str]:
        folders = [posixpath.dirname(source), ""]
        try:
            lines = self._tree.text(source).splitlines()
        except LabelError as error:
            self.remark(Problem, error.line, error.text, source)
            return
        for line, name in enumerate(lines, start=1):
            if name.strip():
                try:
                    found = self._images.find(name.strip(), folders)
                except MissingImageError as error:
                    self.remark(Problem, line, str(error), source)
                    continue
                image = found.path.relative_to(self._tree.root).as_posix()
                if found.named:
                    self.layout.found[image] = found.named
                yield image

    def _remark_on_empty(self, line: int, key: str, base: str, path: str, found: FoundPath | None) -> None:
        """Treat a split without pictures as a problem for training alone: tools write all three lines anyway."""
        if found is None and leads_out(base, path):
            text = f"{path[:200]!r} leads out of the data folder; paths are taken from where this file is"
        elif path.lower().endswith(".txt"):
            text = f"the list {path[:200]!r} is {'empty' if found else 'not there'}"
        else:
            text = f"no images below {path[:200]!r}"
        if key == "train":
            self.remark(Problem, line, text)
        else:
            self.remark(Note, line, f"{text}: the split {_SPLIT_KEYS[key]!r} is left out")

    def _all_images(self) -> None:
        folder = self._tree.find_folder("images")
        for image in self._tree.images_below(folder or ""):
            self.layout.images[image] = split_of(PurePosixPath(image).parent)


def _names(value: Any, line: int) -> dict[int, str]:
    """Return the class names by number, from a list or from a dictionary."""
    entries = dict(enumerate(value)) if isinstance(value, list) else value
    if not isinstance(entries, dict) or not entries:
        raise LabelError(line, "`names:` is neither a list nor a dictionary of the classes' names")
    names: dict[int, str] = {}
    for key, name in entries.items():
        index = whole_number(key)
        if index is None or not isinstance(name, str | int | float) or isinstance(name, bool):
            raise LabelError(line, "`names:` has to give a name for each number")
        if index in names:
            raise LabelError(line, f"`names:` has two names for {index}")
        names[index] = plain_name(str(name))
    return names


def _listed_names(text: str) -> dict[int, str]:
    return {index: name.strip() for index, name in enumerate(text.splitlines()) if name.strip()}


def _strings(value: Any, key: str, line: int) -> list[str]:
    entries = value if isinstance(value, list) and key != "path" else [] if value is None else [value]
    if not all(isinstance(entry, str) for entry in entries):
        raise LabelError(line, f"`{key}:` has to be the path of a folder, or of a list of images")
    return entries
