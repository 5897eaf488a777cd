"""Which files a folder job reads: every image below a folder, in one fixed order."""

import os
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from detector.folders.rows import text_of_name
from detector.images.decode import IMAGE_SUFFIXES, read_image_file
from detector.results.errors import ImageUnreadableError

VIDEO_SUFFIXES = frozenset({".3gp", ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"})
"""Files with these endings are taken for videos, which are not read."""

VIDEO_HINT = "take frames out of it first, for example with: ffmpeg -i VIDEO -vf fps=1 FOLDER/%06d.jpg"

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
    error: ImageUnreadableError | None = None

    def read(self) -> bytes:
        """Return the file's bytes.

        Raises:
            ImageUnreadableError, ImageTooLargeError: if it cannot be read, see `read_image_file`.
        """
        if self.error is not None:
            raise self.error
        return read_image_file(self.path)


def is_image_name(name: str) -> bool:
    """Return whether a file of this name counts as an image."""
    return _suffix(name) in IMAGE_SUFFIXES


def is_video_name(name: str) -> bool:
    """Return whether a file of this name counts as a video."""
    return _suffix(name) in VIDEO_SUFFIXES


def list_images(
    root: Path, exclude: Collection[Path] = (), is_wanted: Callable[[str], bool] = is_image_name
) -> tuple[ImageFile, ...]:
    """List every image below `root`, sorted by the text of its path relative to `root`; see `walk_images`."""
    images = walk_images(root, exclude, is_wanted)
    return tuple(sorted(images, key=lambda image: (text_of_name(image.name), image.name)))


def walk_images(
    root: Path, exclude: Collection[Path] = (), is_wanted: Callable[[str], bool] = is_image_name
) -> Iterator[ImageFile]:
    """Find every image below `root`, the same ones in the same order each time, and keep none of them in memory.

    Symbolic links are followed. A folder that can be reached in several ways is listed once, by its own place
    if it lies below `root`, so loops of links end. A folder that cannot be looked into is listed itself, with
    its error.

    Args:
        root: the folder to look into.
        exclude: folders (whether they exist or not) that are not looked into.
        is_wanted: told the name of a file, says whether to list it.
    """
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
            path = folder / entry.name
            if _is_folder(entry):
                (links if entry.is_symlink() else folders).append(path)
            elif is_wanted(entry.name):
                yield ImageFile(path, path.relative_to(root).as_posix())


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
