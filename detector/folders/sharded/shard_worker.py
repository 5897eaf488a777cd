"""A worker of a sharded job: it loads the model once, and writes one shard after another, JSON Lines or Parquet."""

import io
import json
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from detector import __version__
from detector.folders.job import detect_files
from detector.folders.location import LocationOptions
from detector.folders.progress import FolderSummary
from detector.folders.rows import Row, row_of, text_of_name, to_json_line
from detector.folders.run_settings import Settings, encode_settings
from detector.folders.sharded.sharded_job import SETTINGS, ShardedJob
from detector.folders.sharded.storage import StorageDir
from detector.folders.sharded.work_units import Entry, WorkUnit
from detector.images.metadata import Capture
from detector.pipeline.detector import DigitDetector
from detector.results.errors import InvalidOptionError, ModelError
from detector.results.interface import ImageDetector
from detector.system.native_notices import import_quietly


@dataclass(frozen=True)
class Work:
    """All that a worker has to know; small enough to be sent to each.

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

    def make(self, unit: WorkUnit) -> FolderSummary:
        """Make the unit's shard, if it is not there, and count its rows.

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

    def _rows_there(self, name: str, unit: WorkUnit) -> list[Row] | None:
        """Return the rows of a shard that is there, None if it is not, or is not the unit's: somebody changed it."""
        try:
            rows = self._format.decode(self._job.output.read(name))
        except (FileNotFoundError, ValueError):
            return None
        wanted = [text_of_name(entry.name) for entry in unit.entries]
        return rows if [row.get("image") for row in rows] == wanted else None


def detect_entries(entries: tuple[Entry, ...], job: ShardedJob, detector: ImageDetector) -> Iterator[Row]:
    """Return the rows of the entries, in order; the next images are read while one is detected."""
    images = (_StoredImage(entry, job.images) for entry in entries)
    for result in detect_files(images, detector, job.options, job.location):
        yield row_of(result.image.entry.name, result.outcome, result.capture)


@dataclass(frozen=True)
class _StoredImage:
    """An image of the list, wherever it is stored."""

    entry: Entry
    place: StorageDir

    def read(self) -> bytes:
        if self.entry.error is not None:
            raise self.entry.error
        return self.place.read_image(self.entry.name)

    def capture(self, data: bytes, location: LocationOptions) -> Capture:
        return location.of_image(data)


def _check_machine(work: Work) -> None:
    """Look whether this machine sees what the one sees that lists the images.

    Without this, a folder that is on some machines only would fill shards with errors, or spread them over machines.
    """
    images, output, machine = work.job.images, work.job.output, socket.gethostname()
    ours, theirs = __version__, work.settings["digit-detector"]
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
    import_quietly()
    with TemporaryDirectory(prefix="digit-detector-") as folder:
        for name, content in work.model.items():
            (Path(folder) / name).write_bytes(content)
        try:
            return DigitDetector.load(Path(folder), runtime=work.runtime)
        except ModelError as error:
            raise ModelError(f"on {socket.gethostname()}: {error}") from error


_BOX = pa.list_(pa.float64(), 4)

_CAPTURE_NUMBERS = [field.name for field in fields(Capture) if field.name != "captured_at"]

_SCHEMA = pa.schema(
    {
        "image": pa.string(),
        "captured_at": pa.string(),
        **{name: pa.float64() for name in _CAPTURE_NUMBERS},
        "width_px": pa.int32(),
        "height_px": pa.int32(),
        "model": pa.string(),
        "digits": pa.list_(pa.struct({"label": pa.int8(), "score": pa.float64(), "box": _BOX})),
        "numbers": pa.list_(
            pa.struct(
                {"text": pa.string(), "score": pa.float64(), "box": _BOX, "digits": pa.list_(pa.int32())}
            )
        ),
        "error": pa.struct({"code": pa.string(), "message": pa.string()}),
    }
)
"""The columns of a Parquet shard: the names of a row of JSON; what a row has not is null."""


@dataclass(frozen=True)
class Format:
    """How the rows of a shard are written.

    Attributes:
        name: what it is called, and the ending of its files.
        encode: rows to the bytes of a file.
        decode: those bytes to the same rows; ValueError (pyarrow's errors are that too) if they are not whole.
    """

    name: str
    encode: Callable[[Sequence[Row]], bytes]
    decode: Callable[[bytes], list[Row]]


def _to_json(rows: Sequence[Row]) -> bytes:
    return "".join(f"{to_json_line(row)}\n" for row in rows).encode("ascii")


def _from_json(content: bytes) -> list[Row]:
    return [json.loads(line) for line in content.splitlines()]


def _to_parquet(rows: Sequence[Row]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), _SCHEMA), file)
    return file.getvalue()


def _from_parquet(content: bytes) -> list[Row]:
    table: list[dict[str, Any]] = pq.read_table(io.BytesIO(content)).to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in table]


FORMATS = {
    known.name: known
    for known in (Format("jsonl", _to_json, _from_json), Format("parquet", _to_parquet, _from_parquet))
}
"""By their names."""
