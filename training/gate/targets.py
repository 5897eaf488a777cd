"""What the gate should say of each of its cells."""

import numpy as np
from numpy.typing import NDArray

from detector.results.detections import FloatArray
from training.gate.recipe import GateTargetConfig


def cell_targets(
    centres_x: NDArray[np.floating],
    centres_y: NDArray[np.floating],
    boxes: FloatArray,
    config: GateTargetConfig,
) -> tuple[NDArray[np.bool], NDArray[np.bool]]:
    """Which cells should let each digit through, and where nothing is asked.

    Args:
        centres_x: (columns,) of the cells, px of the level that the FCN looks at.
        centres_y: (rows,) likewise.
        boxes: (N, 4) xyxy of the digits in px of that level.
        config: what counts as near.

    Returns:
        (N, rows, columns): the cells asked to let each digit through, and (rows, columns): those not to learn from.
    """
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    reach_x = np.maximum(width * config.reach_x + config.margin, config.least_reach)[:, None]
    reach_y = np.maximum(height * config.reach_y + config.margin, config.least_reach)[:, None]
    away_x = np.abs(centres_x[None, :] - (boxes[:, :1] + boxes[:, 2:3]) / 2)
    away_y = np.abs(centres_y[None, :] - (boxes[:, 1:2] + boxes[:, 3:]) / 2)
    at_centre = _both(away_x <= reach_x, away_y <= reach_y)
    near = _both(away_x <= reach_x + config.ignored_reach, away_y <= reach_y + config.ignored_reach)
    longer = np.maximum(width, height)
    asked = at_centre & _within(longer, config.heights)
    # A digit that is wider than high is of this level by the one measure or the other.
    perhaps = _within(longer, config.ignored_heights) | _within(height, config.ignored_heights)
    ignored = (near & perhaps).any(axis=0) & ~asked.any(axis=0)
    return asked, np.asarray(ignored)


def _both(columns: NDArray[np.bool], rows: NDArray[np.bool]) -> NDArray[np.bool]:
    return columns[:, None, :] & rows[:, :, None]


def _within(values: FloatArray, limits: tuple[float, float]) -> NDArray[np.bool]:
    return ((values >= limits[0]) & (values <= limits[1]))[:, None, None]
