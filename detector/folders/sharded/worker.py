"""What a worker does: it loads the model once, and makes one shard after another.

The images' bytes never leave the worker that reads them. It holds the 16 images at most, and about 64 MB of pixels,
that `DigitDetector.detect_many` reads ahead, however large the shard or the folder; what goes between machines are
names and counts.
"""

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from detector.errors import DetectorError, InvalidOptionError, ModelError
from detector.folders.kept_settings import Settings, encode_settings
from detector.folders.rows import Row, row_of, text_of_name
from detector.folders.sharded.formats import FORMATS
from detector.folders.sharded.job import SETTINGS, ShardedJob
from detector.folders.sharded.units import Entry, Unit
from detector.folders.summary import FolderSummary
from detector.interface import ImageDetector
from detector.runtimes import load_detector


@dataclass(frozen=True)
class Work:
    """What a worker has to know; small enough to be sent to each.

    Attributes:
        job: what is asked for.
        settings: what the shards depend on.
        model: the files of the model's folder by their names: a worker's machine need not have it.
        runtime: what computes it.
        threads: threads that compute.
    """

    job: ShardedJob
    settings: Settings
    model: dict[str, bytes]
    runtime: str
    threads: int


class ShardMaker:
    """A worker with its model loaded.

    Raises:
        InvalidOptionError: if this machine lacks the images, the output or the runtime, or has another version of
            this program.
        ModelError: if the model cannot be used.
    """

    def __init__(self, work: Work) -> None:
        self._job = work.job
        self._format = FORMATS[work.job.format]
        _check_machine(work)
        self._detector = _loaded(work)

    def make(self, unit: Unit) -> FolderSummary:
        """Makes the unit's shard, if it is not there, and counts its rows.

        Raises:
            OSError: if the shard cannot be written or read.
        """
        name = f"{unit.number:08d}.{self._format.name}"
        rows = self._rows_there(name, unit)
        if rows is None:
            rows = list(detect_entries(unit.entries, self._job, self._detector))
            self._job.output.write(name, self._format.encode(rows))
        summary = FolderSummary()
        for row in rows:
            summary = summary.plus(row)
        return summary

    def _rows_there(self, name: str, unit: Unit) -> list[Row] | None:
        """The rows of a shard that is there, None if it is not, or is not the unit's: somebody changed it."""
        try:
            rows = self._format.decode(self._job.output.read(name))
        except (FileNotFoundError, ValueError):
            return None
        wanted = [text_of_name(entry.name) for entry in unit.entries]
        return rows if [row.get("image") for row in rows] == wanted else None


def detect_entries(entries: tuple[Entry, ...], job: ShardedJob, detector: ImageDetector) -> Iterator[Row]:
    """The rows of the entries, in order; the next images are read while one is looked at."""
    readers = (_reader(entry, job) for entry in entries)
    outcomes = detector.detect_many(readers, job.options)
    for entry, outcome in zip(entries, outcomes, strict=True):
        yield row_of(entry.name, outcome)


def _reader(entry: Entry, job: ShardedJob) -> Callable[[], bytes]:
    def refuse(error: DetectorError) -> bytes:
        raise error

    return partial(job.images.read_image, entry.name) if entry.error is None else partial(refuse, entry.error)


def _check_machine(work: Work) -> None:
    """Looks whether this machine sees what the one sees that lists the images.

    Without this, a folder that is on some machines only would fill shards with errors, or spread them over machines.
    """
    images, output, machine = work.job.images, work.job.output, socket.gethostname()
    ours, theirs = version("digit-detector"), work.settings["digit-detector"]
    if ours != theirs:
        raise InvalidOptionError(
            "engine", f"{machine} has digit-detector {ours}, not {theirs}: install that there"
        )
    way_out = "name a folder that all machines share, or an address such as s3://bucket/folder"
    if not images.is_folder():
        raise InvalidOptionError("images", f"{machine} has no folder {images.name}: {way_out}")
    try:
        same = output.read(SETTINGS) == encode_settings(work.settings)
    except FileNotFoundError:
        same = False
    if not same:
        raise InvalidOptionError("output", f"{machine} does not see the folder {output.name}: {way_out}")


def _loaded(work: Work) -> ImageDetector:
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = str(work.threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what goes wrong arrives as an exception
    with TemporaryDirectory(prefix="digit-detector-") as folder:
        for name, content in work.model.items():
            (Path(folder) / name).write_bytes(content)
        try:
            return load_detector(Path(folder), work.runtime)
        except ModelError as error:
            raise ModelError(f"on {socket.gethostname()}: {error}") from error
