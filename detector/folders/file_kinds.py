"""Kinds of files in a folder: images that are read, and pictures that are left out, named and counted."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from detector.folders.rows import printable_name
from detector.images.decode import IMAGE_SUFFIXES
from detector.images.formats import CONVERT_HINT, HEAD_BYTES, RAW, VIDEO, VIDEO_HINT, content_of

VIDEO_SUFFIXES = frozenset({".3gp", ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"})
"""Files with these endings are taken for videos."""

RAW_SUFFIXES = frozenset(
    {
        *(
            ".3fr",
            ".arw",
            ".cr2",
            ".cr3",
            ".crw",
            ".dcr",
            ".dng",
            ".erf",
            ".gpr",
            ".iiq",
            ".kdc",
            ".mef",
            ".mos",
        ),
        *(".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
    }
)
"""Files with these endings are taken for raw photographs, which are not read: most begin like a TIFF image."""

UNFINISHED_SUFFIXES = frozenset({".crdownload", ".download", ".filepart", ".part", ".partial", ".tmp"})
"""Files with these endings are still being written by a browser or a copying program."""

IMAGE = "image"
"""The kind of what is read; other kinds are those of `detector.images.formats` and the two below."""

HIDDEN, SYSTEM = "hidden file or folder", "folder of thumbnails or deleted files"
"""Kinds beside those of `detector.images.formats`."""

_VIDEO_HINT = f"--every 1s reads its frames on one machine, or {VIDEO_HINT}"

_SYSTEM_FOLDERS = frozenset(
    {
        *("@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@__thumb", "@tmp"),  # NAS
        *("__macosx", "$recycle.bin", "recycler", "system volume information", "lost+found"),
    }
)
"""In which NAS and operating systems keep thumbnails, old versions and what was deleted; in lower case."""


def is_image_name(name: str) -> bool:
    """Return whether a file of this name is taken for an image."""
    return kind_by_name(name) == IMAGE


def is_video_name(name: str) -> bool:
    """Return whether a file of this name is taken for a video."""
    return kind_by_name(name) == VIDEO


def kind_by_name(name: str) -> str | None:
    """Take a file for what its suffix says: `IMAGE`, a kind of picture that is not read, or None."""
    suffix = _suffix(name)
    if suffix in IMAGE_SUFFIXES:
        return IMAGE
    if suffix in VIDEO_SUFFIXES:
        return VIDEO
    return RAW if suffix in RAW_SUFFIXES else None


def kind_by_content(path: Path) -> str | None:
    """Take a file for what its suffix says or, where that says nothing, for what its first bytes are.

    So pictures without a suffix, or with another program's, are found, and no text or archive is read as one.
    """
    kind = kind_by_name(path.name)
    if kind is not None or _suffix(path.name) in UNFINISHED_SUFFIXES:
        return kind
    try:
        if not path.is_file():  # a pipe would wait for a writer
            return None
        with path.open("rb") as file:
            content = content_of(file.read(HEAD_BYTES))
    except OSError:
        return None
    if content is None or not content.is_picture:
        return None
    return IMAGE if content.is_read else content.kind


def kind_of_entry(name: str, is_folder: bool, kind_of_file: Callable[[], str | None]) -> str | None:
    """Take an entry of a folder for an `IMAGE`, for something else that is left out, or for nothing (None).

    Args:
        name: the entry's own name.
        is_folder: whether it is a folder; None means that it is looked into.
        kind_of_file: asked where nothing else decides.
    """
    if is_folder:
        return HIDDEN if is_hidden(name) else SYSTEM if is_system_folder(name) else None
    if is_hidden(name):
        return HIDDEN if kind_by_name(name) is not None else None
    return kind_of_file()


def is_hidden(name: str) -> bool:
    """Return whether a file or folder of this name is hidden, as the `._` files of macOS beside pictures are."""
    return name.startswith(".")


def is_system_folder(name: str) -> bool:
    """Return whether a folder of this name belongs to a NAS or an operating system, not to the pictures."""
    return name.lower() in _SYSTEM_FOLDERS


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - names with odd bytes, no Path made


@dataclass(frozen=True)
class LeftOut:
    """A picture, video or folder that is not read.

    Attributes:
        name: what rows would call it.
        kind: what it is.
    """

    name: str
    kind: str


Note = Callable[[LeftOut], None]
"""Is told of everything that is left out."""


def ignore(left_out: LeftOut) -> None:
    """Take a `Note` and do nothing: for who does not want to know."""


class LeftOutCounts:
    """How many of each kind are left out, with the first one's name; itself a `Note`."""

    def __init__(self, noted: Iterable[LeftOut] = ()) -> None:
        self._counts: dict[str, tuple[int, str]] = {}
        for left_out in noted:
            self(left_out)

    def __call__(self, left_out: LeftOut) -> None:
        """Count one more."""
        count, first = self._counts.get(left_out.kind, (0, left_out.name))
        self._counts[left_out.kind] = (count + 1, first)

    def lines(self) -> Iterator[str]:
        """One line for each kind: how many, which, and the way out."""
        for kind, (count, first) in sorted(self._counts.items()):
            name, hint = printable_name(first), _VIDEO_HINT if kind == VIDEO else CONVERT_HINT
            which = f"such as {name}" if count > 1 else name
            counted = f"{count} {_plural(kind)} are" if count > 1 else f"1 {kind} is"
            if kind in (HIDDEN, SYSTEM):
                yield f"{counted} left out, {which}"
            else:
                yield f"{counted} not read, {which}: {hint}"


def _plural(kind: str) -> str:
    return {
        HIDDEN: "hidden files and folders",
        SYSTEM: "folders of thumbnails or deleted files",
    }.get(kind, f"{kind}s")
