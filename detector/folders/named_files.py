"""Images as a command line names them: files, patterns, and standard input."""

import glob
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from detector.folders.listing import ImageFile
from detector.images.decode import MAX_FILE_BYTES
from detector.results.errors import ImageTooLargeError, ImageUnreadableError

STANDARD_INPUT = "-"


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
    elif glob.has_magic(argument) and not os.path.lexists(argument):
        found = (path for path in sorted(glob.glob(argument, recursive=True)) if not os.path.isdir(path))  # noqa: PTH112, PTH207
        images = [ImageFile(Path(path), path) for path in found]
        yield from images or [_unreadable(argument, "no file matches this pattern")]
    else:
        yield ImageFile(Path(argument), argument)


def _unreadable(name: str, reason: str) -> ImageFile:
    return ImageFile(Path(name), name, ImageUnreadableError(reason))


@dataclass(frozen=True)
class StandardInput(ImageFile):
    """The image that is piped into the program."""

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
