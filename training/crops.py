"""Crops of digits, cut as the official 32x32 files of SVHN are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from detector.detections import FloatArray, IntArray
from detector.images import decode_image, read_image_file
from training.scenes import Scene

SIDE = 32


def cut_crop(pixels: NDArray[np.uint8], box: FloatArray) -> NDArray[np.uint8]:
    """The box extended to a square, clipped to the image, bicubic to 32 x 32.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        box: (4,) xyxy px, at least in part in the image; its edges are rounded.

    Returns:
        (32, 32, 3) uint8 RGB; SVHN's own pixels to 0.2 of 255 on average.
    """
    left, top, right, bottom = (round(edge) for edge in box.tolist())
    width, height = max(right - left, 1), max(bottom - top, 1)
    side = max(width, height)
    rows = _within(top - (side - height) // 2, side, pixels.shape[0])
    columns = _within(left - (side - width) // 2, side, pixels.shape[1])
    square = pixels[rows, columns]
    return np.asarray(Image.fromarray(square).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _within(start: int, length: int, size: int) -> slice:
    """The part of `length` pixels from `start` on that is in an image of `size`, one pixel at least."""
    first = min(max(start, 0), size - 1)
    return slice(first, max(start + length, first + 1))


def cut_crops(scenes: Sequence[Scene], progress: bool = True) -> tuple[NDArray[np.uint8], IntArray]:
    """The crops of all digits in the scenes, in order.

    Returns:
        (N, 32, 32, 3) uint8 RGB and (N,) int32 digits.
    """
    crops = [np.empty((0, SIDE, SIDE, 3), np.uint8)]
    for scene in tqdm(scenes, "crops", unit="image", disable=not progress):
        if len(scene.labels):
            pixels = decode_image(read_image_file(scene.path))
            crops.append(np.stack([cut_crop(pixels, box) for box in scene.boxes]))
    labels = [np.empty(0, np.int32), *(scene.labels for scene in scenes)]
    return np.concatenate(crops), np.concatenate(labels)
