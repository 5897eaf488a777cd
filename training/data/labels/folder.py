"""A folder of labelled pictures: its format is recognised, then it is read strictly."""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from detector.system.progress_bar import progress_bar
from training.data.labels.gathering import Labels, gather
from training.data.labels.judging import Judge
from training.data.labels.readers import coco, csv_table, digit_struct, voc, yolo
from training.data.labels.records import Format, Item, Note, Problem, printable
from training.data.labels.tree import OFFICIAL, FileTree
from training.data.labels.values import IGNORED, ClassNames
from training.errors import DataError

FORMATS = (coco.FORMAT, yolo.FORMAT, voc.FORMAT, csv_table.FORMAT, digit_struct.FORMAT)
_SHOWN_NEAR_MISSES = 8
_USUAL_FOLDERS = frozenset({"annotations", "images", "labels", "test", "train", "val", "valid"})
"""Parts of one data set; a folder of another name beside `svhn/` is a data set of its own."""


def recognise(tree: FileTree) -> tuple[Format, list[str]]:
    """Return the format, and the files by which it was recognised.

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
    """Return whether a label file belongs to a data set in a folder of its own."""
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


__all__ = ["LabelOptions", "Labels", "labels_are_own", "read_labels", "remarks", "survey"]

MAX_PROBLEMS = 10_000
_SHOWN_PROBLEMS = 5


@dataclass(frozen=True)
class LabelOptions:
    """Options of reading labels.

    Attributes:
        classes: digits of classes with other names than "0" .. "9"; None for a class that is ignored.
        skip_bad: go on without the images whose labels have problems.
    """

    classes: Mapping[str, int | None] = field(default_factory=dict)
    skip_bad: bool = False

    def arguments(self) -> str:
        """Return the options of a command line that mean the same, each after a space; empty for the defaults."""
        digits = [
            shlex.quote(f"{name}={IGNORED if digit is None else digit}")
            for name, digit in self.classes.items()
        ]
        classes = f" --classes {' '.join(digits)}" if digits else ""
        return classes + " --skip-bad" * self.skip_bad


def labels_are_own(folder: Path, options: LabelOptions) -> bool:
    """Tell labels of one's own from a folder laid out as SVHN's downloads are.

    Raises:
        DataError: if it is both, or if SVHN's are to be read in another way than they always are.
    """
    own = holds_own_labels(folder)
    if not own and options != LabelOptions():
        raise DataError(
            f"{folder}: --classes and --skip-bad are for labels of your own; this is no such folder"
        )
    return own


def read_labels(folder: Path, options: LabelOptions, progress: bool = True) -> Labels:
    """Read a folder to work with, and print a summary.

    Raises:
        DataError: if it holds labels of no format or of several, or no digit; and, unless they are to be skipped, if
            there are problems.
    """
    labels = survey(folder, options, progress)
    print(printable(f"labels: {labels.format} ({labels.sources[0]}), {len(labels.scenes):,} images"))
    for line in remarks(labels):
        print(line)
    if labels.problems and not (options.skip_bad and labels.digit_count):
        shown = "".join(f"\n  {problem}" for problem in labels.problems[:_SHOWN_PROBLEMS])
        left = (
            "--skip-bad goes on without these images"
            if labels.digit_count
            else "none of the images without problems has a digit"
        )
        raise DataError(
            f"{folder} has {len(labels.problems):,} problems:{shown}\n"
            f"`digit-detector-train check --data DIR` lists all of them; {left}"
        )
    if labels.problems:
        print(f"left out: {labels.left_out:,} images with problems ({len(labels.problems):,} in all)")
    return labels


def remarks(labels: Labels) -> Iterator[str]:
    """Yield remarks that are no problems but matter to users of the labels, a printable line each."""
    if labels.ignored:
        names = ", ".join(f"{name} {count:,}" for name, count in labels.ignored.most_common())
        yield printable(f"ignored: {labels.ignored.total():,} boxes of other classes ({names})")
    if option := labels.class_option():
        yield printable(f"some of these seem to be digits; this takes them: {option}")
    yield from map(printable, labels.notes)


def survey(folder: Path, options: LabelOptions, progress: bool = True) -> Labels:
    """Read a folder to the end, whatever is wrong in it.

    Raises:
        DataError: if it holds labels of no format or of several.
    """
    tree = FileTree(folder)
    known, sources = recognise(tree)
    labels = Labels(known.name, sources, known_classes=options.classes)
    judge = Judge(ClassNames(options.classes), known.declares_classes)
    items = [*_until_too_many(known.parse(tree, sources)), *known.near_misses(tree, sources)]
    shown = progress_bar(items, f"{known.name} labels", unit="image", disable=not progress)
    gather(labels, [item if isinstance(item, Problem) else judge.judge(item) for item in shown], folder)
    if not labels.problems and not labels.digit_count:
        labels.problems.append(Problem(folder / sources[0], 1, _why_no_digits(labels)))
    return labels


def _why_no_digits(labels: Labels) -> str:
    if not labels.scenes:
        return "no picture is labelled: there is nothing to read"
    if not labels.ignored:
        return f"no digit is labelled in any of {len(labels.scenes):,} pictures"
    names = ", ".join(f"{name} {count:,}" for name, count in labels.ignored.most_common())
    option = labels.class_option() or "--classes NAME=DIGIT"
    others = f"all {labels.ignored.total():,} boxes are of other classes ({names})"
    return f"no digit is left: {others}; say which digits they are with {option}"


def _until_too_many(items: Iterator[Item]) -> Iterator[Item]:
    """Return the items as they are; a file that is no label file at all is not read to its end."""
    count = 0
    for item in items:
        yield item
        if isinstance(item, Note):
            continue
        problems = [item] if isinstance(item, Problem) else item.problems
        count += len(problems)
        if count >= MAX_PROBLEMS:
            yield Problem(problems[-1].file, problems[-1].line, "too many problems: reading stops here")
            return
