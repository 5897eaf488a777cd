"""The files of a data folder: listed once, read with a limit, and found by what label files call them.

An image that a label file names is looked up in the listing, so no name, whatever it is, leads out of the folder.
"""

import posixpath
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from detector.images.decode import IMAGE_SUFFIXES
from training.errors import DataError

MAX_LABEL_BYTES = 64 * 1024 * 1024
"""Larger label files are refused unread; so many bytes are half a million boxes."""

MAX_IMAGE_LABEL_BYTES = 1024 * 1024
"""The same for formats that have a file per image."""

MAX_ENTRIES = 1_000_000
"""Files with more lines or elements are refused, however small those are."""

OFFICIAL = "svhn"
"""The folder of the official SVHN files, which has its own reader and is not looked into."""


class FileTree:
    """The files below a folder; names in it are relative to the folder, with forward slashes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def files(self) -> dict[str, None]:
        """Every regular file that is not hidden, sorted; links are followed, but not back up."""
        return dict.fromkeys(sorted(self._walk(self.root)))

    def ending(self, *suffixes: str) -> list[str]:
        """Return the files with one of these suffixes, in upper or lower case."""
        return [name for name in self.files if PurePosixPath(name).suffix.lower() in suffixes]

    def images_below(self, folder: str) -> list[str]:
        """Return the files below `folder` ("" is the root) that are images by their suffix."""
        start = f"{folder}/" if folder else ""
        return [name for name in self.ending(*IMAGE_SUFFIXES) if name.startswith(start)]

    def content(self, name: str, most: int = MAX_LABEL_BYTES) -> bytes:
        """Return the bytes of a label file.

        Raises:
            LabelError: if there are more than `most`, or the system refuses.
        """
        path = self.root / name
        try:
            size = path.stat().st_size
            if size > most:
                raise LabelError(1, f"the file has {size:,} bytes; at most {most:,} are read")
            return path.read_bytes()
        except OSError as error:
            raise LabelError(1, f"the file cannot be read: {error.strerror}") from error

    def text(self, name: str, most: int = MAX_LABEL_BYTES) -> str:
        """Return the text of a label file, without a byte order mark.

        Raises:
            LabelError: as `content` does, and where it is not UTF-8.
        """
        content = self.content(name, most)
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise LabelError(content.count(b"\n", 0, error.start) + 1, "not UTF-8 text") from error

    def image(self, name: str, places: Sequence[str], any_suffix: bool = False) -> Path:
        """Return the image that a label file calls `name`.

        Args:
            name: as the file has it; backslashes separate folders, too.
            places: the folders from which it may be meant, the likeliest first; `..` is taken from that one alone.
            any_suffix: whether the name may lack the suffix.

        Raises:
            MissingImageError: if there is none.
        """
        name = name.replace("\\", "/")
        goes_up = posixpath.normpath(name).startswith("..")
        paths = [inside(posixpath.join(place, name)) for place in (places[:1] if goes_up else places)]
        within = [path for path in paths if path is not None]
        if not within:
            raise MissingImageError(f"the image {name[:200]!r} is outside the data folder")
        for path in within:
            if path in self.files:
                return self.root / path
            if any_suffix and path in self._without_suffix:
                return self.root / self._without_suffix[path]
        raise MissingImageError(f"the image {name[:200]!r} is not there")

    @cached_property
    def _without_suffix(self) -> dict[str, str]:
        return {posixpath.splitext(name)[0]: name for name in self.ending(*IMAGE_SUFFIXES)}

    def _walk(self, folder: Path, above: frozenset[tuple[int, int]] = frozenset()) -> Iterator[str]:
        status = folder.stat()
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            return
        try:
            paths = list(folder.iterdir())
        except OSError as error:
            raise DataError(f"{folder}: the folder cannot be read: {error.strerror}") from error
        for path in paths:
            if path.name.startswith(".") or path == self.root / OFFICIAL:
                continue
            if path.is_dir():
                yield from self._walk(path, above | {identity})
            elif path.is_file():
                yield path.relative_to(self.root).as_posix()


def inside(name: str) -> str | None:
    """Return the normal form of a relative name; None if it leads out of the folder."""
    normal = posixpath.normpath(name)
    outside = normal == ".." or normal.startswith(("/", "../"))
    return None if outside else "" if normal == "." else normal


def usual_places(label_file: str, more: Sequence[str] = ()) -> list[str]:
    """Where the images of a label file usually are: beside it, in images/ beside it, in the data folder's."""
    beside = posixpath.dirname(label_file)
    return [beside, posixpath.join(beside, "images"), *more, "", "images", "JPEGImages"]


class LabelError(Exception):
    """A label file, or a line of it, that cannot be gone on with.

    Attributes:
        line: where, from 1 on.
        text: why.
    """

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line
        self.text = text


class MissingImageError(Exception):
    """No image of the name that a label file gives is in the data folder."""
