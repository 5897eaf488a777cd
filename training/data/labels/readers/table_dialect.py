"""The rows of CSV files as programs and spreadsheets write them."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO

from training.data.labels.tree import MAX_ENTRIES, LabelError

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
    """How a file is written.

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
