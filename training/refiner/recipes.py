"""The recipes of the refiner: trained from nothing, fine-tuned, and as the large teacher that it learns from."""

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
from training.samplers.windows import STRONG_WINDOWS, WindowConfig


@dataclass(frozen=True, kw_only=True)
class RefinerRecipe(TrainingRecipe):
    """The settings of the refiner's training from nothing.

    Attributes:
        fcn: sha256 of the model whose FCN proposes.
        windows: which windows are shown.
    """

    name: ClassVar[str] = "refiner"
    summary: ClassVar[str] = "the detector's second network, which refines what the FCN proposes"

    fcn: str = ""
    windows: WindowConfig = field(default_factory=WindowConfig)

    @property
    def arguments(self) -> str:
        """The rest of the command line, beside steps and seed."""
        return " --fcn FCN" * bool(self.fcn) + given_arguments(self, REFINER, "rendered")


REFINER = RefinerRecipe(
    steps=11_000,
    batch=128,
    learning_rate=2e-3,
    warmup=500,
    weight_decay=0.05,
    average=0.9995,
    validate_every=1000,
    rendered=4000,
)


@dataclass(frozen=True, kw_only=True)
class RefinerFineTuning(FineTuningRecipe):
    """The settings with which the refiner of a model goes on learning.

    Attributes:
        fcn: sha256 of the model whose FCN proposes.
        old_images: so many of the replayed images, and of the photographs beside them, are searched for proposals.
        windows: which windows are shown.
    """

    name: ClassVar[str] = "refiner"

    fcn: str = ""
    old_images: int = 300
    windows: WindowConfig = field(default_factory=WindowConfig)

    @property
    def arguments(self) -> str:
        """The rest of the command line, beside steps and seed."""
        return super().arguments + given_arguments(self, FINE_TUNING[self.preset], "rendered")


_SHORT = RefinerFineTuning(
    preset=SHORT,
    steps=400,
    batch=64,
    learning_rate=1e-3,
    warmup=50,
    weight_decay=0.05,
    average=0.99,
    validate_every=400 // VALIDATIONS,
    patience=4,
)

_LONG = replace(
    _SHORT,
    preset=LONG,
    steps=11_000,
    batch=96,
    warmup=200,
    average=0.999,
    validate_every=11_000 // VALIDATIONS,
    patience=None,
    rendered=3000,
    windows=STRONG_WINDOWS,
)

_DISTILLED = replace(
    _LONG,
    preset=DISTILLED,
    steps=13_000,
    batch=256,
    learning_rate=2e-3,
    warmup=300,
    average=0.998,
    validate_every=13_000 // VALIDATIONS,
)

FINE_TUNING = {preset.preset: preset for preset in (_SHORT, _LONG, _DISTILLED)}
"""The presets by name, as those of the FCN."""


@dataclass(frozen=True, kw_only=True)
class RefinerTeacherRecipe(TrainingRecipe):
    """The settings of the training of the refiner's teacher.

    Attributes:
        fcn: sha256 of the model whose FCN proposes.
        windows: which windows are shown.
    """

    name: ClassVar[str] = "teacher refiner"

    fcn: str = ""
    windows: WindowConfig = STRONG_WINDOWS


REFINER_TEACHER = RefinerTeacherRecipe(
    steps=9000,
    batch=256,
    learning_rate=2e-3,
    warmup=300,
    weight_decay=0.05,
    average=0.998,
    validate_every=500,
    rendered=3000,
)
