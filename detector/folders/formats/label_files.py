"""Formats with one label file per image: YOLO's text and Pascal VOC's XML.

YOLO: one line `class x_center y_center width height` per digit. VOC: in Annotations/, one `object` per digit.
"""

import os.path
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from detector.folders.results_file import FoundRow
from detector.folders.rows import printable_name
from detector.results.detections import Detection
from detector.results.errors import InvalidOptionError


class LabelPaths:
    """Gives each image a path of its own below the labels' folder, whatever the image is called."""

    def __init__(self, suffix: str) -> None:
        """`suffix` takes the place of the image's, for example ".txt"."""
        self._suffix = suffix
        self._owners: dict[PurePosixPath, str] = {}

    def of(self, image: str) -> PurePosixPath:
        """Return the image's path with the other suffix, made relative: `street/1.jpg` -> `street/1.txt`.

        Neither an absolute path nor `..` leads out of the folder.

        Raises:
            InvalidOptionError: if another image has this path already, or the name is a folder's.
        """
        inside = os.path.normpath(f"/{image}").lstrip("/")
        if not inside:
            raise InvalidOptionError("results", f"{image} names no file")
        path = PurePosixPath(inside).with_suffix(self._suffix)
        owner = self._owners.setdefault(path, image)
        if owner != image:
            raise InvalidOptionError(
                "to",
                f"{owner} and {image} would share one label file, {path}: rename one, or convert to coco",
            )
        return path


_DATA_YAML = """\
# Put the images, or a link to their folder, beside labels/ as images/.
path: .
train: images
val: images
names:
"""


def write_yolo(rows: Iterable[FoundRow], folder: Path) -> None:
    """Write labels/, data.yaml for ultralytics and classes.txt for labelling tools to an empty folder.

    Raises:
        InvalidOptionError: if two images would share a label file.
    """
    paths = LabelPaths(".txt")
    (folder / "labels").mkdir()
    for row in rows:
        target = folder / "labels" / paths.of(row.picture_name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("".join(_lines(row)), encoding="ascii")
    names = [str(digit) for digit in range(10)]
    (folder / "classes.txt").write_text("".join(f"{name}\n" for name in names), encoding="ascii")
    classes = "".join(f'  {name}: "{name}"\n' for name in names)
    (folder / "data.yaml").write_text(_DATA_YAML + classes, encoding="ascii")


def _lines(row: FoundRow) -> Iterable[str]:
    for digit in row.digits:
        x_min, y_min, x_max, y_max = digit.box
        x, width = (x_min + x_max) / 2 / row.width_px, (x_max - x_min) / row.width_px
        y, height = (y_min + y_max) / 2 / row.height_px, (y_max - y_min) / row.height_px
        yield f"{digit.label} {x:.6f} {y:.6f} {width:.6f} {height:.6f}\n"


def write_voc(rows: Iterable[FoundRow], folder: Path) -> None:
    """Write Annotations/ to an empty folder.

    Raises:
        InvalidOptionError: if two images would share an annotation file.
    """
    paths = LabelPaths(".xml")
    (folder / "Annotations").mkdir()
    for row in rows:
        target = folder / "Annotations" / paths.of(row.picture_name)
        target.parent.mkdir(parents=True, exist_ok=True)
        ElementTree(_annotation(row)).write(target, encoding="utf-8")


def _annotation(row: FoundRow) -> Element:
    r"""Return the document; characters that XML cannot hold are written as `\x1b`."""
    above, _, name = row.picture_name.rpartition("/")
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
    """Return the first and last of the pixels 1..size between two edges; the one in the middle if there is none."""
    first, last = round(low) + 1, round(high)
    if last < first:
        first = last = int((low + high) / 2) + 1
    return min(max(first, 1), size), min(max(last, 1), size)


def _add(parent: Element, tag: str, value: str | int) -> None:
    SubElement(parent, tag).text = str(value)
