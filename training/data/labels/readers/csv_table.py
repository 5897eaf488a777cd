"""CSV (RFC 4180) with a header and a line per digit, as `digit-detector convert --to csv-digits` writes it.

The columns are `image`, `digit`, `x_min`, `y_min`, `x_max`, `y_max`, in any order, in pixels, maxima exclusive; names
as in TensorFlow's tables (`filename`, `class`, `xmin` ...) mean the same. `width_px` and `height_px`, if there, have to
be the image's. Other columns are not read. A line with an image alone says that it has no digits. Spreadsheets separate
columns by semicolons or tabs where the comma is decimal, and may begin with a line `sep=;`.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path, PurePosixPath

from training.data.labels.image_finder import FoundImage, ImageFinder
from training.data.labels.records import Format, Item, Mark, Note, Picture, Problem, split_of
from training.data.labels.tree import MAX_ENTRIES, FileTree, LabelError, MissingImageError, usual_folders
from training.data.labels.values import local_number, number

EDGES = ("x_min", "y_min", "x_max", "y_max")
NEEDED = frozenset({"image", "digit", *EDGES})

_SYNONYMS = {
    "filename": "image", "file_name": "image", "image_path": "image", "class": "digit", "label": "digit",
    "width": "width_px", "height": "height_px", "xmin": "x_min", "ymin": "y_min", "xmax": "x_max", "ymax": "y_max",
    "x1": "x_min", "y1": "y_min", "x2": "x_max", "y2": "y_max",
}  # fmt: skip
_SEPARATORS = (",", ";", "\t", "|")
_SEPARATOR_LINE = "sep="
_HEAD = 4096


@dataclass(frozen=True)
class Dialect:
    """The dialect of a file.

    Attributes:
        separator: between columns.
        columns: their names, with the usual one for each synonym.
        skipped: lines before the header.
    """

    separator: str
    columns: Sequence[str]
    skipped: int


class Row(dict[str, str]):
    """The cells of a row by column, without spaces around them.

    Attributes:
        excess: cells, not empty, beyond the last column.
    """

    excess: int = 0


def read_dialect(text: str) -> Dialect:
    """Tell the dialect from the first lines of a file."""
    lines = text[:_HEAD].splitlines()[:2]
    skipped = 1 if lines and lines[0].strip().strip('"').lower().startswith(_SEPARATOR_LINE) else 0
    header = lines[skipped] if len(lines) > skipped else ""
    dialects = [Dialect(separator, _columns(header, separator), skipped) for separator in _SEPARATORS]
    return max(dialects, key=lambda dialect: (len(NEEDED & set(dialect.columns)), len(dialect.columns)))


def _columns(header: str, separator: str) -> list[str]:
    try:
        cells = next(csv.reader([header], delimiter=separator), [])
    except csv.Error:
        return []
    names = [cell.strip().lower() for cell in cells]
    columns: list[str] = []
    for name in names:
        usual = _SYNONYMS.get(name, name)
        columns.append(name if usual in names or usual in columns else usual)
    return columns


def read_rows(text: str, dialect: Dialect) -> Iterator[tuple[int, Row]]:
    """Return the lines below the header with the number of their first line; empty ones are left out.

    Raises:
        LabelError: where the text is no CSV.
    """
    reader = csv.reader(StringIO(text, newline=""), delimiter=dialect.separator, strict=True)
    line = 1
    try:
        for _ in range(dialect.skipped + 1):
            next(reader, [])
        line = reader.line_num + 1
        for cells in reader:
            if line > MAX_ENTRIES:
                raise LabelError(line, f"more than {MAX_ENTRIES:,} lines")
            if any(cell.strip() for cell in cells):
                yield line, _row(cells, dialect.columns)
            line = reader.line_num + 1
    except csv.Error as error:
        raise LabelError(line, f"not CSV that is read: {error}") from error


def _row(cells: Sequence[str], columns: Sequence[str]) -> Row:
    filled = [*cells, *[""] * (len(columns) - len(cells))]
    row = Row(zip(columns, (cell.strip() for cell in filled), strict=False))
    row.excess = sum(bool(cell.strip()) for cell in filled[len(columns) :])
    return row


_SUFFIXES = (".csv", ".tsv")
_SPREADSHEETS = (".xlsx", ".xls", ".ods", ".numbers", ".parquet")


@dataclass
class _Image:
    """All lines of one image."""

    line: int
    name: str
    found: FoundImage | None
    declared: tuple[float, float] | None
    marks: list[Mark] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def _sources(tree: FileTree) -> list[str]:
    return [name for name in tree.ending(*_SUFFIXES) if set(read_dialect(tree.head(name)).columns) >= NEEDED]


def _parse(tree: FileTree, sources: Sequence[str]) -> Iterator[Item]:
    finder = ImageFinder(tree)
    for source in sources:
        table = _Table(tree, source, finder)
        yield from table.gather()
        yield from table.pictures()


class _Table:
    """One file."""

    def __init__(self, tree: FileTree, source: str, finder: ImageFinder) -> None:
        self._tree, self._source, self._finder = tree, source, finder
        self._file = tree.root / source
        self._by_name: dict[str, _Image] = {}

    def gather(self) -> Iterator[Problem]:
        """Read all lines; what belongs to no image is given out, and a file that breaks off gives no images."""
        before: _Image | None = None
        unnamed = 0
        try:
            text = self._tree.text(self._source)
            dialect = read_dialect(text)
            for line, row in read_rows(text, dialect):
                if not row.get("image"):
                    unnamed = line
                    problem = Problem(self._file, line, "no image is named")
                    if before is None:
                        yield problem
                    else:
                        before.problems.append(problem)
                    continue
                image = self._take(line, row, dialect)
                if unnamed and image is not before:
                    question = f"line {unnamed} names no image: is it of this one?"
                    image.problems.append(Problem(self._file, line, question))
                before, unnamed = image, 0
        except LabelError as error:
            self._by_name.clear()  # any image may have more lines below
            yield Problem(self._file, error.line, error.text)

    def pictures(self) -> Iterator[Picture]:
        """Return the images; lines that call one image by several names are put together."""
        by_path: dict[Path, _Image] = {}
        for image in self._by_name.values():
            if image.found is None:
                yield self._picture(image)
                continue
            first = by_path.setdefault(image.found.path, image)
            if first is not image:
                first.marks += image.marks
                first.problems += image.problems
                first.declared = first.declared or image.declared
        for image in by_path.values():
            yield self._picture(image)

    def _take(self, line: int, row: Row, dialect: Dialect) -> _Image:
        """Add a line to its image."""
        name = row["image"]
        image = self._by_name.get(name)
        if image is None:
            image = self._by_name[name] = self._new(line, name, row)
        if row.excess:
            text = f"{row.excess} cells more than the header has columns"
            image.problems.append(Problem(self._file, line, text))
        elif row["digit"] or any(row[edge] for edge in EDGES):
            try:
                image.marks.append(_mark(line, row, dialect))
            except ValueError as error:
                image.problems.append(Problem(self._file, line, str(error)))
        return image

    def _new(self, line: int, name: str, row: Row) -> _Image:
        image = _Image(line, name, None, _declared(row))
        try:
            image.found = self._finder.find(name, usual_folders(self._source))
        except MissingImageError as error:
            image.problems.append(Problem(self._file, line, str(error)))
        return image

    def _picture(self, image: _Image) -> Picture:
        path = PurePosixPath(self._source)
        picture = Picture(
            self._file,
            image.line,
            None,
            split_of(path.parent, path.stem),
            image.marks,
            image.problems,
            declared=image.declared,
        )
        return replace(picture, image=image.found.path, named=image.found.named) if image.found else picture


def _mark(line: int, row: Row, dialect: Dialect) -> Mark:
    if not row["digit"]:
        raise ValueError("no digit is given")
    read = number if dialect.separator == "," else local_number
    x_min, y_min, x_max, y_max = (read(row[edge]) for edge in EDGES)
    return Mark(line, row["digit"], (x_min, y_min, x_max, y_max))


def _declared(row: Row) -> tuple[float, float] | None:
    try:
        return number(row["width_px"]), number(row["height_px"])
    except (KeyError, ValueError):
        return None


def _near_misses(tree: FileTree, sources: Sequence[str]) -> Iterator[Note]:
    for name in tree.ending(*_SUFFIXES):
        columns = read_dialect(tree.head(name)).columns
        missing = [column for column in ("image", "digit", *EDGES) if column not in columns]
        if name not in sources and (not sources or len(missing) < len(NEEDED)):
            text = f"not read: no column {', '.join(missing)}; its first line is {', '.join(columns)[:200]!r}"
            yield Note(tree.root / name, 1, text)
    if not sources:
        for name in tree.ending(*_SPREADSHEETS):
            yield Note(tree.root / name, 1, "not read: save it as CSV")


FORMAT = Format(
    name="CSV",
    accepted="CSV: a .csv file with the columns image, digit, x_min, y_min, x_max, y_max",
    declares_classes=False,
    sources=_sources,
    parse=_parse,
    near_misses=_near_misses,
)
