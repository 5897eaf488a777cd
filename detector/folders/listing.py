"""The images of a folder job or a command line: listed below a folder, or named; and which of them are wanted."""

import glob
import hashlib
import heapq
import os
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property, partial
from pathlib import Path
from typing import Protocol, TypeVar

from detector.folders.file_kinds import (
    IMAGE,
    LeftOut,
    Note,
    ignore,
    kind_by_content,
    kind_by_name,
    kind_of_entry,
)
from detector.folders.location import LocationOptions
from detector.folders.rows import text_of_name
from detector.images.decode import MAX_FILE_BYTES, read_image_file
from detector.images.metadata import Capture
from detector.images.video_frames import FramePlace
from detector.results.errors import DetectorError, ImageTooLargeError, ImageUnreadableError

_FolderId = tuple[int, int]

STANDARD_INPUT = "-"


@dataclass(frozen=True)
class ImageFile:
    """One input.

    Attributes:
        path: where the file is.
        name: what rows call it, for example its path below the folder with forward slashes; bytes that are
            not UTF-8 are in it as `os.fsdecode` puts them.
        error: why it cannot be read, if that is known already: of a folder that cannot be looked into.
    """

    path: Path
    name: str
    error: DetectorError | None = None

    @property
    def is_there(self) -> bool:
        """Return whether it may be read, as far as is known before that is tried."""
        return self.error is None and os.path.exists(self.path)  # noqa: PTH110 - it raises nothing

    @property
    def place(self) -> FramePlace | None:
        """Where it is in a video: an image is in none."""
        return None

    @property
    def picture_name(self) -> str:
        """The name of a copy of the picture."""
        return self.name

    def read(self) -> bytes:
        """Return the file's bytes.

        Raises:
            ImageUnreadableError, ImageTooLargeError: if it cannot be read, see `read_image_file`.
        """
        if self.error is not None:
            raise self.error
        return read_image_file(self.path)

    def capture(self, data: bytes, location: LocationOptions) -> Capture:
        """When and where the image was taken, as its bytes say."""
        return location.of_image(data)


def _kind_by_name(path: Path) -> str | None:
    return kind_by_name(path.name)


def list_images(
    root: Path,
    exclude: Collection[Path] = (),
    note: Note = ignore,
    by_content: bool = False,
    read: Collection[str] = (IMAGE,),
) -> tuple[ImageFile, ...]:
    """List every image below `root`, sorted by the text of its path relative to `root`; see `walk_images`."""
    images = walk_images(root, exclude, note, by_content, read)
    return tuple(sorted(images, key=lambda image: (text_of_name(image.name), image.name)))


def walk_images(
    root: Path,
    exclude: Collection[Path] = (),
    note: Note = ignore,
    by_content: bool = False,
    read: Collection[str] = (IMAGE,),
) -> Iterator[ImageFile]:
    """Find every image below `root`, the same ones in the same order each time, and keep none of them in memory.

    Symbolic links are followed. A folder that can be reached in several ways is listed once, by its own place
    if it lies below `root`, so loops of links end. A folder that cannot be looked into is listed itself, with
    its error. Hidden files and folders, and those in which systems keep thumbnails or what was deleted, are left out.

    Args:
        root: the folder to look into.
        exclude: folders (whether they exist or not) that are not looked into.
        note: told of each picture, video or folder that is left out.
        by_content: open files whose suffix says nothing, see `kind_by_content`.
        read: the kinds of files that are listed; with `VIDEO` among them, videos too.
    """
    kind_of = kind_by_content if by_content else _kind_by_name
    seen = {_folder_id(folder) for folder in exclude if folder.is_dir()}
    folders, links = deque([root]), deque[Path]()
    while folders or links:  # links come last: a folder's own place goes before a link to it
        folder = folders.popleft() if folders else links.popleft()
        try:
            entries = list(_enter(folder, seen))
        except OSError as error:
            reason = ImageUnreadableError(f"the folder cannot be read: {error.strerror}")
            yield ImageFile(folder, folder.relative_to(root).as_posix(), reason)
            continue
        for entry in entries:
            path, is_folder = folder / entry.name, _is_folder(entry)
            name = path.relative_to(root).as_posix()
            kind = kind_of_entry(entry.name, is_folder, partial(kind_of, path))
            if is_folder and kind is None:
                (links if entry.is_symlink() else folders).append(path)
            elif kind in read:
                yield ImageFile(path, name)
            elif kind is not None:
                note(LeftOut(name, kind))


def _enter(folder: Path, seen: set[_FolderId]) -> Iterator[os.DirEntry[str]]:
    """Yield the folder's entries by name, none if it has been seen before (or is to be left out)."""
    identity = _folder_id(folder)
    if identity not in seen:
        seen.add(identity)
        with os.scandir(folder) as entries:
            yield from sorted(entries, key=lambda entry: entry.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or into a folder that is closed to us
        return False


def _folder_id(folder: Path) -> _FolderId:
    status = folder.stat()
    return status.st_dev, status.st_ino


def named_files(arguments: Sequence[str]) -> tuple[ImageFile, ...]:
    """Return the images that the arguments name, in their order; what names none stands there with its error.

    Args:
        arguments: each a path, `-` for an encoded image on standard input, or a pattern (`*`, `?`, `[a-z]`, and `**`
            for any folders) where the shell has left one: quoted, or on Windows.
    """
    return tuple(image for argument in arguments for image in _named(argument))


def _named(argument: str) -> Iterator[ImageFile]:
    if argument == STANDARD_INPUT:
        yield StandardInput(Path("standard-input"), argument)
    elif os.path.isdir(argument):  # noqa: PTH112 - any string, also one with a null character
        yield _unreadable(
            argument, "a folder, not an image: digit-detector detect-folder reads all images in it"
        )
    else:
        images = [ImageFile(Path(path), path) for path in matching_files(argument)]
        yield from images or [_unreadable(argument, "no file matches this pattern")]


def matching_files(pattern: str) -> list[str]:
    """Return the files that a pattern matches, sorted; the path itself if it is no pattern, or a file is called so."""
    if not glob.has_magic(pattern) or os.path.lexists(pattern):
        return [pattern]
    return [path for path in sorted(glob.glob(pattern, recursive=True)) if not os.path.isdir(path)]  # noqa: PTH112, PTH207


def _unreadable(name: str, reason: str) -> ImageFile:
    return ImageFile(Path(name), name, ImageUnreadableError(reason))


@dataclass(frozen=True)
class StandardInput(ImageFile):
    """The image that is piped into the program."""

    @property
    def is_there(self) -> bool:
        """Return whether it may be read, as far as is known before that is tried."""
        return True

    def read(self) -> bytes:
        """Return the encoded image; standard input is read once.

        Raises:
            ImageUnreadableError: if nothing is piped in, or it cannot be read.
            ImageTooLargeError: if it has more than `MAX_FILE_BYTES`.
        """
        if len(self._data) > MAX_FILE_BYTES:
            raise ImageTooLargeError(
                f"standard input has more than {MAX_FILE_BYTES:,} bytes, which are not read"
            )
        return self._data

    @cached_property
    def _data(self) -> bytes:
        if sys.stdin.isatty():
            raise ImageUnreadableError("standard input is a terminal: pipe an encoded image into it")
        try:
            return sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise ImageUnreadableError(f"standard input cannot be read: {error.strerror}") from error


class Listed(Protocol):
    """An input, see `detector.folders.listing.ImageFile`."""

    @property
    def name(self) -> str:
        """Its path below the folder."""
        ...

    @property
    def error(self) -> DetectorError | None:
        """Why it cannot be read, if that is known already."""
        ...


Image = TypeVar("Image", bound=Listed)


@dataclass(frozen=True)
class Selection:
    """Patterns are the shell's (`*`, `?`, `[a-z]`), for the whole name of an image; `*` matches `/` too.

    Attributes:
        include: an image must match one of these, if there are any.
        exclude: and none of these.
        shuffle_seed: the seed of a random order; None for the order of the names.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    shuffle_seed: int | None = None

    def wants(self, name: str) -> bool:
        """Return whether an image of this name, its path below the folder, is wanted."""
        included = not self.include or any(fnmatchcase(name, pattern) for pattern in self.include)
        return included and not any(fnmatchcase(name, pattern) for pattern in self.exclude)

    def among(self, images: Iterable[Image]) -> Iterator[Image]:
        """Return the wanted ones as they come. Folders that cannot be read stay: what is in them is not known."""
        return (image for image in images if image.error is not None or self.wants(image.name))

    def of(self, images: Iterable[Image]) -> tuple[Image, ...]:
        """Return the wanted ones, in order."""
        return tuple(sorted(self.among(images), key=self._order()))

    def first(self, images: Iterable[Image], count: int) -> tuple[Image, ...]:
        """Return the first `count` of the wanted ones, in order; no more than these are held in memory."""
        return tuple(heapq.nsmallest(count, self.among(images), key=self._order()))

    def _order(self) -> Callable[[Listed], tuple[str, str] | bytes]:
        seed = self.shuffle_seed
        if seed is None:
            return lambda image: (text_of_name(image.name), image.name)
        return lambda image: _place(seed, image.name)


def _place(seed: int, name: str) -> bytes:
    """Return a random place that depends on nothing but the seed and the name, so new images move no old ones."""
    return hashlib.sha256(b"%d/%s" % (seed, os.fsencode(name))).digest()
