"""Tiles: a network slides over chosen windows of images, by inputs of a few shapes, and over no window twice.

The windows to look at are given as a mask. Square tiles of a few fixed sizes cover them, so a backend prepares itself
for a few shapes once, whatever the sizes of images. All convolutions are 'valid': a window has in a tile the very
value that it has in the whole image.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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


def _cover(planes: Sequence[Plane], grid: Grid) -> tuple[list[Labels], IndexArray]:
    """Each plane's windows asked for, labelled by the connected region that they are in, and tiles over all.

    The tiles are (T, 7), each row a `_Tile`.
    """
    all_labels: list[Labels] = []
    tiles: list[_Tile] = []
    parts: list[IndexArray] = []
    for plane, (_, asked) in enumerate(planes):
        _, labelled, regions, _ = cv2.connectedComponentsWithStats(asked.view(np.uint8), connectivity=8)
        labels = np.asarray(labelled, np.int32)
        left, top, width, height, _ = np.asarray(regions[1:], np.intp).T  # the first is what is not asked for
        size = _cheapest(height, width, grid)
        columns = (np.full_like(top, plane), top, left, size, height, width, np.arange(1, len(regions)))
        wholes = np.stack(columns, axis=1)
        fits = np.maximum(height, width) <= size
        parts.append(wholes[fits])
        for region in wholes[~fits].tolist():
            tiles += _split(_Tile(*region), labels, grid)
        all_labels.append(labels)
    return all_labels, np.concatenate([*parts, np.array(tiles, np.intp).reshape(-1, len(_Tile._fields))])


def _cheapest(height: IndexArray, width: IndexArray, grid: Grid) -> IndexArray:
    """(N,) the size by whose tiles (N,) regions are covered with the fewest pixels."""
    sizes = np.array(grid.sizes)
    counts = -(-height[:, None] // sizes) * -(-width[:, None] // sizes)
    sides = np.array([grid.side(size) for size in grid.sizes])
    return np.asarray(sizes[(counts * sides**2).argmin(axis=1)])


def _split(region: _Tile, labels: Labels, grid: Grid) -> Iterator[_Tile]:
    """Lay a raster of tiles over a region larger than one, each as small as its part of the region allows."""
    bottom, right, step = region.row + region.height, region.column + region.width, region.size
    for row in range(region.row, bottom, step):
        for column in range(region.column, right, step):
            part = labels[row : min(row + step, bottom), column : min(column + step, right)]
            rows, columns = np.nonzero(part == region.label)
            if len(rows):
                first, low = int(rows[0]), int(columns.min())
                height, width = int(rows[-1]) - first + 1, int(columns.max()) - low + 1
                size = next(size for size in grid.sizes if size >= max(height, width))
                yield region._replace(
                    row=row + first, column=column + low, size=size, height=height, width=width
                )


def _cut_tiles(planes: Sequence[Plane], tiles: IndexArray, grid: Grid) -> NDArray[np.uint8]:
    """(B, side, side, 3) uint8 RGB: what the network sees of tiles of one size."""
    side = grid.side(int(tiles[0, 3]))
    cut = np.empty((len(tiles), side, side, 3), np.uint8)
    for (plane, row, column, *_), patch in zip(tiles.tolist(), cut, strict=True):
        top, left = row * grid.stride - grid.border, column * grid.stride - grid.border
        patch[:] = planes[plane].level.cut(top, left, side)
    return cut


def _hits(outputs: FloatArray, tiles: NDArray[np.int_], labels: Sequence[Labels], threshold: float) -> Hits:
    """Return the tiles' own windows that reach the threshold."""
    numbers, rows, columns = np.nonzero(outputs[..., 0] >= threshold)
    plane, first_row, first_column, _, height, width, label = tiles[numbers].T
    found = outputs[numbers, rows, columns]
    own = (rows < height) & (columns < width)
    plane, rows, columns, label, found = (
        values[own] for values in (plane, rows + first_row, columns + first_column, label, found)
    )
    labelled = np.empty(len(plane), np.int32)
    for index in np.unique(plane):
        here = plane == index
        labelled[here] = labels[index][rows[here], columns[here]]
    own = labelled == label
    return Hits(plane[own], rows[own], columns[own], found[own])
