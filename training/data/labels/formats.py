"""Which format a folder's labels are in: told by what it holds."""

from collections.abc import Iterable
from pathlib import Path

from training.data.labels import coco, csv_table, digit_struct, voc, yolo
from training.data.labels.records import Format
from training.data.labels.tree import OFFICIAL, FileTree
from training.errors import DataError

FORMATS = (coco.FORMAT, yolo.FORMAT, voc.FORMAT, csv_table.FORMAT, digit_struct.FORMAT)


def recognise(tree: FileTree) -> tuple[Format, list[str]]:
    """Return the format, and the files by which it was told.

    Raises:
        DataError: if the folder holds labels of no format, or of several.
    """
    if not tree.root.is_dir():
        raise DataError(f"{tree.root} is no folder")
    found = _found(tree, FORMATS)
    if not found:
        accepted = "".join(f"\n  {known.accepted}" for known in FORMATS)
        raise DataError(f"{tree.root} holds no labels in a format that is read:{accepted}")
    if len(found) > 1:
        raise _ambiguous(tree, found)
    return found[0]


def holds_own_labels(folder: Path) -> bool:
    """Return whether a data folder is of one's own labels, and not laid out as SVHN's downloads are.

    Raises:
        DataError: if it is both.
    """
    if not folder.is_dir():
        return False
    tree = FileTree(folder)
    official = (folder / OFFICIAL).is_dir()
    found = _found(tree, [known for known in FORMATS if not official or known is not digit_struct.FORMAT])
    if official and found:
        raise _ambiguous(tree, [(digit_struct.FORMAT, [OFFICIAL]), *found])
    return bool(found)


def _found(tree: FileTree, formats: Iterable[Format]) -> list[tuple[Format, list[str]]]:
    return [(known, sources) for known in formats if (sources := known.sources(tree))]


def _ambiguous(tree: FileTree, found: Iterable[tuple[Format, list[str]]]) -> DataError:
    kinds = " and ".join(f"{known.name} ({sources[0]})" for known, sources in found)
    return DataError(f"{tree.root} holds labels of several formats, {kinds}: leave one of them there")
