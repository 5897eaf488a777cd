"""Copies a COCO data set and adds the digits of a table, which its labels lack.

A photograph is often labelled for one sign, and digits elsewhere in it have no box: whoever reads them would seem to be
wrong. The table has the columns image, label, x_min, y_min, x_max and y_max (px). Added digits that stand in one line
are one more number in `numbers.csv`. Such as:

    python scripts/add_labels.py --data CAMPUS --table docs/experiments/campus-unlabelled.csv --out COMPLETED
"""

import argparse
import csv
import io
import json
import shutil
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from detector.pipeline.numbers import group_numbers
from detector.results.detections import Detections
from detector.system.files import write_whole
from training.data.scenes import NUMBERS_FILE
from training.errors import DataError

_EDGES = ("x_min", "y_min", "x_max", "y_max")


def add_labels(data: Path, table: Path, out: Path) -> int:
    """Write a copy of `data` in the new folder `out`, with the digits of `table`; return how many were added.

    Raises:
        DataError: if `out` exists, or a row names an image or a digit that the data set does not know.
    """
    if out.exists():
        raise DataError(f"{out} exists; choose a new folder")
    rows = list(csv.DictReader(io.StringIO(table.read_text("utf-8"))))
    labels = data / "annotations" / "instances_val.json"
    coco = json.loads(labels.read_text("utf-8"))
    _append(coco, rows, table)
    shutil.copytree(data, out)
    write_whole(out / labels.relative_to(data), json.dumps(coco).encode())
    numbers = out / NUMBERS_FILE
    if numbers.is_file():
        write_whole(numbers, numbers.read_bytes() + _numbers(rows).encode())
    return len(rows)


def _append(coco: dict[str, Any], rows: list[dict[str, str]], table: Path) -> None:
    images = {image["file_name"]: image["id"] for image in coco["images"]}
    categories = {category["name"]: category["id"] for category in coco["categories"]}
    last = max((annotation["id"] for annotation in coco["annotations"]), default=0)
    for number, row in enumerate(rows, start=1):
        if row["image"] not in images or row["label"] not in categories:
            raise DataError(f"{table}:{number + 1}: no such image or digit: {row['image']}, {row['label']}")
        x_min, y_min, x_max, y_max = _box(row)
        width, height = round(x_max - x_min, 2), round(y_max - y_min, 2)
        known = {
            "id": last + number,
            "image_id": images[row["image"]],
            "category_id": categories[row["label"]],
        }
        entry = known | {
            "bbox": [x_min, y_min, width, height],
            "area": round(width * height, 2),
            "iscrowd": 0,
        }
        coco["annotations"].append(entry)


def _numbers(rows: list[dict[str, str]]) -> str:
    """Return the lines of `numbers.csv` for what the added digits spell."""
    of_image: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        of_image[row["image"]].append(row)
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    for image, added in of_image.items():
        boxes = np.array([_box(row) for row in added], np.float32)
        digits = np.array([int(row["label"]) for row in added], np.int32)
        for number in group_numbers(Detections(boxes, digits, np.ones(len(added), np.float32))):
            lines.writerow([image, number.text, *(f"{edge:.1f}" for edge in number.box)])
    return written.getvalue()


def _box(row: dict[str, str]) -> list[float]:
    return [float(row[edge]) for edge in _EDGES]


def main() -> None:
    """Parse the command line and write the copy."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="a COCO data set, split val")
    parser.add_argument("--table", type=Path, required=True, metavar="FILE", help="the digits to add, CSV")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder for the copy")
    args = parser.parse_args()
    try:
        print(f"{add_labels(args.data, args.table, args.out)} digits added: {args.out}")
    except (DataError, OSError) as error:
        sys.exit(f"add_labels: {error}")


if __name__ == "__main__":
    main()
