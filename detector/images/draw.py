"""Digits and numbers painted on a copy of an image: what a person looks at to judge a detection."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.results.detections import ImageDetections

Image = NDArray[np.uint8]
Box = tuple[int, int, int, int]
Colour = tuple[int, int, int]

DIGIT_COLOUR: Colour = (64, 224, 255)
NUMBER_COLOUR: Colour = (255, 200, 40)
INK: Colour = (16, 16, 24)
"""RGB of the digits' boxes and tags, of the numbers', and of their text, outlines and the margin."""

WRITABLE_SUFFIXES = frozenset(
    {".bmp", ".dib", ".gif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
)
"""The formats of `encode_image`, as files' endings in lower case."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True)
class _Tag:
    """A label and the box that it belongs to, in pixels of the enlarged image."""

    text: str
    box: Box
    colour: Colour
    sides: str
    """Where it may stand, best first: Above, Below, Left, Right."""


def annotate(image: Image, found: ImageDetections) -> Image:
    """Paints each digit's box and label, and each number's box, text and score.

    Small images are enlarged until lines and labels are finer than the digits. Tags stand beside what they
    name, not on a digit unless a number has no other place; where they leave the image they get a dark margin.

    Args:
        image: (H, W, 3) uint8 RGB, the image as displayed.
        found: what was found in it, in pixels of that image.

    Returns:
        (H', W', 3) uint8 RGB, a copy.
    """
    scale = _enlargement(image, found)
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    enlarged = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC) if scale > 1 else image.copy()
    canvas = np.asarray(enlarged, np.uint8)
    del image, enlarged  # they may be large, and more copies follow
    stroke = max(1, round(max(canvas.shape[:2]) / 800))
    digits = [_scaled(digit.box, scale, 0) for digit in found.digits]
    numbers = [_scaled(number.box, scale, 3 * stroke) for number in found.numbers]
    tags = [
        _Tag(f"{number.text}  {number.score:.0%}", box, NUMBER_COLOUR, "ABRL")
        for number, box in zip(found.numbers, numbers, strict=True)
    ]
    around = {
        index: box for number, box in zip(found.numbers, numbers, strict=True) for index in number.digits
    }
    for index, (digit, box) in enumerate(zip(found.digits, digits, strict=True)):
        frame = around.get(index, box)  # below the number's frame, not on its line
        below = (box[0], min(box[1], frame[1]), box[2], max(box[3], frame[3]))
        tags.append(_Tag(str(digit.label), below, DIGIT_COLOUR, "BARL"))
    for box in numbers:
        _outline(canvas, box, NUMBER_COLOUR, stroke)
    for box in digits:
        _outline(canvas, box, DIGIT_COLOUR, stroke)
    return _with_tags(canvas, tags, digits, stroke)


def encode_image(image: Image, suffix: str) -> bytes:
    """Encode an image for a file.

    Args:
        image: (H, W, 3) uint8 RGB.
        suffix: the format, as a file's ending, for example ".png".

    Raises:
        OSError: if the format cannot hold this image.
    """
    written, data = cv2.imencode(suffix.lower(), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not written:
        raise OSError(f"an image of {image.shape[1]} x {image.shape[0]} pixels cannot be written as {suffix}")
    return bytes(data)


def _enlargement(image: Image, found: ImageDetections) -> float:
    """1 to 8 times: the image gets 560 px wide, its digits 48 px high, but nothing above 1280 px."""
    side = max(image.shape[:2])
    heights = found.digits.boxes[:, 3] - found.digits.boxes[:, 1]
    wanted = max(560 / side, 48 / max(heights.min(initial=48), 1))
    return float(np.clip(min(wanted, 1280 / side), 1, 8))


def _scaled(box: tuple[float, float, float, float], scale: float, grow: int) -> Box:
    x_min, y_min, x_max, y_max = (round(edge * scale) for edge in box)
    return x_min - grow, y_min - grow, x_max + grow, y_max + grow


def _outline(canvas: Image, box: Box, colour: Colour, stroke: int) -> None:
    """Draw a bright line inside a dark one, so that it shows on any background."""
    for grow, line in ((stroke, INK), (0, colour)):
        low, high = (box[0] - grow, box[1] - grow), (box[2] - 1 + grow, box[3] - 1 + grow)
        cv2.rectangle(canvas, low, high, line, stroke)


def _with_tags(canvas: Image, tags: Iterable[_Tag], digits: list[Box], stroke: int) -> Image:
    """Return the canvas with every tag at a free place, in a margin where that is needed."""
    font_scale, pad = 0.5 * stroke, 4 * stroke
    placed: list[tuple[_Tag, Box]] = []
    for tag in tags:
        (width, height), _ = cv2.getTextSize(tag.text, _FONT, font_scale, stroke)
        size = (width + 2 * pad, height + 2 * pad)
        taken = [*digits, *(box for _, box in placed)]
        place = _free_place(tag, size, taken, 2 * stroke)
        if place is not None:
            placed.append((tag, place))
    rows, columns = canvas.shape[:2]
    left, top = (max(0, -min((box[axis] for _, box in placed), default=0)) for axis in (0, 1))
    right = max(0, max((box[2] for _, box in placed), default=0) - columns)
    bottom = max(0, max((box[3] for _, box in placed), default=0) - rows)
    canvas = np.asarray(
        cv2.copyMakeBorder(canvas, top, bottom, left, right, cv2.BORDER_CONSTANT, value=INK), np.uint8
    )
    for tag, (x_min, y_min, x_max, y_max) in placed:
        low, high = (x_min + left, y_min + top), (x_max + left - 1, y_max + top - 1)
        cv2.rectangle(canvas, low, high, tag.colour, cv2.FILLED)
        base = (low[0] + pad, high[1] - pad)
        cv2.putText(canvas, tag.text, base, _FONT, font_scale, INK, stroke, cv2.LINE_AA)
    return canvas


def _free_place(tag: _Tag, size: tuple[int, int], taken: list[Box], gap: int) -> Box | None:
    """Return the first of the tag's sides where it covers nothing.

    Where all are taken, a number's tag takes the first one and a digit goes without: its number names it.
    """
    (width, height), (x_min, y_min, x_max, y_max) = size, tag.box
    middle = (x_min + x_max - width) // 2
    corners = {
        "A": (x_min if tag.colour is NUMBER_COLOUR else middle, y_min - gap - height),
        "B": (middle, y_max + gap),
        "L": (x_min - gap - width, y_min),
        "R": (x_max + gap, y_min),
    }
    places = [(x, y, x + width, y + height) for x, y in (corners[side] for side in tag.sides)]
    last_resort = places[0] if tag.colour is NUMBER_COLOUR else None
    return next((place for place in places if not any(_overlap(place, box) for box in taken)), last_resort)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
