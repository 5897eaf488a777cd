"""The scales at which the network looks: it knows digits of 16 to 35 px, the pyramid brings all others there."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.models.geometry import RECEPTIVE_FIELD, STRIDE

BORDER = 16
"""Width in px of the continued edge around each level: half a window, so that windows centre on every pixel."""

MAX_TILE_SIDE = 896
"""A level that is larger goes through the network in tiles of this size, so that memory stays bounded."""

STEP = 2**0.5
"""Between the scales of neighbouring levels."""

_SMALLEST = 16.0
_LARGEST = 30.0


@dataclass(frozen=True, eq=False)
class Level:
    """One scaled copy of an image.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        scale: (x, y) factors from the image's pixels to the level's.
    """

    pixels: NDArray[np.uint8]
    scale: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Tile:
    """A part of a level, with as much of the continued edge as it has.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        origin: (x, y) of its upper left pixel in the level; negative within the continued edge.
    """

    pixels: NDArray[np.uint8]
    origin: tuple[int, int]


def level_scales(min_height: float, max_height: float) -> list[float]:
    """Return the scales that bring digits of `min_height` to `max_height` px into the network's range, largest first.

    Neighbours differ by the square root of 2, so a digit comes at a height the network knows at two scales or three.
    """
    scales = [_SMALLEST / min_height]
    while scales[-1] * max_height > _LARGEST:
        scales.append(scales[-1] / STEP)
    return scales


def levels(image: NDArray[np.uint8], min_height: float, max_height: float) -> Iterator[Level]:
    """Yield the levels of an RGB uint8 (H, W, 3) image for digits of `min_height` to `max_height` px, largest first.

    A level smaller than the image is made from the level before, which averages every pixel and reads few.
    """
    height, width = image.shape[:2]
    source = image
    for scale in level_scales(min_height, min(max_height, height)):
        size = max(1, round(width * scale)), max(1, round(height * scale))
        shrinks = size[0] < source.shape[1]
        pixels = np.asarray(
            cv2.resize(source, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8
        )
        if shrinks:
            source = pixels
        yield Level(pixels, (size[0] / width, size[1] / height))
        del pixels  # of two large levels only one is in memory


def tiles(level: Level) -> Iterator[Tile]:
    """Tiles whose windows are together those of the whole level, each window once.

    Neighbours overlap by field - stride, the part that windows of both see.
    """
    height, width = level.pixels.shape[:2]
    for top, bottom in _spans(height):
        for left, right in _spans(width):
            y, x = max(top, 0), max(left, 0)
            inner = level.pixels[y : min(bottom, height), x : min(right, width)]
            margins = (y - top, max(bottom - height, 0), x - left, max(right - width, 0))
            framed = cv2.copyMakeBorder(inner, *margins, cv2.BORDER_REPLICATE)
            yield Tile(np.asarray(framed, np.uint8), (left, top))


def _spans(length: int) -> list[tuple[int, int]]:
    """(start, end) of the tiles along one axis of a level, the continued edge included."""
    end = length + BORDER
    step = MAX_TILE_SIDE - (RECEPTIVE_FIELD - STRIDE)
    starts = range(-BORDER, max(end - RECEPTIVE_FIELD + 1, -BORDER + 1), step)
    return [(start, min(start + MAX_TILE_SIDE, end)) for start in starts]
