"""The files of a data folder: listed once, read with a limit, and found by what label files call them.

An image that a label file names is searched in the listing, so no name, whatever it is, leads out of the folder.
"""

import codecs
import os
import posixpath
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from detector.images.decode import IMAGE_SUFFIXES
from training.errors import DataError

MAX_LABEL_BYTES = 64 * 1024 * 1024
"""Larger label files are refused unread; so many bytes are half a million boxes."""

MAX_IMAGE_LABEL_BYTES = 1024 * 1024
"""Label files of formats that have a file per image are refused unread if they are larger."""

MAX_ENTRIES = 1_000_000
"""More lines or elements are refused, however small they are."""

OFFICIAL = "svhn"
"""The folder of the official SVHN files, which has its own reader and is not searched."""

_OF_SYSTEMS = frozenset({"@eaDir", "__MACOSX", "#recycle"})
"""Folders in which network storage and archives keep thumbnails and metadata."""

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16's, with which it begins
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

_ENCODING_NAMES = {"utf-8-sig": "UTF-8", "utf-8": "UTF-8", "utf-32": "UTF-32"}


class FileTree:
    """The files below a folder; names in it are relative to the folder, with forward slashes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def files(self) -> dict[str, None]:
        """Every regular file that is not hidden, sorted; links are followed, but not back up."""
        return dict.fromkeys(sorted(self._walk(self.root)))

    @cached_property
    def folders(self) -> dict[str, None]:
        """Every folder with a file in or below it; "" is the root."""
        above = {str(folder) for name in self.files for folder in PurePosixPath(name).parents}
        return dict.fromkeys(sorted("" if folder == "." else folder for folder in above))

    @cached_property
    def images(self) -> list[str]:
        """The files that are images by their suffix."""
        return self.ending(*IMAGE_SUFFIXES)

    def ending(self, *suffixes: str) -> list[str]:
        """Return the files with one of these suffixes, in upper or lower case."""
        return [name for name in self.files if PurePosixPath(name).suffix.lower() in suffixes]

    def images_below(self, folder: str) -> list[str]:
        """Return the images below `folder` ("" is the root)."""
        start = f"{folder}/" if folder else ""
        return [name for name in self.images if name.startswith(start)]

    def find(self, name: str) -> str | None:
        """Return the file of this name, or the only one whose name differs in case or Unicode form alone."""
        return _match(name, self.files, self._alike)

    def find_folder(self, name: str) -> str | None:
        """Return the same for folders."""
        return _match(name, self.folders, self._alike_folders)

    def name_of(self, path: str) -> str | None:
        """Return the name of an absolute path that is, or lies in, this folder; None for any other."""
        if not path.startswith("/"):
            return None
        for root, inner in (
            (self.root.absolute(), Path(os.path.normpath(path))),
            (self.root.resolve(), Path(path).resolve()),
        ):
            if inner.is_relative_to(root):
                name = inner.relative_to(root).as_posix()
                return "" if name == "." else name
        return None

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
            LabelError: as `content` does, and where it is not text in the encoding that its first bytes tell.
        """
        return _decoded(self.content(name, most))

    def head(self, name: str, size: int = 4096) -> str:
        """Return the first bytes of a file as text, whatever they are; "" if it cannot be read."""
        try:
            with (self.root / name).open("rb") as file:
                return _lenient_text(file.read(size))
        except OSError:
            return ""

    @cached_property
    def _alike(self) -> dict[str, list[str]]:
        return _by_folded(self.files)

    @cached_property
    def _alike_folders(self) -> dict[str, list[str]]:
        return _by_folded(self.folders)

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
            if path.name.startswith(".") or path.name in _OF_SYSTEMS or path == self.root / OFFICIAL:
                continue
            if path.is_dir():
                yield from self._walk(path, above | {identity})
            elif path.is_file():
                yield path.relative_to(self.root).as_posix()


def folded(name: str) -> str:
    """Normalise a name so that those which differ in case or Unicode form alone are equal."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def inside(name: str) -> str | None:
    """Return the normal form of a relative name; None if it leads out of the folder."""
    normal = posixpath.normpath(name)
    outside = normal == ".." or normal.startswith(("/", "../"))
    return None if outside else "" if normal == "." else normal


def usual_folders(label_file: str, more: Sequence[str] = ()) -> list[str]:
    """Return the usual folders of a label file's images: beside it, images/ beside it, those of the data folder."""
    beside = posixpath.dirname(label_file)
    return [beside, posixpath.join(beside, "images"), *more, "", "images", "JPEGImages"]


def _by_folded(names: Iterable[str]) -> dict[str, list[str]]:
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(folded(name), []).append(name)
    return alike


def _match(name: str, names: dict[str, None], alike: dict[str, list[str]]) -> str | None:
    if name in names:
        return name
    found = alike.get(folded(name), [])
    return found[0] if len(found) == 1 else None


def _decoded(content: bytes) -> str:
    """Return the text, without its byte order mark.

    Raises:
        LabelError: at the line that is none.
    """
    encoding = _encoding(content)
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise LabelError(
            line, f"not {_ENCODING_NAMES.get(encoding, 'UTF-16')} text: save the file as UTF-8"
        ) from error


def _lenient_text(content: bytes) -> str:
    """Return the same of the beginning of a file, with replacement characters for what is no text."""
    return content.decode(_encoding(content), errors="replace").removeprefix("\ufeff")


def _encoding(content: bytes) -> str:
    """Tell the encoding by its mark, or by the zeros that UTF-16 has in letters of ASCII (RFC 4627, section 3)."""
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return encoding
    first, second = content[:1] == b"\0", content[1:2] == b"\0"
    if len(content) > 1 and first != second:
        return "utf-16-be" if first else "utf-16-le"
    return "utf-8"


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
