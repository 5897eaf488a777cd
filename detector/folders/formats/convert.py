"""A results file in another format: which formats there are, and writing each of them whole or not at all."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from detector.folders.formats.coco import write_coco_dataset, write_coco_results
from detector.folders.formats.csv_tables import write_digits_csv, write_numbers_csv
from detector.folders.formats.label_files import write_voc, write_yolo
from detector.folders.rows import ErrorRow, FoundRow, ResultsFile
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

FORMATS = (*_FILE_FORMATS, *_FOLDER_FORMATS)
"""The formats that results can be converted to; the last two are folders with one file per image."""


@dataclass(frozen=True)
class Conversion:
    """The outcome of a conversion.

    Attributes:
        images: images whose results were written.
        left_out: images that had not been read, so that no format but the results' own has a place for them.
    """

    images: int
    left_out: int


class _FoundRows:
    """The rows of the images that were read; can be walked several times."""

    def __init__(self, results: ResultsFile) -> None:
        self._results = results

    def __iter__(self) -> Iterator[FoundRow]:
        return (row for row in self._results if isinstance(row, FoundRow))


def convert(results: ResultsFile, target_format: str, out: Path) -> Conversion:
    """Write the results to `out` in one of `FORMATS`.

    Args:
        results: what was found.
        target_format: one of `FORMATS`.
        out: the file, which is replaced if it is there; or the folder, which must be empty or not there.

    Raises:
        InvalidOptionError: if the results are not rows, or `out` cannot be what it has to be.
        OSError: if it cannot be written.
    """
    counts = Counter(type(row) for row in results)  # and every row is one: a bad file stops here
    rows = _FoundRows(results)
    if target_format in _FILE_FORMATS:
        _refuse_results_and_folders(out, results.path)
        out.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(out) as file:
            text = TextIOWrapper(file, encoding="utf-8", newline="")
            _FILE_FORMATS[target_format](rows, text)
            text.detach()
    else:
        with whole_folder(out, "out") as folder:
            _FOLDER_FORMATS[target_format](rows, folder)
    return Conversion(counts[FoundRow], counts[ErrorRow])


def _refuse_results_and_folders(out: Path, results: Path) -> None:
    if out.is_dir():
        raise InvalidOptionError("out", f"{out} is a folder: name a file")
    if out.exists() and out.samefile(results):
        raise InvalidOptionError("out", f"{out} holds the results themselves: name another file")
