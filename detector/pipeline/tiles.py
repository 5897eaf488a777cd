"""Tiles: a network slides over chosen windows of images, by inputs of a few shapes, and over no window twice.

The windows to look at are given as a mask. Square tiles of a few fixed sizes cover them, so a backend prepares itself
for a few shapes once, whatever the sizes of images. All convolutions are 'valid': a window has in a tile the very
value that it has in the whole image.
"""

from collections.abc import Iterator, Sequence
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


def slide(network: Network, planes: Sequence[Plane], grid: Grid, threshold: float) -> Iterator[Hits]:
    """Yield the windows asked for whose first output is at least `threshold`, each once, a batch of tiles at a time."""
    labels, tiles = _cover(planes, grid)
    for size in grid.sizes:
        alike = tiles[tiles[:, _Tile._fields.index("size")] == size]
        most = max(1, _BATCH_PIXELS // grid.side(size) ** 2)
        for start in range(0, len(alike), most):
            batch = alike[start : start + most]
            yield _hits(network(_cut_tiles(planes, batch, grid)), batch, labels, threshold)


class _AllLabels:
    """The labels of all planes' windows: of the connected region that each is in.

    Args:
        planes: the (rows, columns) labels of each plane.
    """

    def __init__(self, planes: Sequence[Labels]) -> None:
        self._flat = np.concatenate([labels.ravel() for labels in planes])
        self._widths = np.array([labels.shape[1] for labels in planes])
        self._starts = np.cumsum([0, *(labels.size for labels in planes[:-1])])

    def at(self, planes: IndexArray, rows: IndexArray, columns: IndexArray) -> Labels:
        """Return the labels of (M,) windows."""
        return np.asarray(self._flat[self._starts[planes] + rows * self._widths[planes] + columns], np.int32)


def _cover(planes: Sequence[Plane], grid: Grid) -> tuple[_AllLabels, IndexArray]:
    """Return the labels of the windows asked for, and tiles over them: (T, 7), each row a `_Tile`."""
    all_labels: list[Labels] = []
    all_tiles: list[IndexArray] = []
    for plane, (_, asked) in enumerate(planes):
        if asked.all():
            labels, tiles = np.ones(asked.shape, np.int32), _raster(asked.shape, grid).copy()
        else:
            labels, tiles = _cover_regions(asked, grid)
        tiles[:, 0] = plane
        all_labels.append(labels)
        all_tiles.append(tiles)
    return _AllLabels(all_labels), np.concatenate(all_tiles)


@lru_cache(maxsize=64)  # the gate's, for the levels of a few sizes of image
def _raster(shape: tuple[int, int], grid: Grid) -> IndexArray:
    """Return tiles over a plane whose windows are all asked for."""
    return _cover_regions(np.ones(shape, bool), grid)[1]


def _cover_regions(asked: Mask, grid: Grid) -> tuple[Labels, IndexArray]:
    """Label the regions of a mask and lay tiles over each; their plane is 0."""
    _, labelled, regions, _ = cv2.connectedComponentsWithStats(asked.view(np.uint8), connectivity=8)
    labels = np.asarray(labelled, np.int32)
    left, top, width, height, _ = np.asarray(regions[1:], np.intp).T  # the first is what is not asked for
    size = _cheapest(height, width, grid)
    found = np.stack((np.zeros_like(top), top, left, size, height, width, np.arange(1, len(regions))), axis=1)
    fits = np.maximum(height, width) <= size
    parts = [_split(_Tile(*region), labels, grid) for region in found[~fits].tolist()]
    return labels, np.concatenate([found[fits], *parts])


def _cheapest(height: IndexArray, width: IndexArray, grid: Grid) -> IndexArray:
    """(N,) the size by whose tiles (N,) regions are covered with the fewest pixels."""
    sizes = np.array(grid.sizes)
    counts = -(-height[:, None] // sizes) * -(-width[:, None] // sizes)
    sides = np.array([grid.side(size) for size in grid.sizes])
    return np.asarray(sizes[(counts * sides**2).argmin(axis=1)])


def _split(region: _Tile, labels: Labels, grid: Grid) -> IndexArray:
    """Lay a raster of tiles over a region larger than one, each as small as its part of the region allows.

    The tiles are (T, 7), each row a `_Tile`.
    """
    step = region.size
    rows, columns = -(-region.height // step), -(-region.width // step)
    inside = np.zeros((rows * step, columns * step), bool)
    there = labels[region.row :, region.column :][: region.height, : region.width] == region.label
    inside[: region.height, : region.width] = there
    parts = inside.reshape(rows, step, columns, step)
    first_row, height = _extents(np.asarray(parts.any(axis=3)).transpose(0, 2, 1))
    first_column, width = _extents(np.asarray(parts.any(axis=1)))
    row, column = np.nonzero(height)
    height, width = height[row, column], width[row, column]
    sizes = np.array(grid.sizes)
    tiles = np.empty((len(row), len(_Tile._fields)), np.intp)
    tiles[:] = region
    tiles[:, 1] += row * step + first_row[row, column]
    tiles[:, 2] += column * step + first_column[row, column]
    tiles[:, 3] = sizes[np.searchsorted(sizes, np.maximum(height, width))]
    tiles[:, 4], tiles[:, 5] = height, width
    return tiles


def _extents(filled: Mask) -> tuple[IndexArray, IndexArray]:
    """Return where in the last axis of a mask the first true value is, and how far it is beyond the last; 0 of none."""
    first = filled.argmax(axis=-1)
    last = filled.shape[-1] - filled[..., ::-1].argmax(axis=-1)
    return first, np.where(filled.any(axis=-1), last - first, 0)


def _cut_tiles(planes: Sequence[Plane], tiles: IndexArray, grid: Grid) -> NDArray[np.uint8]:
    """(B, side, side, 3) uint8 RGB: what the network sees of tiles of one size."""
    side = grid.side(int(tiles[0, 3]))
    cut = np.empty((len(tiles), side, side, 3), np.uint8)
    for (plane, row, column, *_), patch in zip(tiles.tolist(), cut, strict=True):
        top, left = row * grid.stride - grid.border, column * grid.stride - grid.border
        patch[:] = planes[plane].level.cut(top, left, side)
    return cut


def _hits(outputs: FloatArray, tiles: IndexArray, labels: _AllLabels, threshold: float) -> Hits:
    """Return the tiles' own windows that reach the threshold."""
    numbers, rows, columns = np.nonzero(outputs[..., 0] >= threshold)
    _, _, _, _, height, width, _ = tiles[numbers].T
    within = (rows < height) & (columns < width)
    numbers, rows, columns = numbers[within], rows[within], columns[within]
    plane, first_row, first_column, _, _, _, label = tiles[numbers].T
    own = labels.at(plane, rows + first_row, columns + first_column) == label
    found = outputs[numbers, rows, columns]
    return Hits(plane[own], (rows + first_row)[own], (columns + first_column)[own], found[own])
