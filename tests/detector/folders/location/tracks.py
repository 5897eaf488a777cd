"""GPX files as devices and programs write them."""

from collections.abc import Iterable
from pathlib import Path

GPX_1_1 = "http://www.topografix.com/GPX/1/1"

Point = tuple[float, float, str]
"""Latitude, longitude and time."""


def gpx(*segments: Iterable[Point], namespace: str = GPX_1_1, prefix: str = "") -> str:
    """A GPX document with one track of these segments."""
    p = f"{prefix}:" if prefix else ""
    name = f"xmlns:{prefix}" if prefix else "xmlns"
    body = "".join(
        f"<{p}trkseg>"
        + "".join(
            f'<{p}trkpt lat="{lat}" lon="{lon}"><{p}ele>34</{p}ele><{p}time>{time}</{p}time></{p}trkpt>'
            for lat, lon, time in segment
        )
        + f"</{p}trkseg>"
        for segment in segments
    )
    return (
        f'<?xml version="1.0"?><{p}gpx version="1.1" creator="a test" {name}="{namespace}">'
        f"<{p}trk>{body}</{p}trk></{p}gpx>"
    )


def write_gpx(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
