"""CSV (RFC 4180) with a header and a line per digit, as `digit-detector convert --to csv-digits` writes it.

The columns are `image`, `digit`, `x_min`, `y_min`, `x_max`, `y_max`, in any order, in pixels, maxima exclusive; names
as in TensorFlow's tables (`filename`, `class`, `xmin` ...) mean the same. `width_px` and `height_px`, if there, have to
be the image's. Other columns are not read. A line with an image alone says that it has no digits. Spreadsheets separate
columns by semicolons or tabs where the comma is decimal, and may begin with a line `sep=;`: `table_dialect` tells.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from training.data.labels.image_finder import FoundImage, ImageFinder
from training.data.labels.numbers import local_number, number
from training.data.labels.readers.table_dialect import EDGES, NEEDED, Dialect, Row, read_dialect, read_rows
from training.data.labels.records import Format, Item, Mark, Note, Picture, Problem, split_of
from training.data.labels.tree import FileTree, LabelError, MissingImageError, usual_places

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
            image.found = self._finder.find(name, usual_places(self._source))
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
