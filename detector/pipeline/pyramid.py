"""The scales at which the network looks: it knows digits of 16 to 35 px, the pyramid brings all others there."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

STEP = 2**0.5
"""Between the scales of neighbouring levels."""

HALF = 2
"""Steps to the level of half the scale."""

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


def level_scales(min_height: float, max_height: float) -> list[float]:
    """The scales that bring digits of `min_height` to `max_height` px into the network's range, largest first.

    Neighbours differ by the square root of 2, so a digit comes at a height the network knows at two scales or three.
    """
    scales = [_SMALLEST / min_height]
    while scales[-1] * max_height > _LARGEST:
        scales.append(scales[-1] / STEP)
    return scales


def levels(
    image: NDArray[np.uint8], min_height: float, max_height: float, beyond: int = 0
) -> Iterator[Level]:
    """The levels of an image, largest first.

    A level smaller than the image is made from the level before, which averages every pixel and reads few.

    Args:
        image: (H, W, 3) uint8 RGB.
        min_height: of the digits to look for, px.
        max_height: of those, px.
        beyond: so many levels more than these digits ask for.
    """
    height, width = image.shape[:2]
    scales = level_scales(min_height, min(max_height, height))
    scales += [scales[-1] / STEP**step for step in range(1, beyond + 1)]
    source = image
    for scale in scales:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        shrinks = size[0] < source.shape[1]
        pixels = np.asarray(
            cv2.resize(source, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8
        )
        if shrinks:
            source = pixels
        yield Level(pixels, (size[0] / width, size[1] / height))
        del pixels  # of two large levels only one is in memory


def with_halves(levels: Iterator[Level]) -> Iterator[tuple[Level, Level]]:
    """Each level with that of half its scale, as far as that one is there."""
    kept: deque[Level] = deque()
    for level in levels:
        kept.append(level)
        if len(kept) > HALF:
            yield kept.popleft(), level
