"""Geometry of training views: scale, rotation, shear and stretch about a point, of pixels and of boxes alike."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.detections import FloatArray
from training.appearance import Image


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


def warp(
    image: Image,
    matrix: NDArray[np.float64],
    centre: NDArray[np.floating],
    goal: NDArray[np.floating],
    size: int,
    surroundings: Image | None,
) -> Image:
    """The (size, size) view in which `centre` of the image comes to lie at `goal`.

    Boxes and both points are in the frame of pixel edges; cv2's matrices map pixel centres, half a pixel away.

    Args:
        image: (H, W, 3) uint8 RGB.
        matrix: (2, 2), from the image's pixels to the view's.
        centre: (x, y) in the image.
        goal: (x, y) in the view.
        size: side of the view, px.
        surroundings: (size, size, 3), shown where the image ends; its edge is continued if None.
    """
    scale = float(np.sqrt(np.linalg.det(matrix)))
    reach = 1.5 * size / scale + 2
    left, top = (int(max(0, np.floor(c - reach))) for c in centre)
    right, bottom = (int(np.ceil(c + reach)) for c in centre)
    region = image[top:bottom, left:right]
    moved = np.asarray(centre, np.float64) - (left, top)
    if scale < 0.75:  # average first: sampling alone would alias
        shrunk = (max(1, round(region.shape[1] * scale)), max(1, round(region.shape[0] * scale)))
        factor = np.array([shrunk[0] / region.shape[1], shrunk[1] / region.shape[0]])
        region = np.asarray(cv2.resize(region, shrunk, interpolation=cv2.INTER_AREA), np.uint8)
        matrix, moved = matrix / factor, moved * factor
    shift = np.asarray(goal, np.float64) - matrix @ moved + (matrix @ (0.5, 0.5) - 0.5)
    affine = np.concatenate([matrix, shift[:, None]], axis=1)
    if surroundings is None:
        warped = cv2.warpAffine(region, affine, (size, size), borderMode=cv2.BORDER_REPLICATE)
    else:
        warped = cv2.warpAffine(
            region, affine, (size, size), dst=surroundings.copy(), borderMode=cv2.BORDER_TRANSPARENT
        )
    return np.asarray(warped, np.uint8)


def warp_boxes(
    boxes: FloatArray, matrix: NDArray[np.float64], centre: NDArray[np.floating], goal: NDArray[np.floating]
) -> FloatArray:
    """(N, 4) xyxy boxes as they lie in the view; a turned one is that of the ellipse that filled the old one."""
    centres = ((boxes[:, :2] + boxes[:, 2:]) / 2 - centre) @ matrix.T + goal
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    half = np.sqrt(half**2 @ (matrix**2).T)
    return np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)
