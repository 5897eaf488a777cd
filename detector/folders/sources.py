"""The images of a folder job: where they come from, which are wanted, and in which order."""

import codecs
import hashlib
import heapq
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path
from typing import Protocol, TypeVar

from detector.folders.listing import ImageFile
from detector.folders.rows import text_of_name
from detector.results.errors import DetectorError


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


_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Source(Protocol):
    """Images in the order in which they get their rows."""

    def remaining(self, done: Counter[str]) -> Iterable[ImageFile]:
        """Return the images that have no row yet; a sequence if all of them are known.

        Args:
            done: how many rows there are for each name, as rows call it.
        """
        ...


@dataclass(frozen=True)
class ListedFolder:
    """The images below a folder, as they were when it was looked into.

    Attributes:
        images: all of them, in order.
    """

    images: tuple[ImageFile, ...]

    def remaining(self, done: Counter[str]) -> tuple[ImageFile, ...]:
        """See `Source`."""
        return tuple(without_rows(self.images, done))


@dataclass(frozen=True)
class PathStream:
    """Paths as they come in, for example through a pipe.

    Attributes:
        descriptor: an open file of paths in the file system's encoding, or in one that a byte order mark names, as
            Windows' programs write; empty ones are left out.
        separator: what stands between them: a newline, or a null character, which no path can have in it.
    """

    descriptor: int
    separator: bytes = b"\n"

    @property
    def is_exact(self) -> bool:
        """Whether paths are separated by what no path contains, so that each is to be taken as it stands."""
        return self.separator == b"\0"

    def __iter__(self) -> Iterator[bytes]:
        """Each path as soon as it has come. Read without a buffer: a reader that waits holds no lock at exit."""
        rest = b""
        for chunk in self._chunks() if self.is_exact else _without_mark(self._chunks()):
            *whole, rest = (rest + chunk).split(self.separator)
            yield from whole
        yield rest

    def _chunks(self) -> Iterator[bytes]:
        while chunk := os.read(self.descriptor, 65536):
            yield chunk


def _without_mark(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Return the text without its byte order mark; UTF-16 as the file system's encoding."""
    start = b""
    for chunk in chunks:
        start += chunk
        if not any(len(start) < len(mark) and mark.startswith(start) for mark in _MARKS):
            break
    if not start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        yield from chain((start.removeprefix(codecs.BOM_UTF8),), chunks)
        return
    decoder = codecs.getincrementaldecoder("utf-16")("replace")
    for chunk in chain((start,), chunks):
        yield decoder.decode(chunk).encode(sys.getfilesystemencoding(), "replace")


@dataclass(frozen=True)
class ListedFiles:
    """The images that a stream of paths names, in its order.

    Attributes:
        paths: the paths.
        selection: which of them are wanted; its order does not matter.
    """

    paths: PathStream
    selection: Selection

    def remaining(self, done: Counter[str]) -> Iterator[ImageFile]:
        """See `Source`."""
        return without_rows(self._images(), done)

    def _images(self) -> Iterator[ImageFile]:
        for entry in self.paths:
            name = os.fsdecode(entry) if self.paths.is_exact else _as_written_here(os.fsdecode(entry))
            if name and self.selection.wants(name):
                yield ImageFile(Path(name), name)


def _as_written_here(name: str) -> str:
    """Return the path that a line of a list means, where the list may come from Windows.

    A file of exactly this name goes first. Else the end of a Windows line is dropped; quotes around the path, as
    Explorer copies it, and backslashes are read as Windows does only where that leads to a file.
    """
    if os.path.lexists(name):
        return name
    line = name.removesuffix("\r")
    bare = line[1:-1] if len(line) > 1 and line[0] == line[-1] == '"' else line
    meanings = (line, bare, bare.replace("\\", "/"))
    return next((meaning for meaning in meanings if os.path.lexists(meaning)), line)


def without_rows(images: Iterable[ImageFile], done: Counter[str]) -> Iterator[ImageFile]:
    """Yield the images that have no row yet; of several with one name as many as are above the count of its rows."""
    left = Counter(done)
    for image in images:
        name = text_of_name(image.name)
        if left[name]:
            left[name] -= 1
        else:
            yield image
