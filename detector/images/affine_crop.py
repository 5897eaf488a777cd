"""A view of a part of an image: the pixels around a point, scaled, turned and brought to a given place."""

import cv2
import numpy as np
from numpy.typing import NDArray


def affine_crop(
    image: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    centre: NDArray[np.floating],
    goal: NDArray[np.floating],
    size: int,
    surroundings: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Return the (size, size) view in which `centre` of the image comes to lie at `goal`.

    Boxes and both points are in the frame of pixel edges; cv2's matrices map pixel centres, half a pixel away.

    Args:
        image: (H, W, 3) uint8 RGB.
        matrix: (2, 2), from the image's pixels to the view's.
        centre: (x, y), within the image.
        goal: (x, y) in the view.
        size: side of the view, px.
        surroundings: (size, size, 3), shown where the image ends; its edge is continued if None.
    """
    scale = float(np.sqrt(np.linalg.det(matrix)))
    corners = np.array([(0, 0), (size, 0), (0, size), (size, size)])
    seen = (corners - goal) @ np.linalg.inv(matrix).T + centre
    left, top = np.floor(seen.min(axis=0) - 2).clip(0).astype(int)
    right, bottom = np.ceil(seen.max(axis=0) + 2).astype(int)
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
