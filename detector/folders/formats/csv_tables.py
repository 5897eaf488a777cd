"""CSV (RFC 4180, UTF-8, with a header): one line for each digit, or for each number."""

import csv
from collections.abc import Iterable, Iterator
from typing import TextIO

from detector.folders.rows import FoundRow

_BOX = ("x_min", "y_min", "x_max", "y_max")

DIGIT_COLUMNS = ("image", "width_px", "height_px", "number", "position", "digit", "score", *_BOX)
"""`number` is the text of the number that the digit belongs to, `position` its place in it, from 1 on."""

NUMBER_COLUMNS = ("image", "width_px", "height_px", "number", "score", *_BOX)

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_Cell = str | int | float


def write_digits_csv(rows: Iterable[FoundRow], file: TextIO) -> None:
    """One line for each digit: the image's numbers in reading order, their digits from left to right."""
    _write(file, DIGIT_COLUMNS, (line for row in rows for line in _digit_lines(row)))


def write_numbers_csv(rows: Iterable[FoundRow], file: TextIO) -> None:
    """One line for each number, in reading order."""
    _write(
        file,
        NUMBER_COLUMNS,
        ((*_image(row), number.text, number.score, *number.box) for row in rows for number in row.numbers),
    )


def _write(file: TextIO, columns: tuple[str, ...], lines: Iterable[tuple[_Cell, ...]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(lines)


def _digit_lines(row: FoundRow) -> Iterator[tuple[_Cell, ...]]:
    for number in row.numbers:
        for position, index in enumerate(number.digits, start=1):
            digit = row.digits[index]
            yield (*_image(row), number.text, position, digit.label, digit.score, *digit.box)


def _image(row: FoundRow) -> tuple[str, int, int]:
    """Return the first cells of a line.

    A spreadsheet would run a name such as `=1+1.jpg` as a formula; `./=1+1.jpg` is the same file and only text.
    """
    name = f"./{row.picture_name}" if row.picture_name.startswith(_FORMULA_STARTS) else row.picture_name
    return name, row.width_px, row.height_px
