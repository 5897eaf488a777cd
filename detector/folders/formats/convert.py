"""A results file in another format: which formats there are, and writing each of them whole or not at all."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from detector.folders.formats.label_files import write_voc, write_yolo
from detector.folders.formats.maps import write_geojson, write_gpx, write_osm_notes_csv
from detector.folders.formats.sightings import Sighting, find_sightings, merge_sightings
from detector.folders.formats.single_files import (
    write_coco_dataset,
    write_coco_results,
    write_digits_csv,
    write_numbers_csv,
)
from detector.folders.results_file import ErrorRow, FoundRow, ResultsFile
from detector.results.errors import InvalidOptionError
from detector.system.files import whole_file, whole_folder

_FILE_FORMATS: dict[str, Callable[[Iterable[FoundRow], TextIO], None]] = {
    "csv-digits": write_digits_csv,
    "csv-numbers": write_numbers_csv,
    "coco": write_coco_dataset,
    "coco-results": write_coco_results,
}
_FOLDER_FORMATS: dict[str, Callable[[Iterable[FoundRow], Path], None]] = {
    "yolo": write_yolo,
    "voc": write_voc,
}
_MAP_FORMATS: dict[str, Callable[[Iterable[Sighting], TextIO], None]] = {
    "geojson": write_geojson,
    "gpx": write_gpx,
    "osm-notes-csv": write_osm_notes_csv,
}

FORMATS = (*_FILE_FORMATS, *_MAP_FORMATS, *_FOLDER_FORMATS)
"""The formats of `convert`; the last two are folders with one file per image."""


@dataclass(frozen=True)
class Conversion:
    """The outcome of a conversion.

    Attributes:
        images: images whose results were written.
        left_out: images that had not been read, so that no format but the results' own has a place for them.
        points: points on the map that were written.
        unlocated: sightings of numbers that have none, because nobody knows where the camera was.
    """

    images: int
    left_out: int
    points: int = 0
    unlocated: int = 0


class _FoundRows:
    """The rows of the images that were read; can be walked several times."""

    def __init__(self, results: ResultsFile) -> None:
        self._results = results

    def __iter__(self) -> Iterator[FoundRow]:
        return (row for row in self._results if isinstance(row, FoundRow))


def convert(results: ResultsFile, target_format: str, out: Path, merge_m: float | None = None) -> Conversion:
    """Write the results to `out` in one of `FORMATS`.

    Args:
        results: what was found.
        target_format: one of `FORMATS`.
        out: the file, which is replaced if it is there; or the folder, which must be empty or not there. A link
            stays, and what it points to is replaced.
        merge_m: make one point of a number that was seen from places so near, in metres; for maps alone.

    Raises:
        InvalidOptionError: if the results are not rows, or `out` cannot be what it has to be.
        OSError: if it cannot be written.
    """
    if merge_m is not None and target_format not in _MAP_FORMATS:
        raise InvalidOptionError("merge", f"joins points on a map: {', '.join(_MAP_FORMATS)}")
    counts = Counter(type(row) for row in results)  # and every row is one: a bad file stops here
    rows = _FoundRows(results)
    points, unlocated = 0, 0
    if target_format in _MAP_FORMATS:
        sightings, unlocated = _located(rows, merge_m)
        points = len(sightings)
        with _text_file(out, results.path) as text:
            _MAP_FORMATS[target_format](sightings, text)
    elif target_format in _FILE_FORMATS:
        with _text_file(out, results.path) as text:
            _FILE_FORMATS[target_format](rows, text)
    else:
        with whole_folder(out.resolve(), "out") as folder:
            _FOLDER_FORMATS[target_format](rows, folder)
    return Conversion(counts[FoundRow], counts[ErrorRow], points, unlocated)


def _located(rows: Iterable[FoundRow], merge_m: float | None) -> tuple[Sequence[Sighting], int]:
    """Return the sightings that have a place on the map, merged if that is asked for; and how many have none."""
    found = list(find_sightings(rows))
    located = [sighting for sighting in found if sighting.row.capture.point is not None]
    unlocated = len(found) - len(located)
    return located if merge_m is None else merge_sightings(located, merge_m), unlocated


@contextmanager
def _text_file(out: Path, results: Path) -> Iterator[TextIO]:
    _check_target(out, results)
    target = out.resolve()  # a link stays, what it points to is replaced
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(target) as file:
        text = TextIOWrapper(file, encoding="utf-8", newline="")
        yield text
        text.detach()


def _check_target(out: Path, results: Path) -> None:
    if out.is_dir():
        raise InvalidOptionError("out", f"{out} is a folder: name a file")
    is_there = out.exists() or os.path.lexists(os.path.realpath(out))  # or a link that leads back to itself
    if is_there and not out.is_file():  # a device would be replaced
        raise InvalidOptionError("out", f"{out} is not a regular file")
    if out.exists() and out.samefile(results):
        raise InvalidOptionError("out", f"{out} holds the results themselves: name another file")
