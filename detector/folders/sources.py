"""Where the images of a folder job come from: a folder, a stream of paths, or a folder that is watched.

A watched folder is polled, because the notices of the operating system (inotify and its like) do not come from network
mounts, get lost when there are many at once, and say that a file was closed, not that it is whole. A file counts as
finished when its size and time of change have stayed the same for a while and it decodes; one that does not decode is
given longer, as an upload may stall, and then gets the row that says why.
"""

import codecs
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol

from detector.folders.listing import ImageFile, Selection, list_images
from detector.folders.rows import text_of_name
from detector.images.decode import decode_image
from detector.results.errors import DetectorError

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
        """Return whether paths are separated by what no path contains, so that each is to be taken as it stands."""
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


_Fingerprint = tuple[int, int] | str


@dataclass(frozen=True)
class WatchedFolder:
    """The images below a folder in the order in which they are finished, without end.

    A file gets one row: one that is changed or replaced later is not read again.

    Attributes:
        root: the folder.
        exclude: folders in it that are left out.
        selection: which images are wanted; its order does not matter.
        poll_seconds: pause between looks.
        settle_seconds: a file that has not changed for so long is finished if it decodes,
        patience_seconds: and after so long whatever it is.
    """

    root: Path
    exclude: tuple[Path, ...]
    selection: Selection
    poll_seconds: float = 1.0
    settle_seconds: float = 2.0
    patience_seconds: float = 60.0

    def remaining(self, done: Counter[str]) -> Iterator[ImageFile]:
        """See `Source`."""
        taken = Counter(done)
        waiting: dict[str, _Arrival] = {}
        while True:
            listed = self.selection.of(list_images(self.root, self.exclude))
            present = tuple(without_rows(listed, taken))
            waiting = {image.name: waiting.get(image.name, _Arrival()) for image in present}
            for image in present:
                if self._is_finished(image, waiting[image.name]):
                    taken[text_of_name(image.name)] += 1
                    yield image
            time.sleep(self.poll_seconds)

    def _is_finished(self, image: ImageFile, arrival: "_Arrival") -> bool:
        unchanged_seconds = arrival.look(_fingerprint(image))
        if unchanged_seconds < self.settle_seconds:
            return False
        if arrival.decodes is None:
            arrival.decodes = _decodes(image)
        return arrival.decodes or unchanged_seconds >= self.patience_seconds


@dataclass
class _Arrival:
    """A file that may still be growing: how it last looked, since when, and whether it decodes like that."""

    fingerprint: _Fingerprint | None = None
    since: float = 0.0
    decodes: bool | None = None

    def look(self, fingerprint: _Fingerprint) -> float:
        """For how many seconds the file has looked like this."""
        now = time.monotonic()
        if fingerprint != self.fingerprint:
            self.fingerprint, self.since, self.decodes = fingerprint, now, None
        return now - self.since


def _fingerprint(image: ImageFile) -> _Fingerprint:
    try:
        status = image.path.stat()
    except OSError as error:
        return str(error)
    return status.st_size, status.st_mtime_ns


def _decodes(image: ImageFile) -> bool:
    try:
        decode_image(image.read())
    except DetectorError:
        return False
    return True
