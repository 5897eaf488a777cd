"""The image that a label file names, also where the name or the folder has changed since.

Labelling tools write paths of the machine that they ran on, names that are percent-encoded, or those of pictures that
were renamed or converted afterwards. Such an image is found by its name if exactly one in the folder has it.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from training.data.labels.records import named_splits
from training.data.labels.tree import FileTree, MissingImageError, folded, inside

_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")
"""Label Studio puts it before the names of uploaded files."""


@dataclass(frozen=True)
class FoundImage:
    """An image of the folder.

    Attributes:
        path: its file.
        named: the name that was searched, if it is not where that says; else empty.
    """

    path: Path
    named: str = ""


class ImageFinder:
    """Finds the images of a folder."""

    def __init__(self, tree: FileTree) -> None:
        self._tree = tree
        self._by_name = _index(tree.images, posixpath.basename)
        self._by_stem = _index(tree.images, _stem)
        self._without_suffix = _index(tree.images, lambda name: posixpath.splitext(name)[0])

    def find(self, name: str, folders: Sequence[str], label_stem: str = "") -> FoundImage:
        """Return the image that a label file calls `name`.

        Args:
            name: as the file has it; backslashes separate folders, too, and the suffix may be missing.
            folders: those from which it may be meant, the likeliest first; `..` is taken from that one alone.
            label_stem: the label file's own stem, where there is one such file for each image.

        Raises:
            MissingImageError: if there is none, or several are called so.
        """
        name = name.replace("\\", "/")
        goes_up = posixpath.normpath(name).startswith("..")
        paths = [inside(posixpath.join(folder, name)) for folder in (folders[:1] if goes_up else folders)]
        within = [path for path in paths if path] if name else []
        if found := self._at(within):
            return FoundImage(self._tree.root / found)
        found, count = self._by_its_name(name, label_stem)
        if found is None:
            where = "outside the data folder" if name and not within else "not there"
            also = f"; {count:,} images elsewhere have this name" if count > 1 else ""
            raise MissingImageError(f"the image {name[:200]!r} is {where}{also}")
        return FoundImage(self._tree.root / found, name or "without a name")

    def _at(self, paths: Sequence[str]) -> str | None:
        for path in paths:
            if found := self._tree.find(path):
                return found
            if len(alike := self._without_suffix.get(folded(path), [])) == 1:
                return alike[0]
        return None

    def _by_its_name(self, name: str, label_stem: str) -> tuple[str | None, int]:
        """Return the image, or None and how many there are that it could be."""
        most = 0
        for index, key, spelled in self._keys(name, label_stem):
            candidates = [path for path in index.get(folded(key), []) if not _of_another_split(spelled, path)]
            closest = _closest(candidates, spelled)
            if len(closest) == 1:
                return closest[0], 1
            most = max(most, len(closest))
        return None, most

    def _keys(self, name: str, label_stem: str) -> Iterator[tuple[dict[str, list[str]], str, str]]:
        """Index, key in it, and the path that the key is of, the likeliest first."""
        spelled = list(dict.fromkeys(_spellings(name)))
        for path in spelled:
            yield self._by_name, posixpath.basename(path), path
        if label_stem:
            yield self._by_stem, posixpath.basename(label_stem), label_stem
        for path in spelled:
            yield self._by_stem, _stem(path), path


def _spellings(name: str) -> Iterator[str]:
    """Return the name and what it is without what URLs and uploads add."""
    path = name.rpartition("?d=")[2]  # Label Studio's links to local files
    if "://" in path:
        path = path.partition("://")[2].partition("?")[0]
    for spelled in (path, unquote(path)):
        if posixpath.basename(spelled):
            yield spelled
    folder, base = posixpath.split(unquote(path))
    if _UPLOAD_PREFIX.match(base):
        yield posixpath.join(folder, _UPLOAD_PREFIX.sub("", base))


def _closest(candidates: Sequence[str], name: str) -> list[str]:
    """Return the candidates that share the most folders with `name`, counted from the end."""
    shared = {path: _shared_folders(path, name) for path in candidates}
    best = max(shared.values(), default=0)
    return [path for path, count in shared.items() if count == best]


def _shared_folders(path: str, name: str) -> int:
    mine, its = ([folded(part) for part in PurePosixPath(one).parent.parts[::-1]] for one in (path, name))
    count = 0
    for one, other in zip(mine, its, strict=False):
        if one != other:
            break
        count += 1
    return count


def _of_another_split(name: str, path: str) -> bool:
    """Return whether the image's folders and those of `name` are of different splits."""
    meant, found = (set(named_splits(PurePosixPath(one).parent)) for one in (name, path))
    return bool(meant and found and not meant & found)


def _stem(name: str) -> str:
    return posixpath.splitext(posixpath.basename(name))[0]


def _index(names: Sequence[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    index: dict[str, list[str]] = {}
    for name in names:
        index.setdefault(folded(key(name)), []).append(name)
    return index
