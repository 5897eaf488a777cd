"""The layers that the classifier recipes are made of, as plain data that needs no network library.

`models` turns them into Keras layers, `summary` counts their parameters by hand.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Conv:
    """A 3x3 convolution, stride 1, with bias and relu."""

    filters: int
    padding: Literal["valid", "same"] = "valid"


@dataclass(frozen=True)
class Pool:
    """2x2 max pooling, stride 2; an odd last row or column falls away."""


@dataclass(frozen=True)
class BatchNorm:
    """Batch normalisation over the last axis: scale and offset trained, mean and variance followed."""


@dataclass(frozen=True)
class Flatten:
    """Rows, columns and channels become one axis."""


@dataclass(frozen=True)
class Dropout:
    """While training, sets each value to zero with probability `rate` (0..1) and scales up the others."""

    rate: float


@dataclass(frozen=True)
class Dense:
    """A fully connected layer with bias."""

    units: int
    activation: Literal["relu", "selu", "softmax", "sigmoid"] = "relu"


Layer = Conv | Pool | BatchNorm | Flatten | Dropout | Dense
Shape = tuple[int, ...]
"""(height, width, channels) of an image or feature map, (units,) once flattened."""
