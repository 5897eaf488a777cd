"""The gate: a small network that says where in an image the FCN need look.

Nearly all of a street photograph is not a digit, and a network of a fortieth of the FCN's arithmetic can say so (a
cascade's first stage, as in Viola and Jones 2001). It looks at each level of the pyramid from the level of half its
scale. Each of its cells answers for 2 x 2 of the FCN's windows, and passes if its output is not negative.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.models.backend import Network
from detector.pipeline.pyramid import Level
from detector.pipeline.tiles import Grid, Mask, Plane, slide

GATE_GRID = Grid(field=24, stride=4, border=11, sizes=(11, 27, 59))
"""Of cells on a level of half the scale; the border puts a cell's centre amid those of its four windows."""

WINDOWS = 2
"""Of the FCN, along each axis, for which a cell answers."""

_GROWN = np.ones((3, 3), np.uint8)
"""Windows beside one that passes are read, too: boxes are averages over neighbours."""


def passing_windows(
    gate: Network,
    halves: Sequence[Level],
    shapes: Sequence[tuple[int, int]],
    advance: Callable[[float], None] | None = None,
) -> list[Mask]:
    """Return the windows of each level that the FCN need look at.

    Args:
        gate: the network.
        halves: for each level that of half its scale.
        shapes: rows and columns of each level's windows.
        advance: as for `slide`.
    """
    cells = [np.zeros((-(-rows // WINDOWS), -(-columns // WINDOWS)), np.uint8) for rows, columns in shapes]
    planes = [Plane(half, np.ones(cell.shape, bool)) for half, cell in zip(halves, cells, strict=True)]
    for hits in slide(gate, planes, GATE_GRID, 0.0, advance):
        for index, cell in enumerate(cells):
            here = hits.planes == index
            cell[hits.rows[here], hits.columns[here]] = 1
    return [_windows(cell, shape) for cell, shape in zip(cells, shapes, strict=True)]


def _windows(cells: NDArray[np.uint8], shape: tuple[int, int]) -> Mask:
    windows = cells.repeat(WINDOWS, axis=0).repeat(WINDOWS, axis=1)[: shape[0], : shape[1]]
    return np.asarray(cv2.dilate(windows, _GROWN), bool)
