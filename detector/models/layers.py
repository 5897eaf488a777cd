"""The networks' layers, as data: what TensorFlow trains and what OpenVINO runs are built from the same list.

All convolutions of the networks that slide are 'valid', so an output depends on nothing but its window: the score map
of a large image holds exactly what the network says of each window on its own (Sermanet et al., OverFeat, 2014; Long
et al., Fully Convolutional Networks, 2015).
"""

from dataclasses import dataclass

RECEPTIVE_FIELD = 32
"""Side of the network's window, px."""

STRIDE = 4
"""Distance between neighbouring windows, px."""

CHANNELS = 15

EDGE_UNIT = 8.0
"""Pixels at which an edge channel is 0."""

MAX_LOG_EDGE = 2.5
"""exp(2.5) * 8 px = 97 px, three windows: no digit that the window can see is larger."""

REFINER_WINDOW = 56
"""Side of the network's window, px."""


@dataclass(frozen=True)
class Convolution:
    """A convolution without bias, normalised over the batch, and what of it is positive.

    Attributes:
        filters: channels of its output.
        size: side of its kernel, px.
        strides: px.
        residual: whether its input is added to its output (He et al. 2016); the input is then padded by zeros, so
            that both are of one size.
    """

    filters: int
    size: int
    strides: int = 1
    residual: bool = False


@dataclass(frozen=True)
class Architecture:
    """A network: RGB 0..255, scaled to -1..1, through convolutions to its heads, a convolution 1x1 with bias.

    Attributes:
        name: the network's.
        convolutions: in their order.
        outputs: channels of the heads.
        side: of the images that it takes, px; None for any.
    """

    name: str
    convolutions: tuple[Convolution, ...]
    outputs: int
    side: int | None = None


FCN = Architecture(
    "svhn_fcn",
    (
        Convolution(24, 4, strides=2),  # field 4, stride 2
        Convolution(32, 3),  # field 8
        Convolution(40, 3),  # field 12
        Convolution(96, 3, strides=2),  # field 16, stride 4
        Convolution(96, 1, residual=True),
        Convolution(96, 3),  # field 24
        Convolution(96, 1, residual=True),
        Convolution(96, 3),  # field 32: from here on 1x1 only
        Convolution(192, 1),
    ),
    CHANNELS,
)
"""(B, H, W, 3) uint8 -> (B, (H - 32) // 4 + 1, (W - 32) // 4 + 1, 15), channels as `score_map` says."""

REFINER = Architecture(
    "refiner",
    (
        Convolution(24, 4, strides=2),  # 27 x 27
        Convolution(40, 3),  # 25 x 25
        Convolution(64, 3, strides=2),  # 12 x 12
        Convolution(64, 3, residual=True),
        Convolution(96, 3),  # 10 x 10
        Convolution(144, 3, strides=2),  # 4 x 4
        Convolution(144, 3, residual=True),
        Convolution(112, 4),  # 1 x 1
    ),
    CHANNELS,
    side=REFINER_WINDOW,
)
"""(B, 56, 56, 3) uint8 -> (B, 1, 1, 15), the FCN's channels."""

GATE = Architecture(
    "gate",
    (
        Convolution(16, 4, strides=2),  # field 4, stride 2
        Convolution(24, 3, strides=2),  # field 8, stride 4
        Convolution(40, 3),  # field 16
        Convolution(40, 3),  # field 24: from here on 1x1 only
        Convolution(40, 1),
    ),
    1,
)
"""(B, H, W, 3) uint8 -> (B, (H - 24) // 4 + 1, (W - 24) // 4 + 1, 1), see `detector.pipeline.gate`."""
