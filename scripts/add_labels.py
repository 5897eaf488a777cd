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
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from detector.system.files import write_whole
from training.data.scenes import NUMBERS_FILE, Box, Scene
from training.errors import DataError
from training.evaluation.sequences import numbers_in_lines

_EDGES = ("x_min", "y_min", "x_max", "y_max")


class _Digit(NamedTuple):
    """A row of the table."""

    image: str
    label: str
    box: Box


def add_labels(data: Path, table: Path, out: Path) -> int:
    """Write a copy of `data` in the new folder `out`, with the digits of `table`; return how many were added.

    Raises:
        DataError: if `out` exists, or a row is no digit of an image that the data set knows.
    """
    if out.exists():
        raise DataError(f"{out} exists; choose a new folder")
    digits = _read(table)
    labels = data / "annotations" / "instances_val.json"
    coco = json.loads(labels.read_text("utf-8"))
    _append(coco, digits, table)
    shutil.copytree(data, out)
    write_whole(out / labels.relative_to(data), json.dumps(coco).encode())
    numbers = out / NUMBERS_FILE
    if numbers.is_file():
        write_whole(numbers, numbers.read_bytes() + _numbers(digits).encode())
    return len(digits)


def _read(table: Path) -> list[_Digit]:
    rows = csv.DictReader(io.StringIO(table.read_text("utf-8")))
    digits = []
    for number, row in enumerate(rows, start=2):
        try:
            x_min, y_min, x_max, y_max = (float(row[edge]) for edge in _EDGES)
            digits.append(_Digit(row["image"], row["label"], (x_min, y_min, x_max, y_max)))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{table}:{number}: needs image, label, {', '.join(_EDGES)}") from error
    return digits


def _append(coco: dict[str, Any], digits: Sequence[_Digit], table: Path) -> None:
    images = {image["file_name"]: image["id"] for image in coco["images"]}
    categories = {category["name"]: category["id"] for category in coco["categories"]}
    last = max((annotation["id"] for annotation in coco["annotations"]), default=0)
    for number, (image, label, box) in enumerate(digits, start=1):
        if image not in images or label not in categories:
            raise DataError(f"{table}:{number + 1}: no such image or digit: {image}, {label}")
        x_min, y_min, x_max, y_max = box
        width, height = round(x_max - x_min, 2), round(y_max - y_min, 2)
        known = {"id": last + number, "image_id": images[image], "category_id": categories[label]}
        entry = known | {
            "bbox": [x_min, y_min, width, height],
            "area": round(width * height, 2),
            "iscrowd": 0,
        }
        coco["annotations"].append(entry)


def _numbers(digits: Sequence[_Digit]) -> str:
    """Return the lines of `numbers.csv` for what the added digits spell."""
    of_image: dict[str, list[_Digit]] = defaultdict(list)
    for digit in digits:
        of_image[digit.image].append(digit)
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    for image, added in of_image.items():
        boxes = np.array([digit.box for digit in added], np.float32)
        scene = Scene(Path(image), boxes, np.array([int(digit.label) for digit in added], np.int32))
        for number in numbers_in_lines(scene):
            lines.writerow([image, number.digits, *(f"{edge:.1f}" for edge in number.box)])
    return written.getvalue()


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
