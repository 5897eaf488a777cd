"""GeoJSON (RFC 7946): a point for each sighting of a number, for QGIS, JOSM and web maps."""

import json
from collections.abc import Iterable
from typing import TextIO

from detector.folders.formats.map_points import properties_of
from detector.folders.location.sightings import Sighting


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
