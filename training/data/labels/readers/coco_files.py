"""The JSON files of a folder: those of COCO, and others that seem to be labels."""

import json
import re
from collections.abc import Iterator, Sequence

from training.data.labels.records import Note, Problem
from training.data.labels.tree import MAX_LABEL_BYTES, FileTree, LabelError

KEYS = ("images", "annotations", "categories")

_KEY_PATTERNS = [re.compile(f'"{key}"\\s*:') for key in KEYS]
_HEAD_BYTES = 65_536
_OTHERS = {
    '"shapes"': "LabelMe's: convert it to COCO",
    '"_via_': "VIA's: export COCO",
    '"regions"': "VIA's: export COCO",
    '"result"': "Label Studio's own: export COCO or YOLO",
    '"coordinates"': "CreateML's: export COCO",
    '"category_id"': "a bare list of COCO's results, without images and categories",
}


def coco_files(tree: FileTree) -> list[str]:
    """Return the JSON files with two of the three keys: a damaged one is still meant to be COCO's."""
    return [name for name in tree.ending(".json") if _keys_in(tree.head(name, MAX_LABEL_BYTES)) >= 2]


def json_near_misses(tree: FileTree, sources: Sequence[str]) -> Iterator[Problem]:
    """JSON files that are no JSON, or other tools' labels, or hold one of the three keys."""
    for name in tree.ending(".json"):
        if name in sources:
            continue
        head = tree.head(name, _HEAD_BYTES)
        text = next((text for sign, text in _OTHERS.items() if sign in head), "")
        if error := _defect(tree, name):
            yield (Problem if sources else Note)(tree.root / name, error.line, error.text)
        elif text:
            yield Note(tree.root / name, 1, f"not read, it seems to be {text}")
        elif _keys_in(head) and not sources:
            yield Note(tree.root / name, 1, f"not read: no {', '.join(KEYS)} in it")


def _defect(tree: FileTree, name: str) -> LabelError | None:
    try:
        json.loads(tree.text(name))
    except LabelError as error:
        return error
    except json.JSONDecodeError as error:
        return LabelError(error.lineno, f"not JSON that is read: {error.msg}")
    except (RecursionError, ValueError) as error:  # an integer of thousands of digits
        return LabelError(1, f"not JSON that is read: {error}")
    return None


def _keys_in(text: str) -> int:
    return sum(bool(pattern.search(text)) for pattern in _KEY_PATTERNS)
