"""Which files a sharded job reads: the images below a place, by the rules of the job on one machine."""

from collections.abc import Callable, Iterator

from pyarrow.fs import FileInfo, FileType

from detector.errors import ImageUnreadableError
from detector.folders.listing import walk_images
from detector.folders.sharded.places import Place
from detector.folders.sharded.units import Entry


def walk_place(place: Place, is_wanted: Callable[[str], bool]) -> Iterator[Entry]:
    """Finds every file below `place`, in the same order each time; holds the entries of a few folders at a time.

    A folder that cannot be looked into is found itself, with its error; but not the place itself.

    Args:
        place: where to look.
        is_wanted: told the name of a file, says whether it counts.

    Raises:
        OSError: if the place cannot be looked into.
    """
    if place.local is None:
        yield from _walk(place, "", is_wanted)
        return
    for file in walk_images(place.local, is_wanted=is_wanted):
        yield Entry(file.name, file.error)


def _walk(place: Place, folder: str, is_wanted: Callable[[str], bool]) -> Iterator[Entry]:
    try:
        entries = sorted(place.entries(folder), key=_order)
    except OSError as error:
        if not folder:
            raise
        yield Entry(folder, ImageUnreadableError(f"the folder cannot be read: {error}"))
        return
    for entry in entries:
        name = f"{folder}/{entry.base_name}" if folder else entry.base_name
        if entry.type == FileType.Directory:
            yield from _walk(place, name, is_wanted)
        elif is_wanted(entry.base_name):
            yield Entry(name)


def _order(entry: FileInfo) -> str:
    """Folders among files so that paths come in the order of their text."""
    return f"{entry.base_name}/" if entry.type == FileType.Directory else str(entry.base_name)
