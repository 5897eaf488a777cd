"""The work of a sharded job: its images listed, and cut into units whose rows are one shard."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice

from pyarrow.fs import FileInfo, FileType

from detector.folders.file_kinds import IMAGE, LeftOut, Note, kind_by_name, kind_of_entry
from detector.folders.listing import walk_images
from detector.folders.sharded.storage import StorageDir
from detector.results.errors import DetectorError, ImageUnreadableError

FILE_IMAGES = 100_000
"""Images in one file of the list, about: 10 MB."""

_LISTING = "_job/listing.json"


@dataclass(frozen=True)
class Entry:
    """An image, or a folder that could not be looked into.

    Attributes:
        name: its path below the folder of images.
        error: why it cannot be read, if that is known already.
    """

    name: str
    error: DetectorError | None = None


@dataclass(frozen=True)
class WorkUnit:
    """The images of one shard.

    Attributes:
        number: its place in the list, from 0 on.
        entries: the images.
    """

    number: int
    entries: tuple[Entry, ...]

    def to_line(self) -> bytes:
        """Return the unit as a line of the list, read by `work_unit`: ASCII, so any file's name can travel in it."""
        values = [self.number, [[entry.name, entry.error and str(entry.error)] for entry in self.entries]]
        return json.dumps(values).encode("ascii") + b"\n"


def work_unit(line: bytes) -> WorkUnit:
    """Return the unit in a line of the list."""
    number, entries = json.loads(line)
    return WorkUnit(
        number, tuple(Entry(name, error and ImageUnreadableError(error)) for name, error in entries)
    )


@dataclass(frozen=True)
class Listing:
    """A list that is whole.

    Attributes:
        images: entries in it.
        units: units in it.
        files: files that it is in.
    """

    images: int = 0
    units: int = 0
    files: int = 0


def write_listing(
    entries: Iterable[Entry], output: StorageDir, unit_images: int, say: Callable[[int], None]
) -> Listing:
    """Cuts the entries into units and keeps them in `output`.

    Args:
        entries: in their order.
        output: the folder of shards.
        unit_images: entries of a unit.
        say: told how many are listed, now and then.

    Raises:
        OSError: if it cannot be written, or the images cannot be listed.
    """
    listing = Listing()
    remaining = iter(entries)
    units = iter(lambda: tuple(islice(remaining, unit_images)), ())
    while several := list(islice(units, max(1, FILE_IMAGES // unit_images))):
        lines = (WorkUnit(number, unit).to_line() for number, unit in enumerate(several, listing.units))
        output.write(_file_name(listing.files), b"".join(lines))
        images = listing.images + sum(map(len, several))
        listing = Listing(images, listing.units + len(several), listing.files + 1)
        say(listing.images)
    output.write(_LISTING, json.dumps(asdict(listing)).encode("ascii"))
    return listing


def read_listing(output: StorageDir) -> Listing | None:
    """Return the list that is kept in `output`; None if there is no list, or not the whole of it.

    Raises:
        OSError: if that cannot be read.
    """
    return Listing(**json.loads(output.read(_LISTING))) if output.has(_LISTING) else None


def read_lines(output: StorageDir, file: int) -> Iterator[bytes]:
    """Yield the units in one file of the list, each a line for `work_unit`.

    Raises:
        OSError: if it cannot be read.
    """
    yield from output.read(_file_name(file)).splitlines()


def forget_listing(output: StorageDir) -> None:
    """Make sure that no list in `output` counts as whole.

    Raises:
        OSError: if it cannot be removed.
    """
    if output.has(_LISTING):
        output.remove(_LISTING)


def _file_name(file: int) -> str:
    return f"_job/listing/{file:08d}.jsonl"


def list_stored_images(place: StorageDir, note: Note) -> Iterator[Entry]:
    """Find every image below `place`, in the same order each time; holds the entries of a few folders at a time.

    A folder that cannot be looked into is found itself, with its error; but not the place itself. Where each look
    into a file is a request of its own, in an object store, suffixes alone tell what is an image.

    Args:
        place: where to look.
        note: told of each picture, video or folder that is left out.

    Raises:
        OSError: if the place cannot be looked into.
    """
    if place.local is None:
        yield from _walk(place, "", note)
        return
    for file in walk_images(place.local, note=note, by_content=True):
        yield Entry(file.name, file.error)


def _walk(place: StorageDir, folder: str, note: Note) -> Iterator[Entry]:
    try:
        entries = sorted(place.entries(folder), key=_order)
    except OSError as error:
        if not folder:
            raise
        yield Entry(folder, ImageUnreadableError(f"the folder cannot be read: {error}"))
        return
    for entry in entries:
        base, is_folder = str(entry.base_name), entry.type == FileType.Directory
        name = f"{folder}/{base}" if folder else base
        kind = kind_of_entry(base, is_folder, partial(kind_by_name, base))
        if is_folder and kind is None:
            yield from _walk(place, name, note)
        elif kind == IMAGE:
            yield Entry(name)
        elif kind is not None:
            note(LeftOut(name, kind))


def _order(entry: FileInfo) -> str:
    """Folders among files so that paths come in the order of their text."""
    return f"{entry.base_name}/" if entry.type == FileType.Directory else str(entry.base_name)
