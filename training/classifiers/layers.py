"""The parts that classifier recipes are made of, as plain data that needs no network library: layers and augmentation.

`keras_model` turns layers into Keras layers; `summary` counts their parameters by hand.
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray


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
    """Batch normalisation over the last axis: scale and offset trained, mean and variance averaged."""


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


@dataclass(frozen=True)
class Augmentation:
    """Random augmentation of an image, as Keras's ImageDataGenerator made them in the notes: one affine warp, one flip.

    The warp is OpenCV's. Ranges are drawn uniformly and independently for each image; the edge is repeated where the
    warp uncovers nothing.

    Attributes:
        rotation_degrees: up to so many either way.
        shift: up to this part of the width and of the height, either way.
        shear_degrees: up to so many either way (ImageDataGenerator's unit).
        zoom: each axis is scaled by 1 - zoom .. 1 + zoom.
        flip: half of the images are mirrored left to right.
    """

    rotation_degrees: float
    shift: float
    shear_degrees: float
    zoom: float
    flip: bool

    def apply(self, images: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a random variant of each of (B, H, W, C) uint8 images; same shape, a new array."""
        return np.stack([self._varied(image, rng) for image in images]).reshape(images.shape)

    def _varied(self, image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        height, width = image.shape[:2]
        angle, shear = np.radians(rng.uniform(-1, 1, 2) * (self.rotation_degrees, self.shear_degrees))
        shift = rng.uniform(-self.shift, self.shift, 2) * (width, height)
        zoom = rng.uniform(1 - self.zoom, 1 + self.zoom, 2)
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        linear = rotation @ np.array([[1, -np.sin(shear)], [0, np.cos(shear)]]) @ np.diag(zoom)
        if self.flip and rng.random() < 0.5:
            linear = linear @ np.diag([-1.0, 1.0])
        centre = np.array(
            [(width - 1) / 2, (height - 1) / 2]
        )  # of pixel centres, the frame that OpenCV warps in
        matrix = np.column_stack([linear, centre + shift - linear @ centre])
        warped = cv2.warpAffine(
            image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(warped, np.uint8)
