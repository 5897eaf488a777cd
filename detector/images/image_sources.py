"""Images in whatever form a caller has them, brought to pixels."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.images.decode import decode_image, image_size, read_image_file
from detector.results.errors import DetectorError
from detector.results.interface import EncodedImage

ImageSource = EncodedImage | str | Path | NDArray[np.uint8]
"""The path of a file, encoded bytes (or what gives them when it is called), or pixels, (H, W, 3) uint8 RGB."""


def load_pixels(
    source: ImageSource, max_pixels: int, reserve: Callable[[int], None]
) -> NDArray[np.uint8] | DetectorError:
    """Return the source's pixels, (H, W, 3) uint8 RGB, or what is wrong with it.

    Args:
        source: the image; pixels are handed through as they are.
        max_pixels: images with more are refused undecoded.
        reserve: called with the bytes that the pixels need before they are allocated.
    """
    if isinstance(source, np.ndarray):
        return source
    try:
        data = _encoded(source)
        width, height = image_size(data, max_pixels)
        reserve(3 * width * height)
        return decode_image(data, max_pixels)
    except DetectorError as error:
        return error


def _encoded(source: EncodedImage | str | Path) -> bytes:
    if isinstance(source, str | Path):
        return read_image_file(Path(source))
    return source if isinstance(source, bytes) else source()
