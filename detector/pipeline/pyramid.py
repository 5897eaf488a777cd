"""The scales at which the network looks: it knows digits of 16 to 35 px, the pyramid brings all others there."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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
    """One scaled copy of an image. Of one that is larger than the image only the tiles that are asked for are made.

    Attributes:
        source: (H', W', 3) uint8 RGB, the copy itself, or the image if the copy is larger.
        shape: (H, W) of the copy, px.
        scale: (x, y) factors from the image's pixels to the copy's.
    """

    source: NDArray[np.uint8]
    shape: tuple[int, int]
    scale: tuple[float, float]

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB: the whole copy."""
        if self.source.shape[:2] == self.shape:
            return self.source
        size = self.shape[::-1]
        return np.asarray(cv2.resize(self.source, size, interpolation=cv2.INTER_LINEAR), np.uint8)

    def cut(self, top: int, left: int, side: int) -> NDArray[np.uint8]:
        """Return a (side, side, 3) uint8 RGB tile of the copy; beyond its edge the edge's pixels go on."""
        if self.source.shape[:2] == self.shape:
            return _cut(self.source, top, left, side)
        return _cut_enlarged(self.source, self.scale, (left, top), side)


def level_scales(min_height: float, max_height: float) -> list[float]:
    """Return the scales that bring digits of `min_height` to `max_height` px into the network's range, largest first.

    Neighbours differ by the square root of 2, so a digit comes at a height the network knows at two scales or three.
    """
    scales = [_SMALLEST / min_height]
    while scales[-1] * max_height > _LARGEST:
        scales.append(scales[-1] / STEP)
    return scales


def levels(
    image: NDArray[np.uint8], min_height: float, max_height: float, beyond: int = 0
) -> Iterator[Level]:
    """Return the levels of an image, largest first.

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
        if size[0] < source.shape[1] or size[1] < source.shape[0]:
            source = np.asarray(cv2.resize(source, size, interpolation=cv2.INTER_AREA), np.uint8)
        yield Level(source, size[::-1], (size[0] / width, size[1] / height))


def with_halves(levels: Iterator[Level]) -> Iterator[tuple[Level, Level]]:
    """Each level with that of half its scale, as far as that one is there."""
    kept: deque[Level] = deque()
    for level in levels:
        kept.append(level)
        if len(kept) > HALF:
            yield kept.popleft(), level


def _cut(image: NDArray[np.uint8], top: int, left: int, side: int) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    bottom, right = top + side, left + side
    inner = image[max(top, 0) : bottom, max(left, 0) : right]
    if inner.shape[:2] == (side, side):
        return inner
    beyond = max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0)
    return np.asarray(cv2.copyMakeBorder(inner, *beyond, cv2.BORDER_REPLICATE), np.uint8)


def _cut_enlarged(
    image: NDArray[np.uint8], scale: tuple[float, float], corner: tuple[int, int], side: int
) -> NDArray[np.uint8]:
    """Return the tile at `corner`, (x, y), of an enlargement, interpolated linearly between the centres of pixels.

    A pixel depends on its place in the enlargement alone, so tiles that overlap agree to the bit.
    """
    left, right, across = _neighbours(corner[0], scale[0], side, image.shape[1])
    top, bottom, down = _neighbours(corner[1], scale[1], side, image.shape[0])
    region = image[:, left[0] : right[-1] + 1]
    lines = _between(region[top], region[bottom], down[:, None, None])
    tile = _between(lines[:, left - left[0]], lines[:, right - left[0]], across[None, :, None])
    return np.asarray(np.rint(tile), np.uint8)


def _neighbours(
    start: int, scale: float, count: int, length: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Return the two pixels of an axis between which each of `count` of the enlargement lies, and where."""
    places = np.clip((start + np.arange(count) + 0.5) / scale - 0.5, 0, length - 1)
    before = np.floor(places).astype(np.intp)
    return before, np.minimum(before + 1, length - 1), (places - before).astype(np.float32)


def _between(first: NDArray[Any], second: NDArray[Any], part: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(first * (1 - part) + second * part, np.float32)
