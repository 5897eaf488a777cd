"""The gate: a small network that says where in an image the FCN need look.

Nearly all of a street photograph is not a digit, and a network of a fortieth of the FCN's arithmetic can say so (a
cascade's first stage, as in Viola and Jones 2001). It looks at each level of the pyramid from the level of half its
scale. Each of its cells answers for 2 x 2 of the FCN's windows, and passes if its output is not negative.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from detector.models.backend import Network
from detector.pipeline.pyramid import Level
from detector.pipeline.tiles import Grid, Mask, Plane, slide, stacked

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
    cells = [(-(-rows // WINDOWS), -(-columns // WINDOWS)) for rows, columns in shapes]
    planes = [Plane(half, np.ones(cell, bool)) for half, cell in zip(halves, cells, strict=True)]
    tops, shape = stacked(cells)  # what passes is marked and grown in all levels at once
    sheet = np.zeros(shape, np.uint8)
    for hits in slide(gate, planes, GATE_GRID, 0.0, advance):
        sheet[tops[hits.planes] + hits.rows, hits.columns] = 1
    windows = cv2.dilate(sheet.repeat(WINDOWS, axis=0).repeat(WINDOWS, axis=1), _GROWN).astype(bool)
    return [
        windows[WINDOWS * top :][:rows, :columns]
        for top, (rows, columns) in zip(tops.tolist(), shapes, strict=True)
    ]
