"""How training views differ from what the camera saw, and where boxes lie in them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.detections import FloatArray


@dataclass(frozen=True)
class Distortion:
    """How much views differ from what the camera saw.

    Attributes:
        angle: standard deviation of the rotation, degrees.
        shear: standard deviation of the shear.
        stretch: standard deviation of the log of the horizontal stretch.
    """

    angle: float = 4.0
    shear: float = 0.06
    stretch: float = 0.08


def distortion(variation: Distortion, rng: np.random.Generator) -> NDArray[np.float64]:
    """A (2, 2) matrix near the identity: a little rotation, shear and stretch."""
    angle = np.radians(rng.normal(0, variation.angle))
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.exp(rng.normal(0, variation.stretch) / 2)
    return np.asarray(
        rotation @ np.array([[stretch, rng.normal(0, variation.shear)], [0, 1 / stretch]]), np.float64
    )


def warp_boxes(
    boxes: FloatArray, matrix: NDArray[np.float64], centre: NDArray[np.floating], goal: NDArray[np.floating]
) -> FloatArray:
    """(N, 4) xyxy boxes as they lie in the view; a turned one is that of the ellipse that filled the old one."""
    centres = ((boxes[:, :2] + boxes[:, 2:]) / 2 - centre) @ matrix.T + goal
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    half = np.sqrt(half**2 @ (matrix**2).T)
    return np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)
