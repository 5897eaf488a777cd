"""GPX 1.1 (https://www.topografix.com/GPX/1/1/): a waypoint for each sighting of a number."""

from collections.abc import Iterable
from datetime import UTC
from typing import TextIO
from urllib.parse import quote

from gpxpy.gpx import GPX, GPXWaypoint

from detector.folders.formats.map_points import sentence_of
from detector.folders.location.sightings import Sighting
from detector.folders.rows import printable_name


def write_gpx(sightings: Iterable[Sighting], file: TextIO) -> None:
    """Waypoints whose names are the numbers, each with a link to its picture."""
    document = GPX()
    document.creator = "digit-detector"
    document.waypoints = [_waypoint(sighting) for sighting in sightings]
    file.write(document.to_xml("1.1"))
    file.write("\n")


def _waypoint(sighting: Sighting) -> GPXWaypoint:
    capture = sighting.row.capture
    moment = capture.captured_at
    waypoint = GPXWaypoint(
        latitude=capture.latitude,
        longitude=capture.longitude,
        elevation=capture.altitude_m,
        time=None if moment is None or moment.tzinfo is None else moment.astimezone(UTC),
        name=printable_name(sighting.number.text),
        description=sentence_of(sighting),
    )
    waypoint.link = quote(sighting.picture, safe="/#=")  # type: ignore[assignment] # gpxpy says None
    return waypoint
