"""YOLO folders: in `labels/`, or beside the images, a text file per image, a line per box.

A line is `class x_center y_center width height`, the last four in fractions of the image's sides
(https://docs.ultralytics.com/datasets/detect). An image without a label file, or with an empty one, has no digits.
A line with three points or more, `class x1 y1 x2 y2 x3 y3 ...`, is a polygon, whose bounds are the box
(https://docs.ultralytics.com/datasets/segment). What classes and pictures there are `yolo_layout` finds out.
"""

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from training.data.labels.readers.yolo_files import LabelFiles, stem_of
from training.data.labels.readers.yolo_layout import (
    CLASS_LISTS,
    USUAL_YAML,
    Layout,
    layout_files,
    read_layout,
)
from training.data.labels.records import Format, Item, Mark, Note, Picture, Problem
from training.data.labels.tree import MAX_IMAGE_LABEL_BYTES, FileTree, LabelError
from training.data.labels.values import number, whole_number

_BOX_COLUMNS = 5
_POLYGON_COLUMNS = 7
_UNREAD_IMAGES = (".jp2", ".dng")


def _parse(tree: FileTree, sources: Sequence[str]) -> Iterator[Item]:
    layout = read_layout(tree, sources)
    yield from layout.remarks
    if not layout.names:
        return
    label_files = LabelFiles(tree)
    owners: dict[str, str] = {}
    for image in sorted(layout.images, key=label_files.is_named_otherwise):
        owners.setdefault(label_files.of(image), image)
    others = {name for name in tree.files if name.rpartition("/")[2].lower() in CLASS_LISTS} | set(sources)
    orphans = list(label_files.orphans(owners, others))
    lost = {stem_of(name): name for name in orphans if name not in label_files.of_images}
    pictures = _Pictures(tree, layout)
    matched: set[str] = set()
    for image in layout.images:
        label_file = label_files.of(image)
        orphan = lost.get(stem_of(image))
        if orphan and not pictures.has_rows(label_file):
            matched.add(orphan)
            yield pictures.without_its_labels(image, label_file, orphan)
        else:
            yield pictures.picture(image, label_file, owners[label_file])
    yield from _of_no_split(tree, label_files, orphans, matched)


def _of_no_split(
    tree: FileTree, label_files: LabelFiles, orphans: Sequence[str], matched: set[str]
) -> Iterator[Problem]:
    """Label files without an image are problems; those whose image is there, but in no split, are named."""
    unread = [name for name in orphans if name in label_files.of_images and name not in matched]
    if unread:
        text = (
            f"this image is in no split, and {len(unread) - 1:,} more with labels are not: they are not read"
        )
        yield Note(tree.root / label_files.of_images[unread[0]], 1, text)
    unread_images = {stem_of(name): name for name in tree.ending(*_UNREAD_IMAGES)}
    for name in orphans:
        if name not in matched and name not in label_files.of_images:
            image = unread_images.get(stem_of(name))
            more = f"; {image} is in a format that is not read: convert it" if image else ""
            yield Problem(tree.root / name, 1, f"no split has an image for these labels{more}")


class _Pictures:
    """Reads label files."""

    def __init__(self, tree: FileTree, layout: Layout) -> None:
        self._tree, self._layout = tree, layout

    def picture(self, image: str, label_file: str, owner: str) -> Picture:
        """Return the image with all boxes of its label file, which has to be that of `owner`, which this image is."""
        file = self._tree.root / label_file
        if owner != image:
            text = f"it is the label file of both {owner} and {image}: rename one of them"
            return self._made(image, label_file, (), [Problem(file, 1, text)])
        marks: list[Mark] = []
        problems: list[Problem] = []
        try:
            lines = self._lines(label_file)
        except LabelError as error:
            lines = []
            problems.append(Problem(file, error.line, error.text))
        for line, text in enumerate(lines, start=1):
            if text.strip():
                try:
                    marks.append(_mark(line, text.split(), self._layout))
                except ValueError as error:
                    problems.append(Problem(file, line, str(error)))
        return self._made(image, label_file, marks, problems)

    def without_its_labels(self, image: str, label_file: str, orphan: str) -> Picture:
        """Return an image whose labels seem to be in a file that is not its own."""
        text = f"no split has an image for these labels; {image}, of the same name, has none: are they its labels?"
        return self._made(image, label_file, (), [Problem(self._tree.root / orphan, 1, text)])

    def has_rows(self, label_file: str) -> bool:
        """Return whether there is anything in a label file."""
        try:
            return any(line.strip() for line in self._lines(label_file))
        except LabelError:
            return True

    def _lines(self, label_file: str) -> list[str]:
        if label_file not in self._tree.files:
            return []
        return self._tree.text(label_file, MAX_IMAGE_LABEL_BYTES).splitlines()

    def _made(
        self, image: str, label_file: str, marks: Sequence[Mark], problems: Sequence[Problem]
    ) -> Picture:
        return Picture(
            self._tree.root / label_file,
            1,
            self._tree.root / image,
            self._layout.images[image],
            marks,
            problems,
            fractions=True,
            named=self._layout.found.get(image, ""),
        )


def _mark(line: int, columns: Sequence[str], layout: Layout) -> Mark:
    if layout.keypoints:
        columns = columns[:_BOX_COLUMNS]
    is_polygon = len(columns) >= _POLYGON_COLUMNS and len(columns) % 2
    if len(columns) != _BOX_COLUMNS and not is_polygon:
        more = ": is the last one a score?" if len(columns) == _BOX_COLUMNS + 1 else ""
        raise ValueError(f"{len(columns)} columns instead of 5, class x_center y_center width height{more}")
    name = _class_name(columns[0], layout.names)
    numbers = [number(column) for column in columns[1:]]
    if is_polygon:
        return Mark.of_polygon(line, name, numbers)
    x, y, width, height = numbers
    return Mark(line, name, (x - width / 2, y - height / 2, x + width / 2, y + height / 2))


def _class_name(column: str, names: Mapping[int, str]) -> str:
    index = whole_number(column)
    if index is None or index < 0:
        raise ValueError(f"{column[:50]!r} is no class number")
    if index not in names:
        raise ValueError(f"class {index} is not among the names that are declared")
    return names[index]


def _near_misses(tree: FileTree, sources: Sequence[str]) -> Iterator[Note]:
    if sources:
        return
    for name in tree.ending(".yaml", ".yml"):
        if "/" in name and posixpath.basename(name).lower() in USUAL_YAML:
            folder = tree.root / posixpath.dirname(name)
            yield Note(
                tree.root / name, 1, f"a YOLO folder below this one: is it --data {folder} that is meant?"
            )
    label_files = LabelFiles(tree)
    pairs = ((image, label_files.of(image)) for image in tree.images)
    rows = [
        (image, name) for image, name in pairs if name in tree.files and label_files.looks_like_labels(name)
    ]
    if rows:
        text = (
            f"{rows[0][0]} has labels as YOLO writes them, and so have {len(rows) - 1:,} more; but no data.yaml and no "
            "classes.txt says what the class numbers mean"
        )
        yield Note(tree.root / rows[0][1], 1, text)


FORMAT = Format(
    name="YOLO",
    accepted="YOLO: data.yaml (or any .yaml with `names:`, obj.data, or classes.txt), and a .txt file for each image "
    "in labels/ or beside it",
    declares_classes=True,
    sources=layout_files,
    parse=_parse,
    near_misses=_near_misses,
)
