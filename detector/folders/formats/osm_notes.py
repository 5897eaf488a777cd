"""Notes for OpenStreetMap as CSV (RFC 4180): `lat`, `lon` and `text`, the parameters of its notes API 0.6.

https://wiki.openstreetmap.org/wiki/API_v0.6#Create_a_new_note:_POST_/api/0.6/notes
"""

import csv
from collections.abc import Iterable
from typing import TextIO

from detector.folders.formats.map_points import sentence_of
from detector.folders.location.sightings import Sighting

COLUMNS = ("lat", "lon", "text")


def write_osm_notes_csv(sightings: Iterable[Sighting], file: TextIO) -> None:
    """One line for each sighting; its text is for the person who checks it."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for sighting in sightings:
        capture = sighting.row.capture
        writer.writerow((f"{capture.latitude:.7f}", f"{capture.longitude:.7f}", sentence_of(sighting)))
