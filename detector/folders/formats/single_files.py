"""Formats of one file for all images: CSV tables, and COCO's JSON.

CSV is RFC 4180, UTF-8, with a header: one line for each digit, or for each number. COCO is for pycocotools and for
labelling tools: https://cocodataset.org/#format-data and #format-results. There an image's id is its line in the
results file, a category's id is the digit itself, a bbox is [x, y, width, height] in pixels of the displayed image.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from detector.folders.results_file import FoundRow
from detector.results.detections import BOX_DECIMALS, Detection

_BOX = ("x_min", "y_min", "x_max", "y_max")

DIGIT_COLUMNS = ("image", "width_px", "height_px", "number", "position", "digit", "score", *_BOX)
"""`number` is the text of the number that the digit belongs to, `position` its place in it, from 1 on."""

NUMBER_COLUMNS = ("image", "width_px", "height_px", "number", "score", *_BOX)

CATEGORIES = [{"id": digit, "name": str(digit), "supercategory": "digit"} for digit in range(10)]

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_Cell = str | int | float


def write_digits_csv(rows: Iterable[FoundRow], file: TextIO) -> None:
    """One line for each digit: the image's numbers in reading order, their digits as they are read."""
    _write_table(file, DIGIT_COLUMNS, (line for row in rows for line in _digit_lines(row)))


def write_numbers_csv(rows: Iterable[FoundRow], file: TextIO) -> None:
    """One line for each number, in reading order."""
    _write_table(
        file,
        NUMBER_COLUMNS,
        (
            (*_image_cells(row), number.text, number.score, *number.box)
            for row in rows
            for number in row.numbers
        ),
    )


def _write_table(file: TextIO, columns: tuple[str, ...], lines: Iterable[tuple[_Cell, ...]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(lines)


def _digit_lines(row: FoundRow) -> Iterator[tuple[_Cell, ...]]:
    for number in row.numbers:
        for position, index in enumerate(number.digits, start=1):
            digit = row.digits[index]
            yield (*_image_cells(row), number.text, position, digit.label, digit.score, *digit.box)


def _image_cells(row: FoundRow) -> tuple[str, int, int]:
    """Return the first cells of a line.

    A spreadsheet would run a name such as `=1+1.jpg` as a formula; `./=1+1.jpg` is the same file and only text.
    """
    name = f"./{row.picture_name}" if row.picture_name.startswith(_FORMULA_STARTS) else row.picture_name
    return name, row.width_px, row.height_px


def write_coco_results(rows: Iterable[FoundRow], file: TextIO) -> None:
    """Write a list of scored boxes, as `pycocotools.coco.COCO.loadRes` reads it."""
    _write_list(
        file,
        ({**_box_of(row, digit), "score": digit.score} for row in rows for digit in row.digits),
    )
    file.write("\n")


def write_coco_dataset(rows: Iterable[FoundRow], file: TextIO) -> None:
    """Write images, categories and annotations, as labelling tools and `pycocotools.coco.COCO` read them.

    Args:
        rows: walked twice, once for the images and once for the annotations.
        file: where to write.
    """
    file.write('{"info": {"description": "digits found by digit-detector"}, "licenses": [],\n"images": ')
    _write_list(
        file,
        (
            {"id": row.line, "file_name": row.picture_name, "width": row.width_px, "height": row.height_px}
            for row in rows
        ),
    )
    file.write(f',\n"categories": {json.dumps(CATEGORIES)},\n"annotations": ')
    _write_list(file, _annotations(rows))
    file.write("}\n")


def _annotations(rows: Iterable[FoundRow]) -> Iterator[dict[str, Any]]:
    digits = ((row, digit) for row in rows for digit in row.digits)
    for number, (row, digit) in enumerate(digits, start=1):  # 0 means "no match" to pycocotools
        entry = _box_of(row, digit)
        _, _, width, height = entry["bbox"]
        yield {
            "id": number,
            **entry,
            "area": round(width * height, BOX_DECIMALS),
            "iscrowd": 0,
            "segmentation": [],
            "score": digit.score,
        }


def _box_of(row: FoundRow, digit: Detection) -> dict[str, Any]:
    x_min, y_min, x_max, y_max = digit.box
    edges = x_min, y_min, x_max - x_min, y_max - y_min
    bbox = [round(edge, BOX_DECIMALS) for edge in edges]
    return {"image_id": row.line, "category_id": digit.label, "bbox": bbox}


def _write_list(file: TextIO, entries: Iterable[dict[str, Any]]) -> None:
    """Write a JSON array, one entry a line, never whole in memory."""
    file.write("[")
    for index, entry in enumerate(entries):
        file.write(",\n" if index else "\n")
        file.write(json.dumps(entry, allow_nan=False))
    file.write("\n]")
