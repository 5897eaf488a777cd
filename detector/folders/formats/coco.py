"""COCO's JSON, for pycocotools and for labelling tools: https://cocodataset.org/#format-data and #format-results.

An image's id is its line in the results file, a category's id is the digit itself, a bbox is
[x, y, width, height] in pixels of the displayed image.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from detector.folders.rows import BOX_DECIMALS, FoundRow
from detector.results.detections import Detection

CATEGORIES = [{"id": digit, "name": str(digit), "supercategory": "digit"} for digit in range(10)]


def write_coco_results(rows: Iterable[FoundRow], file: TextIO) -> None:
    """Return a list of scored boxes, as `pycocotools.coco.COCO.loadRes` reads it."""
    _write_list(
        file,
        ({**_box_of(row, digit), "score": digit.score} for row in rows for digit in row.digits),
    )
    file.write("\n")


def write_coco_dataset(rows: Iterable[FoundRow], file: TextIO) -> None:
    """Images, categories and annotations, as labelling tools and `pycocotools.coco.COCO` read them.

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
    """Return a JSON array, one entry a line, never whole in memory."""
    file.write("[")
    for index, entry in enumerate(entries):
        file.write(",\n" if index else "\n")
        file.write(json.dumps(entry, allow_nan=False))
    file.write("\n]")
