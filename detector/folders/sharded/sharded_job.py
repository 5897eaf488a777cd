"""A sharded job before its workers start: what is asked for, whether it can be done, and the list of its images.

    OUT/00000000.jsonl ...    the shards; or .parquet
    OUT/_job/settings.json    what they are made with; written before the first of them
    OUT/_job/listing ...      the images of each, see `detector.folders.sharded.work_units`

A shard that is there is whole, and nothing else is kept of what is done. So whichever processes die, and when, a run
that goes on finds every row that was kept, makes those that are missing, and makes none twice.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pyarrow.fs import FileInfo, FileType

from detector.folders.file_kinds import LeftOut, Note, is_video_name
from detector.folders.listing import Selection
from detector.folders.location import LocationOptions
from detector.folders.rows import text_of_name
from detector.folders.run_settings import Settings, check_same_settings, encode_settings, made_with
from detector.folders.sharded.storage import PART, StorageDir
from detector.folders.sharded.work_units import (
    Entry,
    Listing,
    forget_listing,
    list_stored_images,
    read_listing,
    write_listing,
)
from detector.images.formats import VIDEO_HINT
from detector.models.model_files import Manifest
from detector.results.errors import InvalidOptionError
from detector.results.interface import DetectOptions

SETTINGS = "_job/settings.json"

_SHARD = re.compile(r"\d{8,}\.(jsonl|parquet)")


@dataclass(frozen=True)
class ShardedJob:
    """The job that is asked for.

    Attributes:
        images: the folder to read, with all folders in it.
        output: the folder of shards.
        format: of the shards, one of `FORMATS`.
        shard_images: images whose rows are one shard.
        options: thresholds and limits.
        selection: which of the images are wanted, and which are the first if there is a limit.
        location: how to find out when and where the images were taken.
        limit: no more images than this; None for all.
        resume: go on where an earlier run of the same job ended.
        overwrite: drop an earlier run's rows.
    """

    images: StorageDir
    output: StorageDir
    format: str = "jsonl"
    shard_images: int = 500
    options: DetectOptions = field(default_factory=DetectOptions)
    selection: Selection = field(default_factory=Selection)
    location: LocationOptions = field(default_factory=LocationOptions)
    limit: int | None = None
    resume: bool = False
    overwrite: bool = False

    def settings(self, model: Manifest) -> Settings:
        """Return the settings that the shards depend on, under the names by which a refusal calls it."""
        return {
            "images": text_of_name(self.images.name),
            **made_with(self.selection, self.options, self.location, model),
            "limit": self.limit,
            "format": self.format,
            "images in a shard": self.shard_images,
        }


@dataclass(frozen=True)
class Earlier:
    """The state of an output before a job starts.

    Attributes:
        shards: names of the shards.
        unfinished: names of files that were never finished.
        is_listed: whether the list of images is there, whole.
    """

    shards: tuple[str, ...]
    unfinished: tuple[str, ...]
    is_listed: bool


def inspect_output(job: ShardedJob, settings: Settings) -> Earlier:
    """Look what is in the output, and whether it is in the way. Changes nothing.

    Raises:
        InvalidOptionError: if there are earlier rows and the job says nothing of them, they were made with other
            settings, or the output is no place for shards.
    """
    output = job.output
    try:
        if output.is_file():
            raise InvalidOptionError(
                "output", f"{output.name} is a file: shards are written to a folder, name one"
            )
        earlier = _earlier(output)
    except OSError as error:
        raise InvalidOptionError("output", f"{output.name} cannot be read: {error}") from error
    if earlier.shards and not (job.resume or job.overwrite):
        raise InvalidOptionError(
            "output",
            f"{output.name} has rows already: go on with --resume, replace them with --overwrite, or name another "
            "folder",
        )
    if job.resume and (earlier.shards or earlier.is_listed):
        check_same_settings(output.name, SETTINGS, lambda: output.read(SETTINGS), settings)
        if not earlier.is_listed:
            raise InvalidOptionError(
                "output",
                f"the list of images in {output.name} is gone: start again with --overwrite, or name another folder",
            )
    return earlier


def _earlier(output: StorageDir) -> Earlier:
    entries = output.entries()
    foreign = [entry.base_name for entry in entries if not _is_ours(entry)]
    if foreign:
        raise InvalidOptionError(
            "output", f"{output.name} is for nothing but shards: {foreign[0]} is in it; name a new folder"
        )
    names = [entry.base_name for entry in entries]
    return Earlier(
        tuple(name for name in names if _SHARD.fullmatch(name)),
        tuple(name for name in names if name.endswith(PART)),
        read_listing(output) is not None,
    )


def prepare_output(job: ShardedJob, settings: Settings, earlier: Earlier) -> None:
    """Make the output ready for shards: takes up what is in it, or start afresh.

    Raises:
        InvalidOptionError: if it cannot be written.
    """
    try:
        if not (job.resume and earlier.is_listed):
            forget_listing(job.output)  # first: if this is cut short, what is left is not gone on with
            for name in earlier.shards:
                job.output.remove(name)
            job.output.write(SETTINGS, encode_settings(settings))
        for name in earlier.unfinished:
            job.output.remove(name)
    except OSError as error:
        raise InvalidOptionError("output", f"{job.output.name} cannot be written: {error}") from error


def list_units(job: ShardedJob, say_listed: Callable[[int], None], note: Note) -> Listing:
    """Return the list of images that is kept in the output, made and kept first if there is none.

    Args:
        job: its output is prepared.
        say_listed: told how many images have been listed, now and then.
        note: told of every picture that lies among them and is not read.

    Raises:
        InvalidOptionError: if the images cannot be listed.
        OSError: if the list cannot be written.
    """
    kept = read_listing(job.output)
    if kept is not None:
        return kept
    images: Iterator[Entry] = _images_of(job, note)
    if job.limit is not None:
        images = iter(job.selection.first(images, job.limit))
    return write_listing(job.selection.among(images), job.output, job.shard_images, say_listed)


def check_images(images: StorageDir) -> None:
    """Look whether there is a folder of images.

    Raises:
        InvalidOptionError: if not.
    """
    try:
        if images.is_folder():
            return
        is_file = images.is_file()
    except OSError as error:
        raise InvalidOptionError("images", f"the folder {images.name} cannot be read: {error}") from error
    if is_file and is_video_name(images.name):
        raise InvalidOptionError("images", f"{images.name} is a video: {VIDEO_HINT}")
    if is_file:
        raise InvalidOptionError("images", f"{images.name} is a file: name a folder")
    raise InvalidOptionError("images", f"the folder {images.name} cannot be read: there is none")


def _images_of(job: ShardedJob, note: Note) -> Iterator[Entry]:
    def note_wanted(left_out: LeftOut) -> None:
        if job.selection.wants(left_out.name):
            note(left_out)

    try:
        yield from list_stored_images(job.images, note_wanted)
    except OSError as error:
        raise InvalidOptionError("images", f"the folder {job.images.name} cannot be read: {error}") from error


def _is_ours(entry: FileInfo) -> bool:
    if entry.type == FileType.Directory:
        return bool(entry.base_name == "_job")
    return bool(_SHARD.fullmatch(entry.base_name) or entry.base_name.endswith(PART))
