"""The recipe of the gate, and its targets: which cells should let a digit through."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detector.results.detections import FloatArray
from training.engine.recipe import TrainingRecipe, given_arguments


@dataclass(frozen=True)
class GateTargetConfig:
    """The cells of the gate that should let a digit through; lengths in px of the level that the FCN reads.

    Attributes:
        heights: digits whose longer side is between these are let through. The FCN learns 15.5 to 35; digits of 12 px
            reach 16 on the topmost level alone, and boxes err by a tenth, so it begins below.
        ignored_heights: between these and `heights` a cell is ignored.
        reach_x: a cell lets a digit through up to this fraction of the digit's width from its centre, and `margin`.
        reach_y: the same of its height.
        margin: half the distance of a cell's windows, px.
        least_reach: px; half the distance of cells, so that at least one lets it through.
        ignored_reach: px beyond the reach in which cells are ignored.
    """

    heights: tuple[float, float] = (14.5, 37.0)
    ignored_heights: tuple[float, float] = (12.0, 48.0)
    reach_x: float = 1 / 4
    reach_y: float = 1 / 6
    margin: float = 2.0
    least_reach: float = 4.1
    ignored_reach: float = 6.0


def cell_targets(
    centres_x: NDArray[np.floating],
    centres_y: NDArray[np.floating],
    boxes: FloatArray,
    config: GateTargetConfig,
) -> tuple[NDArray[np.bool], NDArray[np.bool]]:
    """Return the cells that should let each digit through, and those to ignore.

    Args:
        centres_x: (columns,) of the cells, px of the level that the FCN reads.
        centres_y: (rows,) likewise.
        boxes: (N, 4) xyxy of the digits in px of that level.
        config: what counts as near.

    Returns:
        (N, rows, columns): the cells that should let each digit through, and (rows, columns): those not to learn from.
    """
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    reach_x = np.maximum(width * config.reach_x + config.margin, config.least_reach)[:, None]
    reach_y = np.maximum(height * config.reach_y + config.margin, config.least_reach)[:, None]
    away_x = np.abs(centres_x[None, :] - (boxes[:, :1] + boxes[:, 2:3]) / 2)
    away_y = np.abs(centres_y[None, :] - (boxes[:, 1:2] + boxes[:, 3:]) / 2)
    at_centre = _both(away_x <= reach_x, away_y <= reach_y)
    near = _both(away_x <= reach_x + config.ignored_reach, away_y <= reach_y + config.ignored_reach)
    longer = np.maximum(width, height)
    positive = at_centre & _within(longer, config.heights)
    # A digit that is wider than high is of this level by the one measure or the other.
    perhaps = _within(longer, config.ignored_heights) | _within(height, config.ignored_heights)
    ignored = (near & perhaps).any(axis=0) & ~positive.any(axis=0)
    return positive, np.asarray(ignored)


def _both(columns: NDArray[np.bool], rows: NDArray[np.bool]) -> NDArray[np.bool]:
    return columns[:, None, :] & rows[:, :, None]


def _within(values: FloatArray, limits: tuple[float, float]) -> NDArray[np.bool]:
    return ((values >= limits[0]) & (values <= limits[1]))[:, None, None]


@dataclass(frozen=True, kw_only=True)
class GateRecipe(TrainingRecipe):
    """The settings of the gate's training; a batch has `patches` of each of its images.

    Attributes:
        model: sha256 of the model that gets the gate.
        patches: of an image, half of them around a digit.
        patch: side of a patch, px of the level of half the scale.
        scene_fraction: of the images that are labelled scenes.
        rendered_fraction: of the images that are rendered; the others are photographs without digits.
        stretch: standard deviation of the log of the horizontal stretch.
        positive_weight: in the loss, of a cell that should let a digit through that the model finds.
        missed_weight: of one that should let a labelled digit through that the model misses as yet.
        kept: fraction of the digits found in validation's images that the threshold has to let through.
        target: which cells should let a digit through.
    """

    name: ClassVar[str] = "gate"
    summary: ClassVar[str] = "the detector's gate, which chooses the windows that the FCN reads"

    model: str = ""
    patches: int = 8
    patch: int = 64
    scene_fraction: float = 0.45
    rendered_fraction: float = 0.3
    stretch: float = 0.2
    positive_weight: float = 4.0
    missed_weight: float = 0.5
    kept: float = 0.993
    target: GateTargetConfig = field(default_factory=GateTargetConfig)

    @property
    def arguments(self) -> str:
        """The rest of the command line, beside steps and seed."""
        return " --model MODEL" * bool(self.model) + given_arguments(self, GATE, "rendered")


GATE = GateRecipe(
    steps=6000,
    batch=6,
    learning_rate=4e-3,
    warmup=200,
    weight_decay=0.01,
    average=0.998,
    validate_every=1000,
    rendered=1000,
)
