"""What the formats for maps have in common: what is said of a number at the point where the camera stood."""

from typing import Any

from detector.folders.location.bearings import bearings
from detector.folders.location.fields import capture_fields
from detector.folders.location.sightings import Sighting

HOUSE_NUMBER_TAG = "addr:housenumber"
"""OpenStreetMap's tag, https://wiki.openstreetmap.org/wiki/Key:addr:housenumber."""

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
