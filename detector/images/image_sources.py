"""Images in whatever form a caller has them, brought to encoded bytes or pixels."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from detector.images.decode import MAX_FILE_BYTES, decode_image, image_size, in_8_bits, read_image_file
from detector.images.draw import encode_image
from detector.results.errors import (
    DetectorError,
    ImageTooLargeError,
    ImageTypeError,
    ImageUndecodableError,
    ImageUnreadableError,
    InvalidOptionError,
)
from detector.results.interface import EncodedImage

Pixels = NDArray[np.uint8]

ImageSource = EncodedImage | Callable[[], bytes | Pixels] | str | Path | Pixels
"""A file's path, encoded bytes (or what gives them, or pixels, when it is called), or (H, W, 3) uint8 RGB pixels."""

AnyImage: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | Image.Image | Pixels
"""An image as Python programs have them, see `GivenImage`."""

Channels = Literal["rgb", "bgr"]
"""The order of an array's colours; OpenCV's is BGR."""

ACCEPTED = (
    "a path (str or Path), bytes, a binary file object, a PIL image, or a NumPy array of uint8: "
    "(H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA, or BGR with channels='bgr'"
)


class GivenImage:
    """An image as a caller gave it; nothing is read before it is asked for.

    A path is read anew each time; a file object is read once, from where it stands, and kept.

    Args:
        image: a path, encoded bytes, a binary file object, a PIL image (shown by its EXIF orientation), or a uint8
            array: (H, W) or (H, W, 1) grey, (H, W, 3), or (H, W, 4) with an alpha channel, which is dropped.
        channels: the order of colours in an array.
        max_pixels: PIL images and arrays with more are refused.

    Raises:
        InvalidOptionError: if `channels` is neither "rgb" nor "bgr".
    """

    def __init__(self, image: AnyImage, channels: Channels, max_pixels: int) -> None:
        if channels not in ("rgb", "bgr"):
            raise InvalidOptionError("channels", f"must be 'rgb' or 'bgr', got {channels!r}")
        self._image = image
        self._channels = channels
        self._max_pixels = max_pixels

    def load(self) -> bytes | Pixels:
        """Return the image encoded if it is so, or its pixels, (H, W, 3) uint8 RGB.

        Raises:
            InvalidRequestError: the image cannot be read, is too large, or is none at all (ImageTypeError).
        """
        image = self._image
        if isinstance(image, bytes):
            return image
        if isinstance(image, str | os.PathLike):
            return _read_path(image)
        if isinstance(image, np.ndarray):
            self._check_size(image.shape[1::-1])
            return rgb_pixels(image, self._channels)
        if isinstance(image, Image.Image):
            self._check_size(image.size)
            return _pixels_of_pil(image)
        if not hasattr(image, "read"):
            raise ImageTypeError(f"{type(image).__name__} is no image that is taken: give {ACCEPTED}")
        self._image = _read_file_object(image)
        return self._image

    def encode(self) -> bytes:
        """Return the image encoded, pixels as PNG; raise what `load` does."""
        loaded = self.load()
        return loaded if isinstance(loaded, bytes) else encode_image(loaded, ".png")

    def pixels(self) -> Pixels:
        """Return (H, W, 3) uint8 RGB pixels of the image as it is displayed; raise what `load` and decoding do."""
        loaded = self.load()
        return decode_image(loaded, self._max_pixels) if isinstance(loaded, bytes) else loaded

    def _check_size(self, size: tuple[int, ...]) -> None:
        if len(size) == 2 and size[0] * size[1] > self._max_pixels:
            raise ImageTooLargeError(
                f"the image has {size[0]} x {size[1]} pixels; at most {self._max_pixels:,} are accepted"
            )


def rgb_pixels(array: NDArray[Any], channels: Channels) -> Pixels:
    """Return an array's pixels, (H, W, 3) uint8 RGB; the array itself if it is so.

    Args:
        array: uint8, (H, W) or (H, W, 1) grey, (H, W, 3), or (H, W, 4) with an alpha channel, which is dropped.
        channels: the order of its colours.

    Raises:
        ImageTypeError: if it is no such array.
    """
    is_image = array.ndim in (2, 3) and array.shape[2:] in ((), (1,), (3,), (4,)) and array.size
    if array.dtype != np.uint8 or not is_image:
        raise ImageTypeError(
            f"an array of {array.dtype} {array.shape} is no image that is taken: give {ACCEPTED}"
        )
    if array.ndim == 2 or array.shape[2] == 1:
        return np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)
    colours = array[:, :, :3]
    return np.ascontiguousarray(colours[:, :, ::-1] if channels == "bgr" else colours)


def load_pixels(
    source: ImageSource, max_pixels: int, reserve: Callable[[int], None]
) -> Pixels | DetectorError:
    """Return the source's pixels, (H, W, 3) uint8 RGB, or what is wrong with it.

    Args:
        source: the image; pixels are handed through as they are.
        max_pixels: images with more are refused undecoded.
        reserve: called with the bytes that the pixels need before they are allocated.
    """
    if isinstance(source, np.ndarray):
        return source
    try:
        if isinstance(source, str | Path):
            data: bytes | Pixels = read_image_file(Path(source))
        elif isinstance(source, bytes):
            data = source
        elif callable(source):
            data = source()
        else:
            raise ImageTypeError(f"{type(source).__name__} is no image: give a path, bytes or pixels")
        if isinstance(data, np.ndarray):
            reserve(data.nbytes)
            return data
        width, height = image_size(data, max_pixels)
        reserve(3 * width * height)
        return decode_image(data, max_pixels)
    except DetectorError as error:
        return error


def _read_path(path: str | os.PathLike[str]) -> bytes:
    try:
        return read_image_file(Path(path))
    except ImageUnreadableError as error:
        raise ImageUnreadableError(f"{os.fspath(path)}: {error}") from error


def _read_file_object(file: Any) -> bytes:
    """Return what is left in a binary file object.

    Raises:
        ImageTypeError: if it gives text.
        ImageUnreadableError, ImageTooLargeError: if it cannot be read, or gives more than `MAX_FILE_BYTES`.
    """
    data = None
    if not isinstance(file, io.TextIOBase):
        try:
            data = file.read(MAX_FILE_BYTES + 1)
        except (OSError, ValueError) as error:  # ValueError: it is closed
            raise ImageUnreadableError(f"the file object cannot be read: {error}") from error
    if not isinstance(data, bytes):
        raise ImageTypeError(f"{type(file).__name__} gives no bytes: open the file in mode 'rb'")
    if len(data) > MAX_FILE_BYTES:
        raise ImageTooLargeError(
            f"the file object gives more than {MAX_FILE_BYTES:,} bytes, which are not read"
        )
    return data


def _pixels_of_pil(image: Image.Image) -> Pixels:
    try:
        shown = ImageOps.exif_transpose(image)
        if shown.mode.startswith("I;16"):
            return in_8_bits(np.asarray(shown, np.uint16))
        if shown.mode in ("I", "F"):
            raise ImageTypeError(
                f"a PIL image of mode {shown.mode} has no range of brightness: convert it to L or RGB"
            )
        return np.array(shown.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise ImageUndecodableError(f"the PIL image is truncated or damaged: {error}") from error
