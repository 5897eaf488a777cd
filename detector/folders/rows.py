"""The JSON row of one image, written and read back, and how file names are put into text.

Rows of a finished or growing results file are checked before anybody builds on them.
"""

import itertools
import json
import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.folders.location.fields import capture_fields, capture_of, place_of
from detector.images.metadata import Capture
from detector.images.video_frames import FramePlace
from detector.results.detections import Detection, HouseNumber, ImageDetections
from detector.results.errors import DetectorError, InvalidOptionError

Row = dict[str, Any]

SCORE_DECIMALS = 4

BOX_DECIMALS = 2

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
    return {
        "image": text_of_name(name),
        "width_px": found.width_px,
        "height_px": found.height_px,
        "model": f"{found.model_name} {found.model_version}",
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


def _score(value: float) -> float:
    return round(value, SCORE_DECIMALS)


def _box(box: tuple[float, float, float, float]) -> list[float]:
    return [round(edge, BOX_DECIMALS) for edge in box]


MAX_ROW_BYTES = 16 * 1024 * 1024
"""A longer line is no row: the 5,000 best digits of an image take less than 1 MB."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class FoundRow:
    """An image that was read.

    Attributes:
        line: the row's line in the file, from 1 on; tells images apart whatever they are called.
        image: the image's name.
        width_px: width of the displayed image (EXIF orientation applied).
        height_px: its height.
        digits: every digit, with its xyxy box in pixels of the displayed image, max exclusive.
        numbers: the numbers that the digits spell.
        place: where the picture is in the video `image`; None of an image.
        capture: when and where it was taken, as far as the row says.
        model: name and version of the model that found them; empty if the row does not say.
    """

    line: int
    image: str
    width_px: int
    height_px: int
    digits: tuple[Detection, ...]
    numbers: tuple[HouseNumber, ...]
    place: FramePlace | None = None
    capture: Capture = Capture()  # noqa: RUF009 - it is frozen
    model: str = ""

    @property
    def picture_name(self) -> str:
        """The image's name; of a frame that of a picture of its own."""
        return self.image if self.place is None else frame_picture_name(self.image, self.place.frame)


@dataclass(frozen=True)
class ErrorRow:
    """An image that could not be read.

    Attributes:
        line: the row's line in the file, from 1 on.
        image: the image's name.
        code: the stable word for the reason.
        message: the reason for people.
        place: from where on the video `image` is damaged; None of an image, or of a whole video.
    """

    line: int
    image: str
    code: str
    message: str
    place: FramePlace | None = None


ResultRow = FoundRow | ErrorRow


class ResultsFile:
    """A file of rows, as it was when this was made: what is appended later, or torn at its end, is not seen.

    It can be iterated several times, and gives the same rows each time.
    """

    def __init__(self, path: Path) -> None:
        """Look at the file.

        Raises:
            InvalidOptionError: if it cannot be read; its `field` is "results".
        """
        self.path = path
        try:
            with path.open("rb") as file:
                self._end = file.seek(0, 2)
        except OSError as error:
            raise InvalidOptionError("results", f"{path} cannot be read: {error.strerror}") from error

    def __iter__(self) -> Iterator[ResultRow]:
        """Yield the rows in the order of the file.

        Raises:
            InvalidOptionError: if a line is no row; the message says which one, and why.
        """
        with self.path.open("rb") as file:
            for number in itertools.count(1):
                line = file.readline(min(MAX_ROW_BYTES, self._end - file.tell()))
                if not line:
                    return
                try:
                    values = json.loads(line)
                except (ValueError, RecursionError) as error:
                    if file.tell() == self._end and not line.endswith(b"\n"):
                        return  # still being written, or torn
                    raise self._refusal(number, str(error)) from error
                yield self._row(number, values)

    def _row(self, number: int, values: Any) -> ResultRow:
        try:
            return _row(number, values)
        except (ValueError, TypeError) as error:
            raise self._refusal(number, str(error)) from error
        except KeyError as error:
            raise self._refusal(number, f"{error} is missing") from error

    def _refusal(self, line: int, reason: str) -> InvalidOptionError:
        return InvalidOptionError(
            "results", f"{self.path}, line {line} is not a row that detect-folder writes: {reason}"
        )


def _row(line: int, row: Any) -> ResultRow:
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    name = _text(row["image"], "image")
    if "error" in row:
        error = row["error"]
        code, message = _text(error["code"], "code"), _text(error["message"], "message")
        return ErrorRow(line, name, code, message, place_of(row))
    if "\0" in name:
        raise ValueError("no file that was read has a null character in its name")
    digits = tuple(_digit(digit) for digit in row["digits"])
    numbers = tuple(_number(number, len(digits)) for number in row["numbers"])
    size = _size(row["width_px"]), _size(row["height_px"])
    model = _text(row.get("model", ""), "model")
    return FoundRow(line, name, *size, digits, numbers, place_of(row), capture_of(row), model)


def _digit(digit: Any) -> Detection:
    label = digit["label"]
    if label not in range(10):
        raise ValueError(f"{label!r} is not a digit")
    return Detection(int(label), _checked_score(digit["score"]), _checked_box(digit["box"]))


def _number(number: Any, digit_count: int) -> HouseNumber:
    members = tuple(number["digits"])
    if not all(isinstance(member, int) and 0 <= member < digit_count for member in members):
        raise ValueError(f"a number has the digits {list(members)} of {digit_count}")
    return HouseNumber(
        _text(number["text"], "text"), _checked_score(number["score"]), _checked_box(number["box"]), members
    )


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{what} is not text")
    value.encode()  # half of a surrogate pair is no text either
    return value


def _size(value: Any) -> int:
    if not (isinstance(value, int) and value > 0):
        raise ValueError(f"{value!r} is not a size in pixels")
    return value


def _checked_score(value: Any) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"{value!r} is not a score")
    return float(value)


def _checked_box(value: Any) -> Box:
    x_min, y_min, x_max, y_max = (float(edge) for edge in value)
    if not (x_min <= x_max and y_min <= y_max and math.isfinite(x_min + y_min + x_max + y_max)):
        raise ValueError(f"{value} is not a box")
    return x_min, y_min, x_max, y_max
