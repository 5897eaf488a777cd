"""The recipes of the FCN: trained from nothing, fine-tuned, and as the large teacher that it learns from."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

from training.engine.recipe import (
    DISTILLED,
    LONG,
    SHORT,
    VALIDATIONS,
    FineTuningRecipe,
    TrainingRecipe,
    given_arguments,
)
from training.samplers.patches import STRONG_PATCHES, PatchConfig


@dataclass(frozen=True, kw_only=True)
class SvhnFcnRecipe(TrainingRecipe):
    """The settings of the FCN's training from nothing.

    Attributes:
        refining: the last fraction of the steps: a second cosine from half the peak (a warm restart, Loshchilov and
            Hutter 2017), with `refining_patches`; its weights are averaged with those at the end of the first.
        patches: how patches are cut before refining.
        refining_patches: how they are cut then: with more official crops, whose digits fill the window.
    """

    name: ClassVar[str] = "svhn-fcn"
    summary: ClassVar[str] = "the detector itself: an FCN on patches of full SVHN images and on crops"

    refining: float
    patches: PatchConfig = field(default_factory=PatchConfig)
    refining_patches: PatchConfig = field(default_factory=lambda: PatchConfig(crop_fraction=0.25))

    @property
    def main_steps(self) -> int:
        """The steps before refining."""
        return round(self.steps * (1 - self.refining))


SVHN_FCN = SvhnFcnRecipe(
    steps=9500,
    refining=4 / 19,
    batch=64,
    learning_rate=2e-3,
    warmup=300,
    weight_decay=0.02,
    average=0.999,
    validate_every=500,
)


@dataclass(frozen=True, kw_only=True)
class FcnFineTuning(FineTuningRecipe):
    """The settings with which the FCN of a model goes on learning.

    Attributes:
        freeze: convolutions, counted from the image, that stay as they are, with their normalisations.
        patches: how patches of the new pictures are cut.
        old_patches: how those of the replayed data are.
    """

    name: ClassVar[str] = "svhn-fcn"

    freeze: int
    patches: PatchConfig
    old_patches: PatchConfig = field(default_factory=PatchConfig)

    @property
    def arguments(self) -> str:
        """The rest of the command line, beside steps and seed."""
        return super().arguments + given_arguments(self, FINE_TUNING[self.preset], "freeze")


_SHORT = FcnFineTuning(
    preset=SHORT,
    steps=400,
    batch=32,
    learning_rate=1e-3,
    warmup=50,
    weight_decay=0.02,
    average=0.99,
    validate_every=400 // VALIDATIONS,
    patience=4,
    freeze=4,
    patches=PatchConfig(random_fraction=0.2),
)

_LONG = replace(
    _SHORT,
    preset=LONG,
    steps=7500,
    batch=64,
    learning_rate=1.5e-3,
    warmup=200,
    average=0.999,
    validate_every=7500 // VALIDATIONS,
    patience=None,
    rendered=3000,
    freeze=0,
    patches=STRONG_PATCHES,
)

_DISTILLED = replace(
    _LONG,
    preset=DISTILLED,
    steps=10_000,
    batch=256,
    learning_rate=2e-3,
    warmup=300,
    average=0.998,
    validate_every=10_000 // VALIDATIONS,
)

FINE_TUNING = {preset.preset: preset for preset in (_SHORT, _LONG, _DISTILLED)}
"""The presets by name: for dozens of pictures; for thousands; for thousands and a teacher, on an accelerator."""


@dataclass(frozen=True, kw_only=True)
class FcnTeacherRecipe(TrainingRecipe):
    """The settings of the training of the FCN's teacher.

    Attributes:
        patches: how patches are cut.
    """

    name: ClassVar[str] = "teacher svhn-fcn"

    patches: PatchConfig = STRONG_PATCHES


FCN_TEACHER = FcnTeacherRecipe(
    steps=7000,
    batch=256,
    learning_rate=2e-3,
    warmup=300,
    weight_decay=0.05,
    average=0.998,
    validate_every=500,
    rendered=3000,
)
