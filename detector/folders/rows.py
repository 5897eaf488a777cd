"""The JSON row of one image, and how file names are put into text.

A row is one line of JSON in ASCII, so no character in a file's name can break a line.
"""

import json
import os
import re
from typing import Any

from detector.detections import ImageDetections
from detector.errors import DetectorError

Row = dict[str, Any]

SCORE_DECIMALS = 4
BOX_DECIMALS = 2

_ESCAPED_BYTE = re.compile(rb"\\x([89a-f][0-9a-f])")


def text_of_name(name: str) -> str:
    r"""A file's name as valid Unicode: bytes that are not UTF-8 are written as `\xff`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def names_of_text(text: str) -> tuple[str, ...]:
    r"""The names that `text_of_name` may have had: the text itself, and where it has `\xff` also that byte."""
    name = os.fsdecode(_ESCAPED_BYTE.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode()))
    return (text,) if name == text else (text, name)


def printable_name(name: str) -> str:
    r"""A file's name in one line for a terminal: what cannot be printed is written as `\n` or `\x1b`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text_of_name(name))


def detections_row(name: str, found: ImageDetections) -> Row:
    """What was found in the image `name`: scores to 4 decimals, boxes (xyxy, pixels) to 2."""
    return {
        "image": text_of_name(name),
        "width_px": found.width_px,
        "height_px": found.height_px,
        "digits": [
            {"label": digit.label, "score": _score(digit.score), "box": _box(digit.box)}
            for digit in found.digits
        ],
        "numbers": [
            {
                "text": number.text,
                "score": _score(number.score),
                "box": _box(number.box),
                "digits": list(number.digits),
            }
            for number in found.numbers
        ],
    }


def error_row(name: str, error: DetectorError) -> Row:
    """Why the image `name` could not be read: the error's stable code and its message."""
    return {"image": text_of_name(name), "error": {"code": error.reason, "message": text_of_name(str(error))}}


def row_of(name: str, outcome: ImageDetections | DetectorError) -> Row:
    """The row of the image `name`, whatever came of it."""
    return error_row(name, outcome) if isinstance(outcome, DetectorError) else detections_row(name, outcome)


def to_json_line(row: Row) -> str:
    """The row as one line of JSON without its newline, in ASCII."""
    return json.dumps(row, allow_nan=False)


def _score(value: float) -> float:
    return round(value, SCORE_DECIMALS)


def _box(box: tuple[float, float, float, float]) -> list[float]:
    return [round(edge, BOX_DECIMALS) for edge in box]
