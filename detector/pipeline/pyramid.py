"""The scales at which the network looks: it knows digits of 16 to 35 px, the pyramid brings all others there."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
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

_MOST_ENLARGED = 4_000_000
"""Pixels of the largest enlargement that is made whole, which is faster: 12 MB."""

_AVERAGED = 1.6
"""Times smaller from which a copy's pixels are averages of the image's; interpolated ones would leave some out."""


@dataclass(frozen=True, eq=False)
class Level:
    """One scaled copy of an image. Of a large enlargement only the tiles that are asked for are made.

    Attributes:
        source: (H', W', 3) uint8 RGB, the copy itself, or the image if the copy is a large enlargement.
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
        return _resized(self.source, self.shape[::-1])

    def cut(self, top: int, left: int, side: int) -> NDArray[np.uint8]:
        """Return a (side, side, 3) uint8 RGB tile of the copy; beyond its edge the edge's pixels go on."""
        if self.source.shape[:2] == self.shape:
            return _cut(self.source, top, left, side)
        return _cut_enlarged(self.source, self.shape, top, left, side)


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

    Each is half as large as the one two before it, to the pixel. A pixel is the mean of four there, or interpolated
    between those of the image where that one was an enlargement.

    Args:
        image: (H, W, 3) uint8 RGB.
        min_height: of the digits to look for, px.
        max_height: of those, px.
        beyond: so many levels more than these digits ask for.
    """
    scales = level_scales(min_height, min(max_height, image.shape[0]))
    scales += [scales[-1] / STEP**step for step in range(1, beyond + 1)]
    before: deque[Level] = deque(maxlen=HALF)
    for scale in scales:
        twice = before[0] if len(before) == HALF else None
        level = _scaled(image, scale) if twice is None or _is_enlarged(twice, image) else _halved(twice)
        before.append(level)
        yield level


def _is_enlarged(level: Level, image: NDArray[np.uint8]) -> bool:
    return bool(level.shape[0] > image.shape[0] or level.shape[1] > image.shape[1])


def _scaled(image: NDArray[np.uint8], scale: float) -> Level:
    """Return a copy of an image, or what makes the tiles of a large enlargement."""
    height, width = image.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    large = size[0] * size[1] > max(_MOST_ENLARGED, height * width)
    return Level(image if large else _resized(image, size), size[::-1], (size[0] / width, size[1] / height))


def _halved(level: Level) -> Level:
    """Return a level of half the scale; what has no whole pixel there is left out at its right and lower edge."""
    rows, columns = (max(1, length // 2) for length in level.shape)
    even = level.source[: 2 * rows, : 2 * columns]
    half = np.asarray(cv2.resize(even, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
    return Level(half, (rows, columns), (level.scale[0] / 2, level.scale[1] / 2))


def with_halves(levels: Iterator[Level]) -> Iterator[tuple[Level, Level]]:
    """Each level with that of half its scale, as far as that one is there."""
    kept: deque[Level] = deque()
    for level in levels:
        kept.append(level)
        if len(kept) > HALF:
            yield kept.popleft(), level


def _resized(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a copy of this (width, height); the image itself if it has that size."""
    if image.shape[1::-1] == size:
        return image
    averaged = image.shape[1] > _AVERAGED * size[0] or image.shape[0] > _AVERAGED * size[1]
    way = cv2.INTER_AREA if averaged else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=way), np.uint8)


def _cut(image: NDArray[np.uint8], top: int, left: int, side: int) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    bottom, right = top + side, left + side
    inner = image[max(top, 0) : bottom, max(left, 0) : right]
    if inner.shape[:2] == (side, side):
        return inner
    beyond = max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0)
    return np.asarray(cv2.copyMakeBorder(inner, *beyond, cv2.BORDER_REPLICATE), np.uint8)


def _cut_enlarged(
    image: NDArray[np.uint8], shape: tuple[int, int], top: int, left: int, side: int
) -> NDArray[np.uint8]:
    """Return a tile of an enlargement to `shape`, interpolated linearly between the centres of pixels.

    A pixel depends on its place in the enlargement alone, so tiles that overlap agree to the bit.
    """
    above, below, down = _neighbours(image.shape[0], shape[0], top, side)
    before, after, across = _neighbours(image.shape[1], shape[1], left, side)
    region = image[above[0] : below[-1] + 1, before[0] : after[-1] + 1]
    lines = _between(region, above - above[0], below - above[0], down[:, None, None], axis=0)
    tile = _between(lines, before - before[0], after - before[0], across[:, None], axis=1)
    return np.rint(tile, out=tile).astype(np.uint8)


def _neighbours(
    length: int, enlarged: int, start: int, count: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Return the two pixels of an axis between which each of `count` of the enlargement lies, and where."""
    first = -count  # a tile begins no further outside, and ends none
    there = slice(start - first, start - first + count)
    before, after, part = _all_neighbours(length, enlarged, first, enlarged + count)
    return before[there], after[there], part[there]


@lru_cache(maxsize=16)  # both axes of a level, for each size of tile
def _all_neighbours(
    length: int, enlarged: int, start: int, stop: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    places = np.clip((np.arange(start, stop) + 0.5) / (enlarged / length) - 0.5, 0, length - 1)
    before = np.floor(places).astype(np.intp)
    return before, np.minimum(before + 1, length - 1), (places - before).astype(np.float32)


def _between(
    pixels: NDArray[Any],
    first: NDArray[np.intp],
    second: NDArray[np.intp],
    part: NDArray[np.float32],
    axis: int,
) -> NDArray[np.float32]:
    mixed = pixels.take(first, axis) * (1 - part)
    mixed += pixels.take(second, axis) * part
    return mixed
