"""The format of a folder's labels, told by what the folder holds."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from training.data.labels.readers import coco, csv_table, digit_struct, voc, yolo
from training.data.labels.records import Format, printable
from training.data.labels.tree import OFFICIAL, FileTree
from training.errors import DataError

FORMATS = (coco.FORMAT, yolo.FORMAT, voc.FORMAT, csv_table.FORMAT, digit_struct.FORMAT)
_SHOWN_NEAR_MISSES = 8
_USUAL_FOLDERS = frozenset({"annotations", "images", "labels", "test", "train", "val", "valid"})
"""Parts of one data set; a folder of another name beside `svhn/` is a data set of its own."""


def recognise(tree: FileTree) -> tuple[Format, list[str]]:
    """The format, and the files by which it was told.

    Raises:
        DataError: if the folder holds labels of no format, or of several.
    """
    if not tree.root.is_dir():
        raise DataError(f"{tree.root} is no folder")
    found = _found(tree, FORMATS)
    if not found:
        raise DataError(_nothing_found(tree))
    if len(found) > 1:
        raise _ambiguous(tree, found)
    return found[0]


def holds_own_labels(folder: Path) -> bool:
    """Tell labels of one's own from a folder laid out as SVHN's downloads are.

    A data set in a folder of its own beside `svhn/` is left alone: its own path names it.

    Raises:
        DataError: if it is both.
    """
    if not folder.is_dir():
        return False
    tree = FileTree(folder)
    official = (folder / OFFICIAL).is_dir()
    found = _found(tree, [known for known in FORMATS if not official or known is not digit_struct.FORMAT])
    if not official:
        return bool(found)
    beside = [(known, own) for known, sources in found if (own := [s for s in sources if not _lies_apart(s)])]
    if beside:
        raise _ambiguous(tree, [(digit_struct.FORMAT, [OFFICIAL]), *beside])
    return False


def _lies_apart(source: str) -> bool:
    """Whether a label file belongs to a data set in a folder of its own."""
    top, *below = PurePosixPath(source).parts
    return bool(below) and top not in _USUAL_FOLDERS


def _nothing_found(tree: FileTree) -> str:
    accepted = "".join(f"\n  {known.accepted}" for known in FORMATS)
    near = [str(note) for known in FORMATS for note in known.near_misses(tree, [])]
    shown = "".join(f"\n  {note}" for note in near[:_SHOWN_NEAR_MISSES])
    suffixes = Counter(PurePosixPath(name).suffix.lower() or "no suffix" for name in tree.files)
    held = ", ".join(f"{count:,} {suffix}" for suffix, count in suffixes.most_common(_SHOWN_NEAR_MISSES))
    said = f"\nwhat comes near:{shown}" if near else f"\nits files: {printable(held) or 'none'}"
    return f"{tree.root} holds no labels in a format that is read:{accepted}{said}"


def _found(tree: FileTree, formats: Iterable[Format]) -> list[tuple[Format, list[str]]]:
    return [(known, sources) for known in formats if (sources := known.sources(tree))]


def _ambiguous(tree: FileTree, found: Iterable[tuple[Format, list[str]]]) -> DataError:
    kinds = " and ".join(f"{known.name} ({sources[0]})" for known, sources in found)
    return DataError(f"{tree.root} holds labels of several formats, {kinds}: leave one of them there")
