"""Affine crops: the pixels around a point of an image, scaled, turned and brought to a given place."""

import cv2
import numpy as np
from numpy.typing import NDArray

_AVERAGED_SCALE = 0.75
"""Pixels are averaged first for a smaller scale: sampling alone would alias."""


def affine_crop(
    image: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    centre: NDArray[np.floating],
    goal: NDArray[np.floating],
    size: int,
    surroundings: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Return one crop, (size, size, 3); see `affine_crops`, but `matrix` is (2, 2) and `centre` (2,)."""
    crops = affine_crops(image, matrix[None], np.asarray(centre)[None], goal, size, surroundings)
    return np.asarray(crops[0], np.uint8)


def affine_crops(
    image: NDArray[np.uint8],
    matrices: NDArray[np.float64],
    centres: NDArray[np.floating],
    goal: NDArray[np.floating],
    size: int,
    surroundings: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Return the crops in which each of `centres` of the image comes to lie at `goal`.

    Boxes and points are in the frame of pixel edges; cv2's matrices map pixel centres, half a pixel away.

    Args:
        image: (H, W, 3) uint8 RGB.
        matrices: (N, 2, 2), from the image's pixels to a crop's.
        centres: (N, 2), (x, y) within the image.
        goal: (x, y) in the crop.
        size: side of a crop, px.
        surroundings: (size, size, 3), shown where the image ends; its edge is continued if None.

    Returns:
        (N, size, size, 3) uint8 RGB.
    """
    scales = np.sqrt(np.linalg.det(matrices))
    corners = np.array([(0, 0), (size, 0), (0, size), (size, size)])
    centres = np.asarray(centres, np.float64)
    seen = (corners - goal) @ np.linalg.inv(matrices).transpose(0, 2, 1) + centres[:, None]
    starts = np.floor(seen.min(axis=1) - 2).clip(0).astype(int)
    ends = np.minimum(np.ceil(seen.max(axis=1) + 2).astype(int), image.shape[1::-1])
    averaged = scales < _AVERAGED_SCALE
    shrunk = np.where(averaged, scales, 1)[:, None] * (ends - starts)
    shrunk = np.maximum(np.rint(shrunk), 1).astype(int)
    factors = shrunk / (ends - starts)
    affines = _affines(matrices / factors[:, None], (centres - starts) * factors, goal)
    crops = np.empty((len(matrices), size, size, 3), np.uint8)
    for index, crop in enumerate(crops):
        (left, top), (right, bottom) = starts[index].tolist(), ends[index].tolist()
        region = image[top:bottom, left:right]
        if averaged[index]:
            region = np.asarray(
                cv2.resize(region, shrunk[index].tolist(), interpolation=cv2.INTER_AREA), np.uint8
            )
        border = cv2.BORDER_REPLICATE
        if surroundings is not None:
            crop[:], border = surroundings, cv2.BORDER_TRANSPARENT
        cv2.warpAffine(region, affines[index], (size, size), dst=crop, borderMode=border)
    return crops


def _affines(
    matrices: NDArray[np.float64], centres: NDArray[np.float64], goal: NDArray[np.floating]
) -> NDArray[np.float64]:
    """(N, 2, 3) what cv2 takes: (N, 2, 2) matrices, and shifts that bring (N, 2) points in them to `goal`."""
    moved = (matrices @ centres[:, :, None])[:, :, 0]
    shifts = np.asarray(goal, np.float64) - moved + (matrices @ (0.5, 0.5) - 0.5)
    return np.concatenate([matrices, shifts[:, :, None]], axis=2)
