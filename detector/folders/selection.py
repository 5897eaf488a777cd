"""Which images of a folder job are wanted, and in which order."""

import hashlib
import heapq
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol, TypeVar

from detector.errors import ImageUnreadableError
from detector.folders.rows import text_of_name


class Listed(Protocol):
    """An input, see `detector.folders.listing.ImageFile`."""

    @property
    def name(self) -> str:
        """Its path below the folder."""
        ...

    @property
    def error(self) -> ImageUnreadableError | None:
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
        """Whether an image of this name, its path below the folder, is wanted."""
        included = not self.include or any(fnmatchcase(name, pattern) for pattern in self.include)
        return included and not any(fnmatchcase(name, pattern) for pattern in self.exclude)

    def among(self, images: Iterable[Image]) -> Iterator[Image]:
        """The wanted ones as they come. Folders that cannot be read stay: what was wanted in them is not known."""
        return (image for image in images if image.error is not None or self.wants(image.name))

    def of(self, images: Iterable[Image]) -> tuple[Image, ...]:
        """The wanted ones, in order."""
        return tuple(sorted(self.among(images), key=self._order()))

    def first(self, images: Iterable[Image], count: int) -> tuple[Image, ...]:
        """The first `count` of the wanted ones, in order; no more than these are held in memory."""
        return tuple(heapq.nsmallest(count, self.among(images), key=self._order()))

    def _order(self) -> Callable[[Listed], tuple[str, str] | bytes]:
        seed = self.shuffle_seed
        if seed is None:
            return lambda image: (text_of_name(image.name), image.name)
        return lambda image: _place(seed, image.name)


def _place(seed: int, name: str) -> bytes:
    """A random place that depends on nothing but the seed and the name, so new images move no old ones."""
    return hashlib.sha256(b"%d/%s" % (seed, os.fsencode(name))).digest()
