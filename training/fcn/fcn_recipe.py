"""The settings of the detector's own training."""

from dataclasses import dataclass, field
from typing import ClassVar

from training.samplers.patches import PatchConfig


@dataclass(frozen=True)
class SvhnFcnRecipe:
    """How the detector is trained; `name` is the command.

    Attributes:
        steps: batches in all.
        refining: the last part of the steps: a second cosine from half the peak (a warm restart, Loshchilov and
            Hutter 2017), with `refining_patches`; its weights are averaged with those at the end of the first.
        batch: patches in a batch.
        learning_rate: its peak; it rises over `warmup` steps and falls along a cosine to a hundredth.
        warmup: steps; at most half of those before refining.
        weight_decay: of AdamW (Loshchilov and Hutter 2019).
        average: decay of the running average of the weights, which is what is validated and shipped.
        seed: of everything random.
        validate_every: steps between two validations, each of which also writes a checkpoint.
        patches: how patches are cut before refining.
        refining_patches: how they are cut then: with more official crops, whose digits fill the window.
    """

    name: ClassVar[str] = "svhn-fcn"
    summary: ClassVar[str] = "the detector itself: an FCN on patches of full SVHN images and on crops"

    steps: int = 9500
    refining: float = 4 / 19
    batch: int = 64
    learning_rate: float = 2e-3
    warmup: int = 300
    weight_decay: float = 0.02
    average: float = 0.999
    seed: int = 1
    validate_every: int = 500
    patches: PatchConfig = field(default_factory=PatchConfig)
    refining_patches: PatchConfig = field(default_factory=lambda: PatchConfig(crop_fraction=0.25))

    @property
    def main_steps(self) -> int:
        """The steps before refining."""
        return round(self.steps * (1 - self.refining))
