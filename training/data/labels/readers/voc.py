"""Pascal VOC's XML: a file per image, an `object` per digit.

Hostile documents are refused, not expanded; texts are found by their path of tags, with lines.
"""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

from defusedxml import DefusedXmlException
from defusedxml.sax import parseString

from training.data.labels.image_finder import ImageFinder
from training.data.labels.readers.voc_image_sets import ImageSets
from training.data.labels.records import Format, Item, Mark, Note, Picture, Problem, split_of
from training.data.labels.tree import (
    MAX_IMAGE_LABEL_BYTES,
    FileTree,
    LabelError,
    MissingImageError,
    folded,
    usual_folders,
)
from training.data.labels.values import number

_DEEPEST = 32


@dataclass
class Fields:
    """A part of a document.

    Attributes:
        line: where it begins.
        texts: of each element in it, by the tags that lead to it, for example "bndbox/xmin"; of several the first.
    """

    line: int = 1
    texts: dict[str, str] = field(default_factory=dict)


def read_xml(content: bytes, root: str, repeated: str) -> tuple[Fields, list[Fields]]:
    """Return the fields of the document outside and inside of its `repeated` parts.

    Args:
        content: the document.
        root: the tag that it has to have.
        repeated: the tag, right below the root, of parts that come several times.

    Raises:
        LabelError: where it is no XML, or has entities or a document type.
    """
    handler = _Handler(root, repeated)
    try:
        parseString(content, handler, forbid_dtd=True)
    except SAXParseException as error:
        line = error.getLineNumber() or 1
        raise LabelError(line, f"not XML that is read: {error.getMessage()}") from error
    except DefusedXmlException as error:
        raise LabelError(
            handler.line(), "not XML that is read: it has a document type or entities"
        ) from error
    except (ValueError, LookupError) as error:  # an encoding that is unknown
        raise LabelError(handler.line(), f"not XML that is read: {error}") from error
    return handler.outside, handler.parts


class _Handler(ContentHandler):
    def __init__(self, root: str, repeated: str) -> None:
        super().__init__()
        self.outside = Fields()
        self.parts: list[Fields] = []
        self._root, self._repeated = root, repeated
        self._path: list[str] = []
        self._text: list[str] = []
        self._locator: Locator | None = None

    def line(self) -> int:
        """Return the line that is being read."""
        return (self._locator.getLineNumber() if self._locator else None) or 1

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802 - SAX's name
        """Keep what tells the line."""
        self._locator = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - SAX's name
        """Go down, into a new part if `name` begins one."""
        if not self._path and name != self._root:
            raise LabelError(self.line(), f"the document is a <{name[:50]}>, not an <{self._root}>")
        self._path.append(name)
        if len(self._path) > _DEEPEST:
            raise LabelError(self.line(), "not XML that is read: it is nested too deeply")
        self._text.clear()
        if self._path[1:] == [self._repeated]:
            self.parts.append(Fields(self.line()))

    def characters(self, content: str) -> None:
        """Gather the text of the innermost element."""
        self._text.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802 - SAX's name
        """Keep the text under its path of tags and go up."""
        in_part = self._path[1:2] == [self._repeated]
        path = "/".join(self._path[2 if in_part else 1 :])
        texts = (self.parts[-1] if in_part else self.outside).texts
        texts.setdefault(path, "".join(self._text).strip())
        self._text.clear()
        self._path.pop()


_EDGES = ("xmin", "ymin", "xmax", "ymax")

_ROOT = re.compile(r"<annotation[\s>/]")

_TAGS = ("<object>", "<bndbox>", "<filename>")


def _sources(tree: FileTree) -> list[str]:
    """Find the XML files that are annotations, and those among them that are none but are called as images."""
    names = tree.ending(".xml")
    found = {name for name in names if _is_annotation(tree.head(name))}
    folders = {posixpath.dirname(name) for name in found}
    stems = {_stem(image) for image in tree.images} if found else set()
    return [
        name
        for name in names
        if name in found or (posixpath.dirname(name) in folders and _stem(name) in stems)
    ]


def _is_annotation(head: str) -> bool:
    """Look for the root, be it cut, or two other tags of VOC's: damaged files are meant to be read, too."""
    is_cut = bool(head.strip()) and "<annotation".startswith(head.strip())
    return is_cut or bool(_ROOT.search(head)) or sum(tag in head for tag in _TAGS) >= 2


def _stem(name: str) -> str:
    return folded(posixpath.splitext(posixpath.basename(name))[0])


def _parse(tree: FileTree, sources: Sequence[str]) -> Iterator[Item]:
    finder, sets = ImageFinder(tree), ImageSets(tree)
    yield from sets.problems
    for source in sources:
        split = sets.split_of(source) or split_of(PurePosixPath(source).parent)
        try:
            yield _picture(tree, finder, source, split)
        except LabelError as error:
            yield Problem(tree.root / source, error.line, error.text)
    yield from sets.notes()


def _picture(tree: FileTree, finder: ImageFinder, name: str, split: str) -> Picture:
    file = tree.root / name
    about, objects = read_xml(tree.content(name, MAX_IMAGE_LABEL_BYTES), "annotation", "object")
    marks: list[Mark] = []
    problems: list[Problem] = []
    for entry in objects:
        try:
            marks.append(_mark(entry))
        except ValueError as error:
            problems.append(Problem(file, entry.line, str(error)))
    picture = Picture(file, about.line, None, split, marks, problems, declared=_declared(about))
    called = about.texts.get("filename", "")
    try:
        found = finder.find(called, _places(name, about), label_stem=posixpath.splitext(name)[0])
    except MissingImageError as error:
        problems.append(Problem(file, about.line, str(error)))
        return picture
    return replace(picture, image=found.path, named=found.named)


def _places(name: str, about: Fields) -> list[str]:
    """Return the folders of the image: as the file lies below Annotations/, or the one that it names."""
    below = posixpath.dirname(f"/{name}").rpartition("/Annotations")[2].lstrip("/")
    above = posixpath.dirname(f"/{name}").rpartition("/Annotations")[0].lstrip("/")
    folders = [below, about.texts.get("folder", "")]
    tops = [posixpath.join(above, "JPEGImages"), posixpath.join(above, "images"), above]
    return usual_folders(name, [posixpath.join(top, folder) for folder in folders for top in tops])


def _declared(about: Fields) -> tuple[float, float] | None:
    """Return the image's size; tools that do not know it write 0 or nothing."""
    try:
        return number(about.texts["size/width"]), number(about.texts["size/height"])
    except (KeyError, ValueError):
        return None


def _mark(entry: Fields) -> Mark:
    name = entry.texts.get("name", "")
    missing = [edge for edge in _EDGES if not entry.texts.get(f"bndbox/{edge}")]
    if not name or missing:
        raise ValueError(f"the object has no {', '.join(missing) or 'name'}")
    x_min, y_min, x_max, y_max = (number(entry.texts[f"bndbox/{edge}"]) for edge in _EDGES)
    return Mark(entry.line, name, (x_min - 1, y_min - 1, x_max, y_max))


_OTHERS = {
    "<annotations>": "CVAT's own XML: export Pascal VOC, YOLO or COCO",
    "<polygon>": "polygons of LabelMe: export COCO",
    "<dataset>": "dlib's XML: convert it to Pascal VOC",
}


def _near_misses(tree: FileTree, sources: Sequence[str]) -> Iterator[Note]:
    for name in tree.ending(".xml"):
        if name not in sources:
            head = tree.head(name)
            for tag, text in _OTHERS.items():
                if tag in head:
                    yield Note(tree.root / name, 1, f"not read, it seems to be {text}")
                    break


FORMAT = Format(
    name="Pascal VOC",
    accepted="Pascal VOC: .xml files with an <annotation>, one for each image",
    declares_classes=False,
    sources=_sources,
    parse=_parse,
    near_misses=_near_misses,
)
