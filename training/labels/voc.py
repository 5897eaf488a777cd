"""Pascal VOC's XML: a file per image, an `object` per digit.

Boxes are VOC's own, as `digit-detector convert --to voc` writes them, too: pixels counted from 1, the last one
included, so that `xmin` 1 and `xmax` 10 are the edges 0 and 10. (Some tools count from 0; their boxes come out a
pixel too wide.) The files are in `Annotations/` or anywhere else, a split's in a folder of its name; images lie
beside them, in `JPEGImages/` or `images/`, below the same folders as the files do below `Annotations/`.
"""

import posixpath
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from training.labels.errors import LabelError, MissingImageError
from training.labels.records import Format, Mark, Picture, Problem, number, split_of
from training.labels.tree import MAX_IMAGE_LABEL_BYTES, FileTree, usual_places
from training.labels.xml_fields import Fields, read_xml

_HEAD_BYTES = 2048
_EDGES = ("xmin", "ymin", "xmax", "ymax")


def _sources(tree: FileTree) -> list[str]:
    return [name for name in tree.ending(".xml") if _is_annotation(tree, name)]


def _is_annotation(tree: FileTree, name: str) -> bool:
    try:
        with (tree.root / name).open("rb") as file:
            return b"<annotation" in file.read(_HEAD_BYTES)
    except OSError:
        return False


def _parse(tree: FileTree, sources: Sequence[str]) -> Iterator[Picture | Problem]:
    for source in sources:
        try:
            yield _picture(tree, source)
        except LabelError as error:
            yield Problem(tree.root / source, error.line, error.text)


def _picture(tree: FileTree, name: str) -> Picture:
    file = tree.root / name
    about, objects = read_xml(tree.content(name, MAX_IMAGE_LABEL_BYTES), "annotation", "object")
    marks: list[Mark] = []
    problems: list[Problem] = []
    for entry in objects:
        try:
            marks.append(_mark(entry))
        except ValueError as error:
            problems.append(Problem(file, entry.line, str(error)))
    image = None
    try:
        image = tree.image(about.texts.get("filename", ""), _places(name, about), any_suffix=True)
    except MissingImageError as error:
        problems.append(Problem(file, about.line, str(error)))
    split = split_of(PurePosixPath(name).parent)
    return Picture(file, about.line, image, split, marks, problems, declared=_declared(about))


def _places(name: str, about: Fields) -> list[str]:
    """Where the image may lie: as the file does below Annotations/, or in the folder that it names."""
    below = posixpath.dirname(f"/{name}").rpartition("/Annotations")[2].lstrip("/")
    above = posixpath.dirname(f"/{name}").rpartition("/Annotations")[0].lstrip("/")
    folders = [below, about.texts.get("folder", "")]
    tops = [posixpath.join(above, "JPEGImages"), posixpath.join(above, "images"), above]
    return usual_places(name, [posixpath.join(top, folder) for folder in folders for top in tops])


def _declared(about: Fields) -> tuple[float, float] | None:
    """The image's size; tools that do not know it write 0 or nothing."""
    try:
        width, height = (number(about.texts[f"size/{side}"]) for side in ("width", "height"))
    except (KeyError, ValueError):
        return None
    return (width, height) if width > 0 and height > 0 else None


def _mark(entry: Fields) -> Mark:
    name = entry.texts.get("name", "")
    missing = [edge for edge in _EDGES if not entry.texts.get(f"bndbox/{edge}")]
    if not name or missing:
        raise ValueError(f"the object has no {', '.join(missing) or 'name'}")
    x_min, y_min, x_max, y_max = (number(entry.texts[f"bndbox/{edge}"]) for edge in _EDGES)
    return Mark(entry.line, name, (x_min - 1, y_min - 1, x_max, y_max))


FORMAT = Format(
    name="Pascal VOC",
    accepted="Pascal VOC: .xml files with an <annotation>, one for each image",
    declares_classes=False,
    sources=_sources,
    parse=_parse,
)
