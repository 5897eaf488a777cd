"""Writing files whole, and for good."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from detector.results.errors import InvalidOptionError


def write_whole(path: Path, content: bytes) -> None:
    """Write beside `path` and rename: readers see the old file or the new one, never a torn one."""
    with whole_file(path) as file:
        file.write(content)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Provide a file to write bit by bit, which takes its name when all has been written.

    If the work fails midway, an older file of this name stays as it was.
    """
    temporary = path.with_name(f"{path.name[:50]}.part")  # a name may be as long as names can be
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(path: Path, option: str) -> Iterator[Path]:
    """Provide a folder that gets its name when all has been written; nothing stays if that fails.

    Args:
        path: a new folder, or an empty one.
        option: the caller's word for it.

    Raises:
        InvalidOptionError: if something is there already; its `field` is `option`.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise InvalidOptionError(option, f"{path} is there already: remove it or name a new folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.", suffix=".part") as outside:
        inside = Path(outside) / "folder"  # with the rights of any new folder
        inside.mkdir()
        yield inside
        inside.replace(path)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive the loss of power, as far as its file system can."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows opens no folders
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError:  # some network file systems cannot
        pass
    finally:
        os.close(handle)
