"""Tiles: a network slides over chosen windows of images, by inputs of a few shapes, and hands on no window twice.

The windows to look at are given as a mask. Square tiles of a few fixed sizes cover them, so a backend prepares itself
for a few shapes once, whatever the sizes of images. All convolutions are 'valid': a window has in a tile the very
value that it has in the whole image.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.models.backend import Network
from detector.pipeline.pyramid import Level
from detector.results.detections import FloatArray

Mask = NDArray[np.bool]
IndexArray = NDArray[np.intp]
Labels = NDArray[np.int32]

_BATCH_PIXELS = 500_000
"""Of the tiles that a network is given at a time: bounds the memory, and how long work goes on that nobody wants."""

_TOGETHER_HITS = 20_000
"""Windows that are handed on at a time, if there are so many: what follows costs as much for one as for a hundred."""


@dataclass(frozen=True)
class Grid:
    """Where a network's windows lie in an image, and the tiles by which it slides over them.

    Attributes:
        field: side of a window, px.
        stride: distance between neighbouring windows, px.
        border: width in px of the continued edge, in which the first window begins.
        sizes: sides of the tiles in windows, ascending.
    """

    field: int
    stride: int
    border: int
    sizes: tuple[int, ...]

    def side(self, size: int) -> int:
        """Side in px of a tile of `size` x `size` windows."""
        return self.field + (size - 1) * self.stride

    def shape(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of windows in an image, the continued edge on all its sides."""
        beyond = 2 * self.border - self.field
        return max(height + beyond, 0) // self.stride + 1, max(width + beyond, 0) // self.stride + 1


class Plane(NamedTuple):
    """A level of a pyramid and the windows in it that are asked for.

    Attributes:
        level: what the tiles are cut from.
        asked: (rows, columns) bool.
    """

    level: Level
    asked: Mask


class Hits(NamedTuple):
    """M windows whose first output reaches a threshold.

    Attributes:
        planes: (M,) the index of each window's plane.
        rows: (M,) its row.
        columns: (M,) its column.
        outputs: (M, C) float32, what the network says of it.
    """

    planes: IndexArray
    rows: IndexArray
    columns: IndexArray
    outputs: FloatArray


class _Tile(NamedTuple):
    """A tile, and those of its windows that are its own: `height` x `width` of them, as far as they have its label."""

    plane: int
    row: int
    column: int
    size: int
    height: int
    width: int
    label: int


_Reached = tuple[IndexArray, IndexArray, IndexArray, FloatArray]
"""Windows: the (M, 7) tiles that they are in, their (M,) rows and (M,) columns there, their (M, C) outputs."""


def slide(
    network: Network,
    planes: Sequence[Plane],
    grid: Grid,
    threshold: float,
    advance: Callable[[float], None] | None = None,
) -> Iterator[Hits]:
    """Yield the windows asked for whose first output is at least `threshold`, each once, many at a time.

    Args:
        network: what slides.
        planes: what it slides over.
        grid: how.
        threshold: of the first output.
        advance: is told after each call of the network what part of the whole that was, 0..1.
    """
    if all(asked.all() for _, asked in planes):
        sheet, tiles = None, _rasters(planes, grid)
    else:
        sheet = _Sheet([asked for _, asked in planes])
        tiles = _cover(sheet, grid)
    batches = _batches(tiles, grid)
    outputs = network.map(_cut_tiles(planes, batch, grid) for batch in batches)
    pixels = sum(_pixels(batch, grid) for batch in batches)
    if advance is not None and not batches:
        advance(1.0)
    found: list[_Reached] = []
    for batch, output in zip(batches, outputs, strict=True):
        found.append(_reached(output, batch, threshold))
        if advance is not None:
            advance(_pixels(batch, grid) / pixels)
        if sum(len(rows) for _, rows, _, _ in found) >= _TOGETHER_HITS:
            yield _hits(found, sheet)
            found = []
    if found:
        yield _hits(found, sheet)


def _pixels(batch: IndexArray, grid: Grid) -> int:
    return len(batch) * grid.side(int(batch[0, 3])) ** 2


def _batches(tiles: IndexArray, grid: Grid) -> list[IndexArray]:
    """Return tiles of one size together, as many as the network is given at a time.

    The largest come first: few of them are cut before the network begins.
    """
    batches = []
    for size in reversed(grid.sizes):
        alike = tiles[tiles[:, _Tile._fields.index("size")] == size]
        most = max(1, _BATCH_PIXELS // grid.side(size) ** 2)
        batches += [alike[start : start + most] for start in range(0, len(alike), most)]
    return batches


def stacked(shapes: Sequence[tuple[int, int]]) -> tuple[IndexArray, tuple[int, int]]:
    """Return the first row of each plane, and the rows and columns of all, one below the other.

    An empty row keeps planes apart.

    Args:
        shapes: rows and columns of each.
    """
    ends = np.cumsum([rows + 1 for rows, _ in shapes])
    return np.array([0, *ends[:-1]]), (int(ends[-1]), max(columns for _, columns in shapes))


class _Sheet:
    """The windows of all planes, one plane below the other, and the connected regions of those asked for.

    Args:
        masks: (rows, columns) bool for each plane: which are asked for.

    Attributes:
        tops: (planes,) the first row of each plane.
        labels: (R, C) int32 the number of the region that each window is in, from 1; 0 if it is not asked for.
        count: how many regions there are.
        rows: (M,) of the windows asked for.
        columns: (M,) of those.
        regions: (M,) the regions that they are in, from 0.
    """

    def __init__(self, masks: Sequence[Mask]) -> None:
        self.tops, shape = stacked([(len(mask), mask.shape[1]) for mask in masks])
        asked = np.zeros(shape, bool)
        for mask, top in zip(masks, self.tops.tolist(), strict=True):
            asked[top : top + len(mask), : mask.shape[1]] = mask
        count, labels = cv2.connectedComponents(asked.view(np.uint8), connectivity=8)
        self.labels: Labels = np.asarray(labels, np.int32)
        self.count = int(count) - 1
        inside = np.flatnonzero(asked)
        self.rows, self.columns = np.divmod(inside, asked.shape[1])
        self.regions: IndexArray = self.labels.ravel()[inside].astype(np.intp) - 1


def _rasters(planes: Sequence[Plane], grid: Grid) -> IndexArray:
    """Return tiles over planes whose windows are all asked for: (T, 7), each row a `_Tile`."""
    rasters = [_raster(asked.shape, grid) for _, asked in planes]
    tiles = np.concatenate(rasters)
    tiles[:, 0] = np.repeat(np.arange(len(planes)), [len(raster) for raster in rasters])
    return tiles


@lru_cache(maxsize=64)  # the gate's, for the levels of a few sizes of image
def _raster(shape: tuple[int, int], grid: Grid) -> IndexArray:
    step = int(_cheapest(np.array(shape[:1]), np.array(shape[1:]), grid)[0])
    top, left = (index.ravel() * step for index in np.indices([-(-length // step) for length in shape]))
    height, width = np.minimum(shape[0] - top, step), np.minimum(shape[1] - left, step)
    zero = np.zeros_like(top)
    return np.stack([zero, top, left, _smallest(height, width, grid), height, width, zero + 1], axis=1)


def _cover(sheet: _Sheet, grid: Grid) -> IndexArray:
    """Lay a raster of tiles over each region, each as small as its part of the region allows: (T, 7), rows `_Tile`."""
    rows, columns, region = sheet.rows, sheet.columns, sheet.regions
    top, left, height, width = _bounds(region, sheet.count, rows, columns)
    step = _cheapest(height, width, grid)
    across = -(-width // step)
    parts = across * -(-height // step)
    part = (np.cumsum(parts) - parts)[region]
    part += (rows - top[region]) // step[region] * across[region] + (columns - left[region]) // step[region]
    bounds = _bounds(part, int(parts.sum()), rows, columns)
    filled = np.flatnonzero(bounds[2] > 0)
    top, left, height, width = bounds[:, filled]
    plane = np.searchsorted(sheet.tops, top, side="right") - 1
    size = _smallest(height, width, grid)
    label = np.repeat(np.arange(sheet.count), parts)[filled] + 1
    return np.stack([plane, top - sheet.tops[plane], left, size, height, width, label], axis=1)


def _bounds(group: IndexArray, count: int, rows: IndexArray, columns: IndexArray) -> IndexArray:
    """(4, count) top, left, height and width of groups of (M,) windows; the height of an empty one is not positive."""
    first, last = np.full((2, count), np.iinfo(np.int32).max, np.intp), np.zeros((2, count), np.intp)
    for axis, places in enumerate((rows, columns)):
        np.minimum.at(first[axis], group, places)
        np.maximum.at(last[axis], group, places)
    return np.concatenate([first, last - first + 1])


def _smallest(height: IndexArray, width: IndexArray, grid: Grid) -> IndexArray:
    """(N,) the size of the smallest tiles that (N,) parts fit into."""
    sizes = np.array(grid.sizes)
    return np.asarray(sizes[np.searchsorted(sizes, np.maximum(height, width))])


def _cheapest(height: IndexArray, width: IndexArray, grid: Grid) -> IndexArray:
    """(N,) the size by whose tiles (N,) regions are covered with the fewest pixels."""
    sizes = np.array(grid.sizes)
    counts = -(-height[:, None] // sizes) * -(-width[:, None] // sizes)
    sides = np.array([grid.side(size) for size in grid.sizes])
    return np.asarray(sizes[(counts * sides**2).argmin(axis=1)])


def _cut_tiles(planes: Sequence[Plane], tiles: IndexArray, grid: Grid) -> NDArray[np.uint8]:
    """(B, side, side, 3) uint8 RGB: what the network sees of tiles of one size."""
    side = grid.side(int(tiles[0, 3]))
    cut = np.empty((len(tiles), side, side, 3), np.uint8)
    for (plane, row, column, *_), patch in zip(tiles.tolist(), cut, strict=True):
        top, left = row * grid.stride - grid.border, column * grid.stride - grid.border
        patch[:] = planes[plane].level.cut(top, left, side)
    return cut


def _reached(outputs: FloatArray, tiles: IndexArray, threshold: float) -> _Reached:
    """Return the windows of tiles that reach the threshold, whosever they are."""
    reached = outputs[..., 0] >= threshold
    # NumPy finds the places in one axis ten times as fast as in three.
    number, row, column = np.unravel_index(np.flatnonzero(reached), reached.shape)
    return tiles[number], row, column, outputs[number, row, column]


def _hits(parts: Sequence[_Reached], sheet: _Sheet | None) -> Hits:
    """Return those of the windows that are their tiles' own; without a sheet these are all within a tile's own part."""
    tiles, row, column, outputs = (np.concatenate(values) for values in zip(*parts, strict=True))
    plane, first_row, first_column, _, height, width, label = tiles.T
    own = (row < height) & (column < width)
    found = Hits(plane, first_row + row, first_column + column, outputs)
    if sheet is not None:
        own[own] = sheet.labels[sheet.tops[plane[own]] + found.rows[own], found.columns[own]] == label[own]
    return Hits(*(values[own] for values in found))
