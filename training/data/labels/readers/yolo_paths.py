"""The folders and lists that YOLO's settings name, as tools and people write their paths.

A path may be absolute, lead into this very folder, begin with a folder that is not here (`/content/set/train/images`,
`Numbers-1/train/images`), or go up to a sibling (`../train/images`, as Roboflow writes for what lies beside the file).
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from training.data.labels.records import named_splits
from training.data.labels.tree import FileTree, inside

_DRIVE = re.compile(r"^[A-Za-z]:")


@dataclass(frozen=True)
class FoundPlace:
    """A folder or file of the data folder.

    Attributes:
        name: its name in the folder.
        as_written: whether it is where the path says; if not, only the path's last part leads there.
    """

    name: str
    as_written: bool = True


def find_place(tree: FileTree, base: str, path: str) -> FoundPlace | None:
    """Return the folder or file of the data folder that a path means; None if there is none.

    Args:
        tree: the data folder.
        base: the folder from which paths are taken, by its name in the data folder.
        path: with either kind of slash.
    """
    path = path.strip().replace("\\", "/")
    absolute = tree.name_of(path)
    if absolute is not None:
        return FoundPlace(absolute)  # a folder without files is not listed, and is there nevertheless
    for name in _as_written(base, path):
        if (found := _existing(tree, name)) is not None:
            return FoundPlace(found)
    for tail in _tails(path):
        for start in (base, ""):
            found = _existing(tree, posixpath.join(start, tail))
            if found is not None:
                return FoundPlace(found, as_written=False)
    return None


def leads_out(base: str, path: str) -> bool:
    """Return whether a path, taken as it is written, leads out of the data folder."""
    return not list(_as_written(base, path.strip().replace("\\", "/"))) or bool(_DRIVE.match(path))


def _as_written(base: str, path: str) -> Iterator[str]:
    for start in (base, ""):
        for name in (path, path.removeprefix("../")):
            joined = inside(posixpath.join(start, name))
            if joined is not None:
                yield joined


def _tails(path: str) -> Iterator[str]:
    """Return the path without its first folder, its first two, ...; a folder that is called after a split stays."""
    parts = [part for part in PurePosixPath(_DRIVE.sub("", path)).parts if part not in ("/", "..", ".")]
    for count in range(
        1 if parts and not path.startswith(("/", "..")) and not _DRIVE.match(path) else 0, len(parts)
    ):
        dropped, kept = PurePosixPath(*parts[:count]), PurePosixPath(*parts[count:])
        if set(named_splits(dropped)) <= set(named_splits(kept)):
            yield kept.as_posix()


def _existing(tree: FileTree, name: str) -> str | None:
    if name == "":
        return ""
    folder = tree.find_folder(name)
    return tree.find(name) if folder is None else folder
