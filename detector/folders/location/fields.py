"""When and where a picture was taken, as fields of its row, and read back from them."""

import math
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from detector.images.metadata import Capture
from detector.images.video_frames import FramePlace

_CAPTURE_RANGES = {
    "latitude": (-90.0, 90.0),
    "longitude": (-180.0, 180.0),
    "altitude_m": (-math.inf, math.inf),
    "accuracy_m": (0.0, math.inf),
    "heading_deg": (0.0, 360.0),
    "magnetic_heading_deg": (0.0, 360.0),
    "focal_length_35mm": (0.0, math.inf),
}


def capture_fields(capture: Capture) -> dict[str, Any]:
    """Return what is known of when and where a picture was taken, by the names of `Capture`; times in ISO 8601."""
    values = {field.name: getattr(capture, field.name) for field in fields(capture)}
    return {
        name: _iso(value) if isinstance(value, datetime) else value
        for name, value in values.items()
        if value is not None
    }


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


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
