"""The JSON row of one image as it is written, and how file names are put into text."""

import json
import os
import re
from dataclasses import fields
from datetime import datetime
from typing import Any

from detector.images.metadata import Capture
from detector.images.video_frames import FramePlace
from detector.results.detections import ImageDetections
from detector.results.errors import DetectorError

Row = dict[str, Any]

_ESCAPED_BYTE = re.compile(rb"\\x([89a-f][0-9a-f])")


def text_of_name(name: str) -> str:
    r"""Return a file's name as valid Unicode: bytes that are not UTF-8 are written as `\xff`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def names_of_text(text: str) -> tuple[str, ...]:
    r"""Return the names that `text_of_name` may have had: the text itself, and where it has `\xff` also that byte."""
    name = os.fsdecode(_ESCAPED_BYTE.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode()))
    return (text,) if name == text else (text, name)


def printable_name(name: str) -> str:
    r"""Return a file's name in one line for a terminal: what cannot be printed is written as `\n` or `\x1b`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text_of_name(name))


def detections_row(name: str, found: ImageDetections) -> Row:
    """Return the digits and numbers of the image `name`: scores to 4 decimals, boxes (xyxy, pixels) to 2."""
    return {"image": text_of_name(name), **found.to_dict()}


def error_row(name: str, error: DetectorError) -> Row:
    """Why the image `name` could not be read: the error's stable code and its message."""
    return {"image": text_of_name(name), "error": {"code": error.reason, "message": text_of_name(str(error))}}


def row_of(
    name: str,
    outcome: ImageDetections | DetectorError,
    capture: Capture | None = None,
    place: FramePlace | None = None,
) -> Row:
    """Return the row of the image `name`, whatever came of it.

    Args:
        name: the image, or the video that it is a frame of.
        outcome: what was found in it, or why nothing could be.
        capture: when and where it was taken; what is not known has no place in the row.
        place: where the frame is in its video.
    """
    moment = {} if place is None else place._asdict()
    if isinstance(outcome, DetectorError):
        row, known = error_row(name, outcome), {}
    else:
        row, known = detections_row(name, outcome), capture_fields(capture or Capture())
    return {"image": row.pop("image"), **moment, **known, **row}


def frame_picture_name(video: str, frame: int) -> str:
    """Name the picture of a video's frame: no file can have that name while the video has that of its folder."""
    return f"{video}/{frame:06}.jpg"


def to_json_line(row: Row) -> str:
    """Return the row as one line of JSON without its newline, in ASCII."""
    return json.dumps(row, allow_nan=False)


def capture_fields(capture: Capture) -> dict[str, Any]:
    """Return what is known of when and where a picture was taken, by the names of `Capture`; times in ISO 8601."""
    values = {field.name: getattr(capture, field.name) for field in fields(capture)}
    return {
        name: _iso(value) if isinstance(value, datetime) else value
        for name, value in values.items()
        if value is not None
    }


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
