"""What there is to do, cut into units: the names of the images whose rows are one shard.

The list is made once, before the first image is looked at, and kept beside the shards:

    OUT/_job/listing/00000000.jsonl   one unit a line, the first 100,000 images or so
    OUT/_job/listing/00000001.jsonl   the next ones
    OUT/_job/listing.json             how much that is; written last, so the list is whole where this is

So a unit, and with it the name of its shard, is the same in every run, whatever has happened to the folder of images
since; and nobody ever holds more than one file of the list in memory, however many images there are.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice

from detector.errors import ImageUnreadableError
from detector.folders.sharded.places import Place

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
    error: ImageUnreadableError | None = None


@dataclass(frozen=True)
class Unit:
    """The images of one shard.

    Attributes:
        number: its place in the list, from 0 on.
        entries: the images.
    """

    number: int
    entries: tuple[Entry, ...]

    def to_line(self) -> bytes:
        """The unit as a line of the list, which `unit_of` reads: ASCII, so any file's name can travel in it."""
        values = [self.number, [[entry.name, entry.error and str(entry.error)] for entry in self.entries]]
        return json.dumps(values).encode("ascii") + b"\n"


def unit_of(line: bytes) -> Unit:
    """The unit in a line of the list."""
    number, entries = json.loads(line)
    return Unit(number, tuple(Entry(name, error and ImageUnreadableError(error)) for name, error in entries))


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
    entries: Iterable[Entry], output: Place, unit_images: int, say: Callable[[int], None]
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
        lines = (Unit(number, unit).to_line() for number, unit in enumerate(several, listing.units))
        output.write(_file_name(listing.files), b"".join(lines))
        images = listing.images + sum(map(len, several))
        listing = Listing(images, listing.units + len(several), listing.files + 1)
        say(listing.images)
    output.write(_LISTING, json.dumps(asdict(listing)).encode("ascii"))
    return listing


def read_listing(output: Place) -> Listing | None:
    """What is kept in `output`; None if there is no list, or not the whole of it.

    Raises:
        OSError: if that cannot be read.
    """
    return Listing(**json.loads(output.read(_LISTING))) if output.has(_LISTING) else None


def read_lines(output: Place, file: int) -> Iterator[bytes]:
    """The units in one file of the list, each a line for `unit_of`.

    Raises:
        OSError: if it cannot be read.
    """
    yield from output.read(_file_name(file)).splitlines()


def forget_listing(output: Place) -> None:
    """Makes sure that no list in `output` counts as whole.

    Raises:
        OSError: if it cannot be removed.
    """
    if output.has(_LISTING):
        output.remove(_LISTING)


def _file_name(file: int) -> str:
    return f"_job/listing/{file:08d}.jsonl"
