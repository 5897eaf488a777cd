"""Which format a folder's labels are in: told by what it holds."""

from training.errors import DataError
from training.labels import coco, digit_struct, table, voc, yolo
from training.labels.records import Format
from training.labels.tree import FileTree

FORMATS = (coco.FORMAT, yolo.FORMAT, voc.FORMAT, table.FORMAT, digit_struct.FORMAT)


def recognise(tree: FileTree) -> tuple[Format, list[str]]:
    """The format, and the files by which it was told.

    Raises:
        DataError: if the folder holds labels of no format, or of several.
    """
    if not tree.root.is_dir():
        raise DataError(f"{tree.root} is no folder")
    found = [(known, sources) for known in FORMATS if (sources := known.sources(tree))]
    if not found:
        accepted = "".join(f"\n  {known.accepted}" for known in FORMATS)
        raise DataError(f"{tree.root} holds no labels in a format that is read:{accepted}")
    if len(found) > 1:
        kinds = " and ".join(f"{known.name} ({sources[0]})" for known, sources in found)
        raise DataError(f"{tree.root} holds labels of several formats, {kinds}: leave one of them there")
    return found[0]
