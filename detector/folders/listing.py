"""Which files a folder job reads: every image below a folder, in one fixed order."""

import os
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from detector.folders.left_out import HIDDEN, SYSTEM, LeftOut, Note, ignore, is_hidden, is_system_folder
from detector.folders.location.options import LocationOptions
from detector.folders.rows import text_of_name
from detector.images.decode import IMAGE_SUFFIXES, read_image_file
from detector.images.formats import HEAD_BYTES, RAW, VIDEO, content_of
from detector.images.metadata import Capture
from detector.images.video_frames import FramePlace
from detector.results.errors import DetectorError, ImageUnreadableError

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
"""The kind of what is read; other kinds are those of `detector.images.formats` and `detector.folders.left_out`."""

_FolderId = tuple[int, int]


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
    def place(self) -> FramePlace | None:
        """Where it is in a video: an image is in none."""
        return None

    @property
    def picture_name(self) -> str:
        """What a copy of the picture is called."""
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


def is_image_name(name: str) -> bool:
    """Whether a file of this name is taken for an image."""
    return kind_by_name(name) == IMAGE


def is_video_name(name: str) -> bool:
    """Whether a file of this name is taken for a video."""
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


def _enter(folder: Path, seen: set[_FolderId]) -> Iterator[os.DirEntry[str]]:
    """Yield the folder's entries by name, none if it has been seen before (or is to be left out)."""
    identity = _folder_id(folder)
    if identity not in seen:
        seen.add(identity)
        with os.scandir(folder) as entries:
            yield from sorted(entries, key=lambda entry: entry.name)


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - names with odd bytes, no Path made


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or into a folder that is closed to us
        return False


def _folder_id(folder: Path) -> _FolderId:
    status = folder.stat()
    return status.st_dev, status.st_ino
