"""The settings of fine-tuning: a model's networks go on learning, from other pictures."""

from dataclasses import dataclass, field
from typing import ClassVar

from training.looks import LookConfig
from training.patches import PatchConfig

OLD_PART = 0.5
"""Part of a batch that shows old data where some is given."""


@dataclass(frozen=True)
class FcnFineTuning:
    """How the FCN of a model is fine-tuned; `name` is the command.

    Attributes:
        init: sha256 of the weights that it starts from: a run goes on only from those.
        steps: batches in all, if validation does not end the run before.
        batch: patches in a batch.
        learning_rate: its peak; it rises over `warmup` steps and falls along a cosine to a hundredth.
        warmup: steps; at most half of all.
        weight_decay: of AdamW (Loshchilov and Hutter 2019).
        average: decay of the running average of the weights, which is what is validated and shipped.
        seed: of everything random.
        validate_every: steps between two validations, each of which also writes a checkpoint.
        patience: validations in a row without a better score after which the run ends.
        frozen: convolutions, counted from the image, that stay as they are, with their normalisations.
        old_part: part of a batch that shows old data; 0 if none is given.
        patches: how patches of the new pictures are cut.
        old_patches: how those of the old data are.
    """

    name: ClassVar[str] = "svhn-fcn"

    init: str
    steps: int = 400
    batch: int = 32
    learning_rate: float = 1e-3
    warmup: int = 50
    weight_decay: float = 0.02
    average: float = 0.99
    seed: int = 1
    validate_every: int = 50
    patience: int = 4
    frozen: int = 4
    old_part: float = 0.0
    patches: PatchConfig = field(default_factory=lambda: PatchConfig(anywhere_part=0.2))
    old_patches: PatchConfig = field(default_factory=PatchConfig)


@dataclass(frozen=True)
class SecondLookFineTuning:
    """How the second look of a model is fine-tuned; `name` is the command.

    Attributes:
        init: sha256 of the weights that it starts from: a run goes on only from those.
        fcn: sha256 of the model whose FCN proposes.
        steps: batches in all, if validation does not end the run before.
        batch: windows in a batch.
        learning_rate: its peak; it rises over `warmup` steps and falls along a cosine to a hundredth.
        warmup: steps; at most half of all.
        weight_decay: of AdamW (Loshchilov and Hutter 2019).
        average: decay of the running average of the weights, which is what is validated and shipped.
        seed: of everything random.
        validate_every: steps between two validations, each of which also writes a checkpoint.
        patience: validations in a row without a better score after which the run ends.
        old_part: part of a batch that shows old data; 0 if none is given.
        old_images: so many of the old images, and of the photographs beside them, are looked through for proposals.
        rendered: scenes that are rendered beside the new pictures: none, since they would be of yet another look.
        looks: which windows are shown.
    """

    name: ClassVar[str] = "second-look"

    init: str
    fcn: str
    steps: int = 400
    batch: int = 64
    learning_rate: float = 1e-3
    warmup: int = 50
    weight_decay: float = 0.05
    average: float = 0.99
    seed: int = 1
    validate_every: int = 50
    patience: int = 4
    old_part: float = 0.0
    old_images: int = 300
    rendered: int = 0
    looks: LookConfig = field(default_factory=LookConfig)
