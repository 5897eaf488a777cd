"""The settings of the gate's training."""

from dataclasses import dataclass, field
from typing import ClassVar

from training.engine.recipe_arguments import given_arguments


@dataclass(frozen=True)
class GateTargetConfig:
    """Which cells of the gate should let a digit through; lengths in px of the level that the FCN looks at.

    Attributes:
        heights: digits whose longer side is between these are let through. The FCN learns 15.5 to 35; digits of 12 px
            reach 16 on the topmost level alone, and boxes err by a tenth, so it begins below.
        ignored_heights: between these and `heights` nothing is asked.
        reach_x: a cell is asked for up to this part of a digit's width from its centre, and `margin`.
        reach_y: the same of its height.
        margin: half the distance of a cell's windows, px.
        least_reach: px; half the distance of cells, so that at least one is asked for.
        ignored_reach: px beyond the reach in which nothing is asked.
    """

    heights: tuple[float, float] = (14.5, 37.0)
    ignored_heights: tuple[float, float] = (12.0, 48.0)
    reach_x: float = 1 / 4
    reach_y: float = 1 / 6
    margin: float = 2.0
    least_reach: float = 4.1
    ignored_reach: float = 6.0


@dataclass(frozen=True)
class GateRecipe:
    """How the gate is trained; `name` is the command.

    Attributes:
        steps: batches in all.
        images: in a batch; `patches` are cut from each.
        patches: of an image, half of them around a digit.
        patch: side of a patch, px of the level of half the scale.
        learning_rate: its peak; it rises over `warmup` steps and falls along a cosine to a hundredth.
        warmup: steps; at most half of all.
        weight_decay: of AdamW (Loshchilov and Hutter 2019).
        average: decay of the running average of the weights, which is what is validated and shipped.
        seed: of everything random.
        validate_every: steps between two validations, each of which also writes a checkpoint.
        rendered: scenes that are rendered for their words and numbers.
        scene_fraction: of the images that are labelled scenes.
        rendered_fraction: of the images that are rendered; the others are photographs without digits.
        stretch: standard deviation of the log of the horizontal stretch.
        positive_weight: in the loss, of a cell that should let a digit through that the model finds.
        missed_weight: of one that should let a labelled digit through that the model does not find as yet.
        kept: part of the digits found in validation's images for which the threshold is set to let them through.
        target: which cells should let a digit through.
    """

    name: ClassVar[str] = "gate"
    summary: ClassVar[str] = "the detector's gate, which says where in an image the FCN need look"

    steps: int = 6000
    images: int = 6
    patches: int = 8
    patch: int = 64
    learning_rate: float = 4e-3
    warmup: int = 200
    weight_decay: float = 0.01
    average: float = 0.998
    seed: int = 1
    validate_every: int = 1000
    rendered: int = 1000
    scene_fraction: float = 0.45
    rendered_fraction: float = 0.3
    stretch: float = 0.2
    positive_weight: float = 4.0
    missed_weight: float = 0.5
    kept: float = 0.993
    target: GateTargetConfig = field(default_factory=GateTargetConfig)

    @property
    def arguments(self) -> str:
        """What the command line says beside steps and seed."""
        return given_arguments(self, "rendered")
