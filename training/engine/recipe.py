"""The settings that all trainings of the detector's networks have in common.

A recipe is a frozen dataclass; a preset is an instance of it. Nothing here imports a network library: command lines
show a recipe's numbers in their help.
"""

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class TrainingRecipe:
    """The settings of a training; `name` is its command.

    Attributes:
        steps: batches in all.
        batch: images in a batch.
        learning_rate: its peak; it rises over `warmup` steps and falls along a cosine to a hundredth.
        warmup: steps; at most half of all.
        weight_decay: of AdamW (Loshchilov and Hutter 2019).
        average: decay of the exponential moving average (EMA) of the weights, which is validated and shipped.
        seed: of everything random.
        validate_every: steps between two validations, each of which also writes a checkpoint.
        patience: validations in a row without a better score after which the run ends (early stopping); None: never.
        rendered: scenes that are rendered for their words and numbers; none where the machine has no fonts.
    """

    name: ClassVar[str]

    steps: int
    batch: int
    learning_rate: float
    warmup: int
    weight_decay: float
    average: float
    seed: int = 1
    validate_every: int
    patience: int | None = None
    rendered: int = 0

    @property
    def arguments(self) -> str:
        """The rest of the command line, beside steps and seed."""
        return ""


REPLAY_FRACTION = 0.5
"""Fraction of a batch that shows replayed data, where some is given."""

VALIDATIONS = 8
"""Validations of a fine-tuning that does not end early."""

SHORT, LONG, DISTILLED = "short", "long", "distilled"
"""Names of the presets of fine-tuning."""


@dataclass(frozen=True, kw_only=True)
class FineTuningRecipe(TrainingRecipe):
    """The settings with which a network of a model goes on learning.

    Attributes:
        preset: the name of the preset that the settings come from.
        init: sha256 of the weights that it starts from: a run is resumed only from those.
        teacher: sha256 of the teacher; empty without one.
        replay_fraction: fraction of a batch that shows replayed data; 0 if none is given.
    """

    preset: str
    init: str = ""
    teacher: str = ""
    replay_fraction: float = 0.0

    @property
    def arguments(self) -> str:
        """The rest of the command line, beside steps and seed."""
        return {SHORT: "", LONG: " --preset long", DISTILLED: " --teacher TEACHER"}[self.preset]


def given_arguments(recipe: Any, preset: Any, *names: str) -> str:
    """Return the command line's part for the settings of a recipe that differ from its preset.

    Args:
        recipe: with its settings.
        preset: an instance of the same dataclass.
        names: the settings that the command line can set, named there as here.

    Returns:
        Such as " --freeze 0"; "" if none differs.
    """
    settings = {name: getattr(recipe, name) for name in names}
    given = {name: value for name, value in settings.items() if value != getattr(preset, name)}
    return "".join(f" --{name} {value}" for name, value in given.items())
