"""Pascal VOC XML: one file per image in Annotations/, one `object` per digit.

The boxes are VOC's own: whole pixels counted from 1, the last one included; see section 4 of the development
kit, http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/.
"""

from collections.abc import Iterable
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from detector.detections import Detection
from detector.folders.formats.label_paths import LabelPaths
from detector.folders.results import FoundRow
from detector.folders.rows import printable_name


def write_voc(rows: Iterable[FoundRow], folder: Path) -> None:
    """Writes Annotations/ to an empty folder.

    Raises:
        InvalidOptionError: if two images would share an annotation file.
    """
    paths = LabelPaths(".xml")
    (folder / "Annotations").mkdir()
    for row in rows:
        target = folder / "Annotations" / paths.of(row.image)
        target.parent.mkdir(parents=True, exist_ok=True)
        ElementTree(_annotation(row)).write(target, encoding="utf-8")


def _annotation(row: FoundRow) -> Element:
    r"""The document; characters that XML cannot hold are written as `\x1b`."""
    above, _, name = row.image.rpartition("/")
    annotation = Element("annotation")
    _add(annotation, "folder", printable_name(above))
    _add(annotation, "filename", printable_name(name))
    _add(SubElement(annotation, "source"), "database", "digit-detector")
    size = SubElement(annotation, "size")
    for tag, value in (("width", row.width_px), ("height", row.height_px), ("depth", 3)):
        _add(size, tag, value)
    _add(annotation, "segmented", 0)
    for digit in row.digits:
        _add_object(annotation, digit, row.width_px, row.height_px)
    indent(annotation)
    return annotation


def _add_object(annotation: Element, digit: Detection, width: int, height: int) -> None:
    entry = SubElement(annotation, "object")
    _add(entry, "name", digit.label)
    _add(entry, "pose", "Unspecified")
    _add(entry, "truncated", 0)
    _add(entry, "difficult", 0)
    x_min, y_min, x_max, y_max = digit.box
    left, right = _pixels(x_min, x_max, width)
    top, bottom = _pixels(y_min, y_max, height)
    box = SubElement(entry, "bndbox")
    for tag, value in (("xmin", left), ("ymin", top), ("xmax", right), ("ymax", bottom)):
        _add(box, tag, value)


def _pixels(low: float, high: float, size: int) -> tuple[int, int]:
    """The first and last of the pixels 1..size between two edges; the one in the middle if there is none."""
    first, last = round(low) + 1, round(high)
    if last < first:
        first = last = int((low + high) / 2) + 1
    return min(max(first, 1), size), min(max(last, 1), size)


def _add(parent: Element, tag: str, value: str | int) -> None:
    SubElement(parent, tag).text = str(value)
