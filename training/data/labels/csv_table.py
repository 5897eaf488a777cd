"""CSV (RFC 4180, UTF-8) with a header and a line per digit, as `digit-detector convert --to csv-digits` writes it.

The columns are `image`, `digit`, `x_min`, `y_min`, `x_max`, `y_max`, in any order, in pixels, maxima exclusive; names
as in TensorFlow's tables (`filename`, `class`, `xmin` ...) mean the same. `width_px` and `height_px`, if there, have to
be the image's. Other columns are not read. A line with an image alone says that it has no digits.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path, PurePosixPath

from training.data.labels.records import Format, Mark, Picture, Problem, number, split_of
from training.data.labels.tree import MAX_ENTRIES, FileTree, LabelError, MissingImageError, usual_places

_HEAD_BYTES = 4096
_SYNONYMS = {
    "filename": "image", "class": "digit", "label": "digit", "width": "width_px", "height": "height_px",
    "xmin": "x_min", "ymin": "y_min", "xmax": "x_max", "ymax": "y_max",
}  # fmt: skip
_EDGES = ("x_min", "y_min", "x_max", "y_max")
_NEEDED = {"image", "digit", *_EDGES}

_Row = dict[str, str]


@dataclass
class _Image:
    line: int
    declared: tuple[float, float] | None
    marks: list[Mark] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def _sources(tree: FileTree) -> list[str]:
    return [name for name in tree.ending(".csv") if _has_columns(tree, name)]


def _has_columns(tree: FileTree, name: str) -> bool:
    try:
        with (tree.root / name).open("rb") as file:
            head = file.read(_HEAD_BYTES).decode("utf-8-sig", errors="replace")
    except OSError:
        return False
    return set(_columns(next(csv.reader(head.splitlines()[:1]), []))) >= _NEEDED


def _columns(header: Sequence[str]) -> list[str]:
    names = [name.strip().lower() for name in header]
    return [_SYNONYMS.get(name, name) for name in names]


def _parse(tree: FileTree, sources: Sequence[str]) -> Iterator[Picture | Problem]:
    for source in sources:
        images: dict[str, _Image] = {}
        try:
            yield from _gather(tree, source, images)
        except LabelError as error:
            yield Problem(tree.root / source, error.line, error.text)
        for image, found in images.items():
            yield _picture(tree, source, image, found)


def _gather(tree: FileTree, source: str, images: dict[str, _Image]) -> Iterator[Problem]:
    """Fill `images`; what belongs to none of them is given out."""
    file = tree.root / source
    for line, row in _rows(tree.text(source)):
        image = row.get("image", "")
        if not image:
            yield Problem(file, line, "no image is named")
            continue
        found = images.setdefault(image, _Image(line, _declared(row)))
        if not row["digit"] and not any(row[edge] for edge in _EDGES):
            continue
        try:
            found.marks.append(_mark(line, row))
        except ValueError as error:
            found.problems.append(Problem(file, line, str(error)))


def _rows(text: str) -> Iterator[tuple[int, _Row]]:
    """Yield the lines below the header with the number of their first line; empty ones are left out."""
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    line = 1
    try:
        columns = _columns(next(reader, []))
        line = reader.line_num + 1
        for cells in reader:
            if line > MAX_ENTRIES:
                raise LabelError(line, f"more than {MAX_ENTRIES:,} lines")
            if cells:
                filled = [*cells, *[""] * (len(columns) - len(cells))]
                yield line, dict(zip(columns, (cell.strip() for cell in filled), strict=False))
            line = reader.line_num + 1
    except csv.Error as error:
        raise LabelError(line, f"not CSV that is read: {error}") from error


def _mark(line: int, row: _Row) -> Mark:
    if not row["digit"]:
        raise ValueError("no digit is given")
    x_min, y_min, x_max, y_max = (number(row[edge]) for edge in _EDGES)
    return Mark(line, row["digit"], (x_min, y_min, x_max, y_max))


def _declared(row: _Row) -> tuple[float, float] | None:
    try:
        return number(row["width_px"]), number(row["height_px"])
    except (KeyError, ValueError):
        return None


def _picture(tree: FileTree, source: str, image: str, found: _Image) -> Picture:
    file, path = tree.root / source, PurePosixPath(source)
    where: Path | None = None
    try:
        where = tree.image(image, usual_places(source))
    except MissingImageError as error:
        found.problems.append(Problem(file, found.line, str(error)))
    split = split_of(path.parent, path.stem)
    return Picture(file, found.line, where, split, found.marks, found.problems, declared=found.declared)


FORMAT = Format(
    name="CSV",
    accepted="CSV: a .csv file with the columns image, digit, x_min, y_min, x_max, y_max",
    declares_classes=False,
    sources=_sources,
    parse=_parse,
)
