"""Where the images of a folder job come from: a folder, a list of paths, or a folder that is watched."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from detector.folders.listing import ImageFile
from detector.folders.rows import text_of_name
from detector.folders.selection import Selection


class Source(Protocol):
    """Images in the order in which they get their rows."""

    def remaining(self, done: Counter[str]) -> Iterable[ImageFile]:
        """The images that have no row yet; a sequence if all of them are known.

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
        descriptor: an open file of paths in the file system's encoding; empty ones are left out.
        separator: what stands between them: a newline, or a null character, which no path can have in it.
    """

    descriptor: int
    separator: bytes = b"\n"

    def __iter__(self) -> Iterator[bytes]:
        """Each path as soon as it has come. Read without a buffer: a reader that waits holds no lock at exit."""
        rest = b""
        while chunk := os.read(self.descriptor, 65536):
            *whole, rest = (rest + chunk).split(self.separator)
            yield from whole
        yield rest


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
            name = os.fsdecode(entry)
            if name and self.selection.wants(name):
                yield ImageFile(Path(name), name)


def without_rows(images: Iterable[ImageFile], done: Counter[str]) -> Iterator[ImageFile]:
    """The images that have no row yet; of several with one name as many as are above the count of its rows."""
    left = Counter(done)
    for image in images:
        name = text_of_name(image.name)
        if left[name]:
            left[name] -= 1
        else:
            yield image
