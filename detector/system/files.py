"""Writing files whole, and for good."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO
from uuid import uuid4

from detector.results.errors import InvalidOptionError


def write_whole(path: Path, content: bytes) -> None:
    """Write beside `path` and rename: readers see the old file or the new one, never a torn one.

    For files that one process writes, again and again or after a kill: what a killed one leaves is overwritten.
    """
    with _whole_file(path, path.with_name(f"{_short(path.name)}.part")) as file:
        file.write(content)


def whole_file(path: Path) -> AbstractContextManager[BinaryIO]:
    """Provide a file to write bit by bit, which takes its name when all has been written.

    If the work fails midway, an older file of this name stays as it was. Several may write to one name: the last one
    done has it. A process that is killed leaves a file that ends in `.part`.
    """
    return _whole_file(path, path.with_name(f"{path.name[:50]}.{uuid4().hex}.part"))


def _short(name: str) -> str:
    """Return a name that leaves room for more: a name may be as long as names can be."""
    if len(name) <= 50:
        return name
    return f"{name[:50]}.{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"


@contextmanager
def _whole_file(path: Path, temporary: Path) -> Iterator[BinaryIO]:
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
