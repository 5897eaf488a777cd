"""The settings of fine-tuning: a model's networks go on learning, from other pictures."""

from dataclasses import dataclass, field
from typing import ClassVar

from training.engine.recipe_arguments import given_arguments
from training.samplers.patches import PatchConfig
from training.samplers.strong_augmentation import strong_patches, strong_windows
from training.samplers.windows import WindowConfig

REPLAY_FRACTION = 0.5
"""Part of a batch that shows old data where some is given."""

VALIDATIONS = 8
"""How often a run is validated, if it is not ended early."""


@dataclass(frozen=True, kw_only=True)
class FineTuning:
    """How a network of a model is fine-tuned.

    Attributes:
        init: sha256 of the weights that it starts from: a run goes on only from those.
        steps: batches in all, if validation does not end the run before.
        learning_rate: its peak; it rises over `warmup` steps and falls along a cosine to a hundredth.
        warmup: steps; at most half of all.
        average: decay of the running average of the weights, which is what is validated and shipped.
        seed: of everything random.
        validate_every: steps between two validations, each of which also writes a checkpoint.
        patience: validations in a row without a better score after which the run ends; None: it never does.
        replay_fraction: part of a batch that shows old data; 0 if none is given.
    """

    regime: ClassVar[str] = ""
    """The part of the command line that chooses it."""

    init: str
    steps: int = 400
    learning_rate: float = 1e-3
    warmup: int = 50
    average: float = 0.99
    seed: int = 1
    validate_every: int = 400 // VALIDATIONS
    patience: int | None = 4
    replay_fraction: float = 0.0


@dataclass(frozen=True, kw_only=True)
class FcnFineTuning(FineTuning):
    """How the FCN is; `name` is the command.

    Attributes:
        batch: patches in a batch.
        weight_decay: of AdamW (Loshchilov and Hutter 2019).
        freeze: convolutions, counted from the image, that stay as they are, with their normalisations.
        rendered: scenes that are rendered beside the new pictures: none, since they would be of yet another look.
        patches: how patches of the new pictures are cut.
        old_patches: how those of the old data are.
    """

    name: ClassVar[str] = "svhn-fcn"

    batch: int = 32
    weight_decay: float = 0.02
    freeze: int = 4
    rendered: int = 0
    patches: PatchConfig = field(default_factory=lambda: PatchConfig(random_fraction=0.2))
    old_patches: PatchConfig = field(default_factory=PatchConfig)

    @property
    def arguments(self) -> str:
        """The rest of the command line, beside steps and seed."""
        return self.regime + given_arguments(self, "freeze")


@dataclass(frozen=True, kw_only=True)
class RefinerFineTuning(FineTuning):
    """How the refiner is; `name` is the command.

    Attributes:
        fcn: sha256 of the model whose FCN proposes.
        batch: windows in a batch.
        weight_decay: of AdamW.
        old_images: so many of the old images, and of the photographs beside them, are looked through for proposals.
        rendered: scenes that are rendered beside the new pictures: none, as for the FCN.
        looks: which windows are shown.
    """

    name: ClassVar[str] = "refiner"

    fcn: str
    batch: int = 64
    weight_decay: float = 0.05
    old_images: int = 300
    rendered: int = 0
    looks: WindowConfig = field(default_factory=WindowConfig)

    @property
    def arguments(self) -> str:
        """The rest of the command line, beside steps and seed."""
        return self.regime + given_arguments(self, "rendered")


@dataclass(frozen=True, kw_only=True)
class LongFcnFineTuning(FcnFineTuning):
    """How the FCN goes on learning from thousands of pictures: for long, all of it, and shown strongly augmented."""

    regime: ClassVar[str] = " --preset long"

    steps: int = 7500
    learning_rate: float = 1.5e-3
    warmup: int = 200
    average: float = 0.999
    validate_every: int = 7500 // VALIDATIONS
    patience: int | None = None
    batch: int = 64
    freeze: int = 0
    rendered: int = 3000
    patches: PatchConfig = field(default_factory=strong_patches)


@dataclass(frozen=True, kw_only=True)
class LongRefinerFineTuning(RefinerFineTuning):
    """How the refiner goes on learning from thousands of pictures."""

    regime: ClassVar[str] = " --preset long"

    steps: int = 11_000
    warmup: int = 200
    average: float = 0.999
    validate_every: int = 11_000 // VALIDATIONS
    patience: int | None = None
    batch: int = 96
    rendered: int = 3000
    looks: WindowConfig = field(default_factory=strong_windows)


@dataclass(frozen=True, kw_only=True)
class Taught:
    """Settings that differ in distillation: batches and lengths that ask for a machine with an accelerator.

    Attributes:
        teacher: sha256 of the teacher.
    """

    regime: ClassVar[str] = " --teacher TEACHER"

    teacher: str
    learning_rate: float = 2e-3
    warmup: int = 300
    average: float = 0.998
    batch: int = 256


@dataclass(frozen=True, kw_only=True)
class DistilledFcnFineTuning(Taught, LongFcnFineTuning):
    """How the FCN learns from thousands of pictures and from its teacher."""

    steps: int = 10_000
    validate_every: int = 10_000 // VALIDATIONS


@dataclass(frozen=True, kw_only=True)
class DistilledRefinerFineTuning(Taught, LongRefinerFineTuning):
    """How the refiner learns from thousands of pictures and from its teacher."""

    steps: int = 13_000
    validate_every: int = 13_000 // VALIDATIONS
