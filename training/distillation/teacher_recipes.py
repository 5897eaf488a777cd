"""The settings of the teachers' training."""

from dataclasses import dataclass, field
from typing import ClassVar

from training.samplers.patches import PatchConfig
from training.samplers.strong_augmentation import strong_patches, strong_windows
from training.samplers.windows import WindowConfig


@dataclass(frozen=True, kw_only=True)
class TeacherRecipe:
    """How a teacher is trained.

    Attributes:
        steps: batches in all.
        batch: pictures in a batch.
        learning_rate: its peak; it rises over `warmup` steps and falls along a cosine to a hundredth.
        warmup: steps; at most half of all.
        weight_decay: of AdamW (Loshchilov and Hutter 2019).
        average: decay of the running average of the weights, which is what is validated and kept.
        seed: of everything random.
        validate_every: steps between two validations, each of which also writes a checkpoint.
        rendered: scenes that are rendered for their words and numbers.
    """

    name: ClassVar[str] = "teacher"

    steps: int = 7000
    batch: int = 256
    learning_rate: float = 2e-3
    warmup: int = 300
    weight_decay: float = 0.05
    average: float = 0.998
    seed: int = 1
    validate_every: int = 500
    rendered: int = 3000


@dataclass(frozen=True, kw_only=True)
class FcnTeacherRecipe(TeacherRecipe):
    """How the FCN's teacher is trained; `name` is the command."""

    name: ClassVar[str] = "teacher svhn-fcn"

    patches: PatchConfig = field(default_factory=strong_patches)


@dataclass(frozen=True, kw_only=True)
class RefinerTeacherRecipe(TeacherRecipe):
    """How the refiner's teacher is trained; `name` is the command.

    Attributes:
        fcn: sha256 of the model whose FCN proposes.
    """

    name: ClassVar[str] = "teacher refiner"

    fcn: str
    steps: int = 9000
    looks: WindowConfig = field(default_factory=strong_windows)
