"""SVHN's own format: `svhn/train`, `svhn/extra` and `svhn/test`, or the folder of one split, with `digitStruct.mat`.

The file has no lines; the number of an image in it takes their place.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from training.data.labels.records import Format, Item, Mark, Picture, Problem
from training.data.labels.tree import OFFICIAL, FileTree
from training.data.svhn import DIGIT_STRUCT, ImageEntry, digits_of, files_in, read_digit_struct
from training.errors import DataError

_SPLITS = ("train", "extra", "test")


def _sources(tree: FileTree) -> list[str]:
    names = [f"{OFFICIAL}/{split}/{DIGIT_STRUCT}" for split in _SPLITS] + [DIGIT_STRUCT]
    return [name for name in names if (tree.root / name).is_file()]


def _parse(tree: FileTree, sources: Sequence[str]) -> Iterator[Item]:
    for source in sources:
        file = tree.root / source
        try:
            entries = read_digit_struct(file.parent, progress=True)
        except DataError as error:
            yield _problem(file, 1, error)
            continue
        images = files_in(file.parent)
        split = file.parent.name if source != DIGIT_STRUCT else "train"
        for line, entry in enumerate(entries, start=1):
            image = images.get(entry.name)
            text = f"the image {entry.name[:200]!r} is not beside it"
            problems = [] if image else [Problem(file, line, text)]
            marks: list[Mark] = []
            try:
                marks = list(_marks(file, line, entry))
            except DataError as error:
                problems.append(_problem(file, line, error))
            yield Picture(file, line, image, split, marks, problems)


def _marks(file: Path, line: int, entry: ImageEntry) -> Iterator[Mark]:
    for box, digit in zip(entry.boxes.tolist(), digits_of(entry.labels, file), strict=True):
        yield Mark(line, str(digit), tuple(box))


def _problem(file: Path, line: int, error: DataError) -> Problem:
    return Problem(file, line, str(error).removeprefix(f"{file}: "))


FORMAT = Format(
    name="SVHN",
    accepted=f"SVHN: {OFFICIAL}/train/{DIGIT_STRUCT}, or {DIGIT_STRUCT} itself",
    declares_classes=True,
    sources=_sources,
    parse=_parse,
    near_misses=lambda _tree, _sources: iter(()),
)
