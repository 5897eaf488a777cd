"""Formats for maps: a point for each sighting of a number, where the camera stood.

- GeoJSON (RFC 7946), for QGIS, JOSM and web maps.
- GPX 1.1 (https://www.topografix.com/GPX/1/1/): waypoints.
- CSV (RFC 4180) with the parameters of notes in OpenStreetMap's API 0.6,
  https://wiki.openstreetmap.org/wiki/API_v0.6#Create_a_new_note:_POST_/api/0.6/notes
"""

import csv
import json
import math
from collections.abc import Iterable
from datetime import UTC
from typing import Any, TextIO
from urllib.parse import quote

from gpxpy.gpx import GPX, GPXWaypoint

from detector.folders.formats.sightings import Sighting
from detector.folders.results_file import Box, FoundRow
from detector.folders.rows import capture_fields, printable_name

HOUSE_NUMBER_TAG = "addr:housenumber"
"""OpenStreetMap's tag, https://wiki.openstreetmap.org/wiki/Key:addr:housenumber."""

FILM_DIAGONAL_MM = math.hypot(36, 24)
"""Of 35 mm film; the equivalent focal length compares diagonals (CIPA DCG-001-2019)."""

MAX_ASPECT = 2.5
"""A longer picture is stitched together: no single lens has seen it."""

COLUMNS = ("lat", "lon", "text")
"""Of the CSV."""

_NOT_SAID = ("latitude", "longitude", "focal_length_35mm")


def properties_of(sighting: Sighting) -> dict[str, Any]:
    """All that is known of a sighting but its coordinates, which are the camera's."""
    capture = capture_fields(sighting.row.capture)
    return {
        HOUSE_NUMBER_TAG: sighting.number.text,
        "score": sighting.number.score,
        **{name: value for name, value in capture.items() if name not in _NOT_SAID},
        **bearings(sighting.row, sighting.number.box),
        "picture": sighting.picture,
        "pictures": list(sighting.pictures),
    }


def sentence_of(sighting: Sighting) -> str:
    """Return the same for people, without the names of files."""
    capture = sighting.row.capture
    bearing = bearings(sighting.row, sighting.number.box)
    parts = [f"House number {sighting.number.text}, read by a program from a photograph"]
    if capture.captured_at is not None:
        parts.append(f"of {capture.captured_at:%Y-%m-%d %H:%M}")
    if "bearing_deg" in bearing:
        parts.append(f"that shows it {bearing['bearing_deg']:.0f} degrees from true north")
    elif "magnetic_bearing_deg" in bearing:
        parts.append(f"that shows it {bearing['magnetic_bearing_deg']:.0f} degrees from magnetic north")
    accuracy = "" if capture.accuracy_m is None else f", to {capture.accuracy_m:.0f} m"
    return (
        f"{' '.join(parts)} (score {sighting.number.score:.2f}). The point is where the camera stood{accuracy}, "
        "not the house: please check it."
    )


def offset_from_axis_deg(row: FoundRow, box: Box) -> float | None:
    """Return the angle between the camera's axis and the middle of a box, of a lens without distortion.

    Args:
        row: the picture with the focal length of its lens.
        box: xyxy in pixels of the picture.

    Returns:
        Degrees to the right, negative to the left; None if the lens is not known.
    """
    focal_mm, width, height = row.capture.focal_length_35mm, row.width_px, row.height_px
    if not focal_mm or max(width, height) > MAX_ASPECT * min(width, height):
        return None
    focal_px = focal_mm * math.hypot(width, height) / FILM_DIAGONAL_MM
    return math.degrees(math.atan(((box[0] + box[2]) / 2 - width / 2) / focal_px))


def bearings(row: FoundRow, box: Box) -> dict[str, float]:
    """`bearing_deg` from true north or `magnetic_bearing_deg`, whichever the camera's heading allows, 0 <= b < 360."""
    offset = offset_from_axis_deg(row, box)
    if offset is None:
        return {}
    headings = {
        "bearing_deg": row.capture.heading_deg,
        "magnetic_bearing_deg": row.capture.magnetic_heading_deg,
    }
    return {
        name: round(heading + offset, 1) % 360 for name, heading in headings.items() if heading is not None
    }


def write_geojson(sightings: Iterable[Sighting], file: TextIO) -> None:
    """Write a feature collection, one feature a line.

    Altitudes are properties: they are metres above the sea, and GeoJSON's third coordinate is above the ellipsoid.
    """
    file.write('{"type": "FeatureCollection", "features": [')
    for index, sighting in enumerate(sightings):
        capture = sighting.row.capture
        feature = {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [capture.longitude, capture.latitude]},
            "properties": properties_of(sighting),
        }
        file.write(",\n" if index else "\n")
        file.write(json.dumps(feature, allow_nan=False))
    file.write("\n]}\n")


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


def write_osm_notes_csv(sightings: Iterable[Sighting], file: TextIO) -> None:
    """One line for each sighting; its text is for the person who checks it."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for sighting in sightings:
        capture = sighting.row.capture
        writer.writerow((f"{capture.latitude:.7f}", f"{capture.longitude:.7f}", sentence_of(sighting)))
