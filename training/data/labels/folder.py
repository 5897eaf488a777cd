"""A folder of labelled pictures, read strictly: what a box, a class and an image have to be, whatever the format."""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from detector.images.decode import decode_image, read_image_file
from detector.results.errors import InvalidRequestError
from training.data.labels.formats import holds_own_labels, recognise
from training.data.labels.records import Format, Mark, Picture, Problem, printable
from training.data.labels.tree import FileTree
from training.data.scenes import Box, Scene, box_defect, clipped, leaves
from training.errors import DataError

IGNORED = "ignore"
"""The word for no digit in `--classes NAME=ignore`."""

MAX_PROBLEMS = 10_000
_SHOWN_PROBLEMS = 5
_DIGITS = {str(digit): digit for digit in range(10)}


@dataclass(frozen=True)
class LabelOptions:
    """How labels are read.

    Attributes:
        classes: digits of classes with other names than "0" .. "9"; None for a class that is ignored.
        skip_bad: go on without the images whose labels have problems.
    """

    classes: Mapping[str, int | None] = field(default_factory=dict)
    skip_bad: bool = False

    def arguments(self) -> str:
        """Return the options of a command line that say the same, each after a space; empty for the defaults."""
        digits = [
            shlex.quote(f"{name}={IGNORED if digit is None else digit}")
            for name, digit in self.classes.items()
        ]
        classes = f" --classes {' '.join(digits)}" if digits else ""
        return classes + " --skip-bad" * self.skip_bad


@dataclass
class Labels:
    """All that a folder holds.

    Attributes:
        format: the format's name.
        sources: the files by which it was told, relative to the folder.
        splits: the pictures without problems, by split; boxes are in their images.
        problems: everything that is not as it has to be.
        left_out: how many images have problems.
        clipped: boxes that left their image in part, and were cut.
        ignored: boxes of classes that are no digits, by class.
    """

    format: str
    sources: Sequence[str]
    splits: dict[str, list[Scene]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    left_out: int = 0
    clipped: int = 0
    ignored: Counter[str] = field(default_factory=Counter)

    @property
    def scenes(self) -> list[Scene]:
        """The pictures of all splits."""
        return [scene for scenes in self.splits.values() for scene in scenes]


def labels_are_own(folder: Path, options: LabelOptions) -> bool:
    """Return whether a data folder's labels are one's own, and not laid out as SVHN's downloads are.

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
    """Read a folder to work with, and say on standard output what it is.

    Raises:
        DataError: if it holds labels of no format or of several, and, unless they are to be skipped, if there are
            problems.
    """
    labels = survey(folder, options, progress)
    print(printable(f"labels: {labels.format} ({labels.sources[0]}), {len(labels.scenes):,} images"))
    if labels.problems and not options.skip_bad:
        shown = "".join(f"\n  {problem}" for problem in labels.problems[:_SHOWN_PROBLEMS])
        raise DataError(
            f"{folder} has {len(labels.problems):,} problems:{shown}\n"
            "`digit-detector-train check --data DIR` lists all of them; --skip-bad goes on without these images"
        )
    if labels.problems:
        print(f"left out: {labels.left_out:,} images with problems ({len(labels.problems):,} in all)")
    return labels


def survey(folder: Path, options: LabelOptions, progress: bool = True) -> Labels:
    """Read a folder to the end, whatever is wrong in it.

    Raises:
        DataError: if it holds labels of no format or of several.
    """
    tree = FileTree(folder)
    known, sources = recognise(tree)
    reading = _Reading(known, Labels(known.name, sources), options)
    parsed = list(_until_too_many(known.parse(tree, sources)))
    for item in tqdm(parsed, f"{known.name} labels", unit="image", disable=not progress):
        reading.take(item)
    return reading.labels


def _until_too_many(items: Iterator[Picture | Problem]) -> Iterator[Picture | Problem]:
    """Yield the items as they are; a file that is no label file at all is not read to its end."""
    count = 0
    for item in items:
        yield item
        problems = [item] if isinstance(item, Problem) else item.problems
        count += len(problems)
        if count >= MAX_PROBLEMS:
            yield Problem(problems[-1].file, problems[-1].line, "so many problems: reading stops here")
            return


class _Reading:
    """The state of a reading while the pictures go by."""

    def __init__(self, known: Format, labels: Labels, options: LabelOptions) -> None:
        self.labels = labels
        self._format = known
        self._classes: dict[str, int | None] = {**_DIGITS, **options.classes}
        self._seen: dict[Path, Picture] = {}

    def take(self, item: Picture | Problem) -> None:
        """Add a picture's scene, or its problems."""
        if isinstance(item, Problem):
            self.labels.problems.append(item)
            return
        problems = list(item.problems)
        size = self._size(item, problems)
        boxes: list[Box] = []
        digits: list[int] = []
        ignored = Counter(item.set_aside)
        cut = 0
        for mark in item.marks:
            try:
                digit = self._digit(mark)
                if digit is None:
                    ignored[mark.name] += 1
                    continue
                box, is_cut = _placed(mark, item, size)
            except ValueError as error:
                problems.append(Problem(item.file, mark.line, str(error)))
                continue
            boxes.append(box)
            digits.append(digit)
            cut += is_cut
        if problems or item.image is None:
            self.labels.problems += sorted(problems, key=lambda problem: problem.line)
            self.labels.left_out += 1
            return
        scene = Scene(item.image, np.array(boxes, np.float32).reshape(-1, 4), np.array(digits, np.int32))
        self.labels.splits.setdefault(item.split, []).append(scene)
        self.labels.ignored += ignored
        self.labels.clipped += cut

    def _digit(self, mark: Mark) -> int | None:
        """Return the class's digit; None if it is to be ignored.

        Raises:
            ValueError: if nobody says what the class is.
        """
        if mark.name in self._classes:
            return self._classes[mark.name]
        if self._format.declares_classes:
            return None
        name = mark.name[:50]
        raise ValueError(
            f"the class {name!r} is no digit: say which with --classes {name}=DIGIT, or --classes {name}={IGNORED}"
        )

    def _size(self, picture: Picture, problems: list[Problem]) -> tuple[int, int] | None:
        """Width and height of the image as it is displayed; None, and a problem more, if it cannot be used."""
        if picture.image is None:
            return None
        earlier = self._seen.setdefault(picture.image, picture)
        if earlier is not picture:
            text = f"the image {picture.image.name!r} is labelled already, at {earlier.file}:{earlier.line}"
            problems.append(Problem(picture.file, picture.line, text))
        try:
            height, width = decode_image(read_image_file(picture.image)).shape[:2]
        except InvalidRequestError as error:
            text = f"the image {picture.image.name!r} cannot be used: {error}"
            problems.append(Problem(picture.file, picture.line, text))
            return None
        if picture.declared not in (None, (width, height)):
            problems.append(Problem(picture.file, picture.line, _other_size(picture, width, height)))
        return width, height


def _placed(mark: Mark, picture: Picture, size: tuple[int, int] | None) -> tuple[Box, bool]:
    """Return the box in its image, px, and whether it had to be cut; as it is, if the image's size is not known.

    Raises:
        ValueError: if it is no box, or not in the image.
    """
    box = mark.box
    if picture.fractions and size:
        width, height = size
        box = (box[0] * width, box[1] * height, box[2] * width, box[3] * height)
    if defect := box_defect(box):
        raise ValueError(defect)
    if size is None:
        return box, False
    x_min, y_min, x_max, y_max = np.array(clipped(box, *size), np.float32).tolist()
    if box_defect((x_min, y_min, x_max, y_max)):
        raise ValueError(f"the box has no area within the image of {size[0]} x {size[1]} pixels")
    return (x_min, y_min, x_max, y_max), leaves(box, *size)


def _other_size(picture: Picture, width: int, height: int) -> str:
    said = picture.declared or (0, 0)
    turned = (
        "; is it turned by its EXIF orientation, and the labels are not?" if said == (height, width) else ""
    )
    return f"its size is said to be {said[0]:g} x {said[1]:g}, the image is displayed with {width} x {height}{turned}"
