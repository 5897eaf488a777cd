"""The rows of a finished or growing results file, read back and checked before anybody builds on them."""

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from detector.folders.rows import frame_picture_name
from detector.images.metadata import Capture
from detector.images.video_frames import FramePlace
from detector.results.detections import Detection, HouseNumber
from detector.results.errors import InvalidOptionError

MAX_ROW_BYTES = 16 * 1024 * 1024
"""A longer line is no row: the 5,000 best digits of an image take less than 1 MB."""

Box = tuple[float, float, float, float]

_CAPTURE_RANGES = {
    "latitude": (-90.0, 90.0),
    "longitude": (-180.0, 180.0),
    "altitude_m": (-math.inf, math.inf),
    "accuracy_m": (0.0, math.inf),
    "heading_deg": (0.0, 360.0),
    "magnetic_heading_deg": (0.0, 360.0),
    "focal_length_35mm": (0.0, math.inf),
}


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


def capture_of(row: Mapping[str, Any]) -> Capture:
    """Return what the fields of a row say of when and where its picture was taken.

    Raises:
        ValueError, TypeError: if a value is of another type, or outside its range.
    """
    numbers = {name: _within(row[name], name, *ends) for name, ends in _CAPTURE_RANGES.items() if name in row}
    if ("latitude" in numbers) != ("longitude" in numbers):
        raise ValueError("half of a position is missing")
    moment = datetime.fromisoformat(row["captured_at"]) if "captured_at" in row else None
    return Capture(moment, **numbers)


def place_of(row: Mapping[str, Any]) -> FramePlace | None:
    """Where a row's frame is in its video, None of the row of an image.

    Raises:
        ValueError, KeyError: if its fields are not those of a frame.
    """
    if "frame" not in row:
        return None
    frame = row["frame"]
    if not (isinstance(frame, int) and frame >= 0):
        raise ValueError(f"{frame!r} is not the number of a frame")
    return FramePlace(frame, _within(row["time_s"], "time_s", -math.inf, math.inf))


def _within(value: Any, name: str, least: float, most: float) -> float:
    if not (isinstance(value, int | float) and least <= value <= most and math.isfinite(value)):
        raise ValueError(f"{value!r} is not a {name}")
    return float(value)
