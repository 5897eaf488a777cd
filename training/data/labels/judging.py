"""The rules that hold for every format: what a box, a class and an image have to be."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from detector.images.decode import decode_image, read_image_file
from detector.results.errors import InvalidRequestError
from training.data.labels.records import Mark, Picture, Problem
from training.data.labels.values import IGNORED, ClassNames, plain_name, seeming_digit
from training.data.scenes import Box, Scene, box_defect, clipped, leaves


@dataclass
class Judged:
    """A picture and what is made of it.

    Attributes:
        picture: as the parser gave it.
        problems: the parser's and those that the rules find.
        scene: boxes in the image and digits, each once; None if there are problems.
        pixels: a hash of the decoded image, the same for all copies of it.
        ignored: boxes of classes that are no digits, by class.
        clipped: boxes that left the image in part, and were cut.
        duplicates: boxes that are there more than once.
        polygons: digits of which the file has a polygon.
    """

    picture: Picture
    problems: list[Problem]
    scene: Scene | None = None
    pixels: bytes = b""
    ignored: Counter[str] = field(default_factory=Counter)
    clipped: int = 0
    duplicates: int = 0
    polygons: int = 0


class Judge:
    """Applies the rules.

    Args:
        classes: what digit each class is.
        declares_classes: whether the format lists its classes, so that those of no interest can be ignored.
    """

    def __init__(self, classes: ClassNames, declares_classes: bool) -> None:
        self._classes = classes
        self._declares_classes = declares_classes

    def judge(self, picture: Picture) -> Judged:
        """Open the image and check every box."""
        judged = Judged(picture, list(picture.problems), ignored=Counter(picture.set_aside))
        size = _open_image(judged)
        digits: dict[tuple[Box, int], bool] = {}
        for mark in picture.marks:
            try:
                digit = self._digit(mark)
                if digit is None:
                    judged.ignored[plain_name(mark.name)] += 1
                    continue
                box, is_cut = _placed(mark, picture, size)
            except ValueError as error:
                judged.problems.append(Problem(picture.file, mark.line, str(error)))
                continue
            judged.duplicates += (box, digit) in digits
            judged.polygons += mark.polygon
            digits[box, digit] = is_cut
        judged.clipped = sum(digits.values())
        if not judged.problems and picture.image is not None:
            judged.scene = _scene(picture, list(digits))
        return judged

    def _digit(self, mark: Mark) -> int | None:
        """Return the class's digit; None if it is to be ignored.

        Raises:
            ValueError: if the class is unknown.
        """
        if mark.name in self._classes:
            return self._classes.digit(mark.name)
        if self._declares_classes:
            return None
        name = plain_name(mark.name)[:50]
        meant = seeming_digit(name)
        digit = "DIGIT" if meant is None else meant
        raise ValueError(
            f"the class {name!r} is no digit: say which with --classes {name}={digit}, or --classes {name}={IGNORED}"
        )


def _open_image(judged: Judged) -> tuple[int, int] | None:
    """Width and height of the image as it is displayed; None, and a problem more, if it cannot be used."""
    picture = judged.picture
    if picture.image is None:
        return None
    try:
        pixels = decode_image(read_image_file(picture.image))
    except InvalidRequestError as error:
        text = f"the image {picture.image.name!r} cannot be used: {error}"
        judged.problems.append(Problem(picture.file, picture.line, text))
        return None
    height, width = pixels.shape[:2]
    judged.pixels = hashlib.blake2b(pixels.data, key=f"{width}x{height}".encode()).digest()
    declared = picture.declared
    if declared and all(side > 0 for side in declared) and declared != (width, height):
        judged.problems.append(Problem(picture.file, picture.line, _other_size(picture, width, height)))
    return width, height


def _scene(picture: Picture, digits: Sequence[tuple[Box, int]]) -> Scene:
    assert picture.image is not None
    boxes = np.array([box for box, _ in digits], np.float32).reshape(-1, 4)
    return Scene(picture.image, boxes, np.array([digit for _, digit in digits], np.int32))


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
    stated = picture.declared or (0, 0)
    turned = (
        "; is it turned by its EXIF orientation, and the labels are not?" if stated == (height, width) else ""
    )
    size = f"{stated[0]:g} x {stated[1]:g}"
    return f"its size is said to be {size}, the image is displayed with {width} x {height}{turned}"
