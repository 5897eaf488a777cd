"""The settings of the refiner's training."""

from dataclasses import dataclass, field
from typing import ClassVar

from training.engine.recipe_arguments import given_arguments
from training.samplers.windows import WindowConfig


@dataclass(frozen=True)
class RefinerRecipe:
    """How the network of the refiner is trained; `name` is the command.

    Attributes:
        steps: batches in all.
        batch: windows in a batch.
        learning_rate: its peak; it rises over `warmup` steps and falls along a cosine to a hundredth.
        warmup: steps; at most half of all.
        weight_decay: of AdamW (Loshchilov and Hutter 2019).
        average: decay of the running average of the weights, which is what is validated and shipped.
        seed: of everything random.
        validate_every: steps between two validations, each of which also writes a checkpoint.
        rendered: scenes that are rendered for their words and numbers; none where the machine has no fonts.
        looks: which windows are shown.
    """

    name: ClassVar[str] = "refiner"
    summary: ClassVar[str] = "the detector's second network, which looks again at what the FCN proposes"

    steps: int = 11_000
    batch: int = 128
    learning_rate: float = 2e-3
    warmup: int = 500
    weight_decay: float = 0.05
    average: float = 0.9995
    seed: int = 1
    validate_every: int = 1000
    rendered: int = 4000
    looks: WindowConfig = field(default_factory=WindowConfig)

    @property
    def arguments(self) -> str:
        """The rest of the command line, beside steps and seed."""
        return given_arguments(self, "rendered")
