"""Encoded bytes or a file -> RGB pixels, whoever sent them.

Input is hostile until proven otherwise, so three things happen in this order. The header is read, and an
image with too many pixels is refused before anything is allocated. The data is checked for being whole,
because OpenCV fills what is missing from damaged JPEG, TIFF and animated PNG files with grey or noise and
says nothing. Only then is it decoded.

Pillow's readers are called by name, not through `PIL.Image.open`: no other format can come in that way, and
its own pixel limit, a warning that an application may turn into an error, stays out of it.
"""

import io
import os
import stat
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ExifTags import Base
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import PngImageFile

from detector.images.exif import Exif, read_exif
from detector.images.formats import format_of
from detector.images.heif import avif_size, decode_avif, decode_heic, heic_size, image_extents
from detector.images.jpeg import jpeg_frame, undamaged_pixels, whole_jpeg
from detector.images.jpeg_xl import decode_jpeg_xl, jpeg_xl_size
from detector.images.pillow_checks import check_whole_tiff, has_16_bits, tiff_page, whole_png
from detector.results.errors import (
    ImageEmptyError,
    ImageTooLargeError,
    ImageUndecodableError,
    ImageUnreadableError,
)
from detector.results.interface import MAX_PIXELS, OPENCV_PIXEL_LIMIT

# A second line of defence, for files whose header Pillow and OpenCV read differently; OpenCV looks at it
# once, when it is imported.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # what goes wrong arrives as an exception
os.environ.setdefault(OPENCV_PIXEL_LIMIT, str(MAX_PIXELS))
import cv2

# Oddities of metadata, told with a line of Pillow's source; no pixel depends on them.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

IMAGE_SUFFIXES = frozenset(
    {
        *(".bmp", ".dib", ".gif", ".png", ".apng", ".tif", ".tiff", ".webp"),
        *(".jpe", ".jpeg", ".jpg", ".jfif", ".jif", ".mpo", ".jps", ".pjpeg", ".pjp"),
        *(".heic", ".heics", ".heif", ".heifs", ".hif", ".avif", ".avifs", ".jxl"),
    }
)
"""Files with these endings, in upper or lower case, are taken for images."""

MAX_FILE_BYTES = 512 * 1024 * 1024
"""Larger files are refused unread; 100 megapixels of four 8-bit channels are 400 MB."""

_Result = TypeVar("_Result")
_Size = tuple[int, int]
_Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class _Reader:
    """How one format is read.

    Attributes:
        size: reads width and height from the header.
        decode: makes pixels, (H, W, 3) or (H, W), of data that is whole; told how many there may be.
    """

    size: Callable[[bytes], _Size]
    decode: Callable[[bytes, int], NDArray[Any]]


def decode_image(data: bytes, max_pixels: int = MAX_PIXELS) -> _Pixels:
    """Decode a JPEG, PNG, WebP, BMP, TIFF, GIF, HEIC, AVIF or JPEG XL image; of several in one file the first.

    Orientation is applied (EXIF's, or the container's own), alpha is dropped, grey, CMYK and 16-bit images become
    8-bit RGB. Fewer bits in 16 (10, 12 or 14, as cameras write them) are stretched to the whole range.

    Args:
        data: the encoded image.
        max_pixels: width times height may not be more than this.

    Returns:
        (H, W, 3) uint8, RGB, the image as it is displayed.

    Raises:
        ImageEmptyError: if there are no bytes.
        ImageUndecodableError: if the bytes are no image in one of these formats, truncated or damaged.
        ImageTooLargeError: if the header announces more than `max_pixels`; nothing has been decoded then.
    """
    size = image_size(data, max_pixels)
    name = format_of(data)
    pixels = _named(name, lambda: _READERS[name].decode(data, max_pixels))
    if sorted(pixels.shape[:2]) != sorted(size):
        raise ImageUndecodableError(f"the {name} image's header contradicts its data")
    return in_8_bits(pixels)


def image_size(data: bytes, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height in the header of an encoded image, before EXIF orientation; nothing is decoded.

    Raises:
        ImageEmptyError, ImageUndecodableError, ImageTooLargeError: as `decode_image` does for a bad header.
    """
    if not data:
        raise ImageEmptyError("the image has no bytes")
    name = format_of(data)
    for extent in image_extents(data) if name in ("HEIC", "AVIF") else ():
        _checked_size(extent, max_pixels)  # what is decoded before it is cropped
    return _checked_size(_named(name, lambda: _READERS[name].size(data)), max_pixels)


def read_image_file(path: Path) -> bytes:
    """Return the bytes of an image file, still encoded.

    The messages of its errors leave the file's name to the caller, who has one name for it everywhere.

    Raises:
        ImageUnreadableError: if there is no such regular file, or it may not be read.
        ImageTooLargeError: if it has more than `MAX_FILE_BYTES`.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ImageUnreadableError("not a regular file")
        if status.st_size > MAX_FILE_BYTES:
            raise ImageTooLargeError(
                f"the file has {status.st_size:,} bytes; at most {MAX_FILE_BYTES:,} are read"
            )
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ImageUnreadableError(f"the file cannot be read: {reason}") from error


def _named(name: str, read: Callable[[], _Result]) -> _Result:
    """Return the result of `read`; whatever it raises names the format."""
    try:
        return read()
    except (ImageTooLargeError, ImageUndecodableError):
        raise
    except cv2.error as error:  # its text is a line of OpenCV's source
        raise ImageUndecodableError(f"the {name} image cannot be decoded: it is damaged") from error
    except Exception as error:  # readers of headers raise whatever the hostile bytes led them to
        raise ImageUndecodableError(f"the {name} image is truncated or damaged: {error}") from error


def _checked_size(size: _Size, max_pixels: int, what: str = "the image") -> _Size:
    width, height = size
    if width * height > max_pixels:
        raise ImageTooLargeError(
            f"{what} has {width} x {height} = {width * height:,} pixels; at most {max_pixels:,} are accepted"
        )
    return size


def in_8_bits(pixels: NDArray[Any]) -> _Pixels:
    """(H, W, 3) uint8 of 8 or 16 bits, in colour or grey.

    16-bit samples are taken to have as many bits as a sensor would need for the brightest of them.
    """
    if pixels.dtype == np.uint16:
        brightest = int(pixels.max(initial=0))
        bits = next(bits for bits in (8, 10, 12, 14, 16) if brightest < 1 << bits)
        pixels = (pixels >> (bits - 8)).astype(np.uint8)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    return np.ascontiguousarray(pixels, np.uint8)


def _by_opencv(data: bytes, name: str, wide: bool = False) -> NDArray[Any]:
    """Pixels as they are displayed; with `wide` 16 bits stay 16 (OpenCV 5 mixes these up if asked for RGB)."""
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH if wide else cv2.IMREAD_COLOR_RGB
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None:
        raise ImageUndecodableError(f"the {name} image cannot be decoded: it is truncated or damaged")
    return np.asarray(pixels)[:, :, ::-1] if wide else np.asarray(pixels)


def _size_by(reader: Callable[[io.BytesIO], ImageFile]) -> Callable[[bytes], _Size]:
    def read_size(data: bytes) -> _Size:
        with reader(io.BytesIO(data)) as image:
            return image.size

    return read_size


def _webp_size(data: bytes) -> _Size:
    """Read the RIFF container itself: Pillow allocates the canvas when it opens a WebP image.

    See RFC 9649, sections 2.5 to 2.7, for the three kinds of first chunk.
    """
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    raise ImageUndecodableError("the WebP image is damaged: its first chunk is none of VP8, VP8L, VP8X")


def _decode_jpeg(data: bytes, max_pixels: int) -> NDArray[Any]:
    pixels = undamaged_pixels(data)
    return _by_opencv(whole_jpeg(data), "JPEG") if pixels is None else _displayed(pixels, read_exif(data))


def _displayed(pixels: _Pixels, exif: Exif) -> _Pixels:
    """Return an image as its orientation has it, see the Exif standard, 4.6.5.1.7."""
    turn = _TURNS.get(exif.main.get(Base.Orientation))
    return pixels if turn is None else np.asarray(turn(pixels), np.uint8)


_TURNS: dict[Any, Callable[[_Pixels], Any]] = {
    (2.0,): lambda pixels: cv2.flip(pixels, 1),
    (3.0,): lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    (4.0,): lambda pixels: cv2.flip(pixels, 0),
    (5.0,): cv2.transpose,
    (6.0,): lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    (7.0,): lambda pixels: cv2.flip(cv2.transpose(pixels), -1),
    (8.0,): lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}
"""How to turn an image upright, by the value of its orientation."""


def _decode_png(data: bytes, max_pixels: int) -> NDArray[Any]:
    return _by_opencv(whole_png(data), "PNG", wide=has_16_bits(data))


def _decode_tiff(data: bytes, max_pixels: int) -> NDArray[Any]:
    page = tiff_page(data)
    _checked_size(page.tile, max_pixels, "a tile of the image")
    check_whole_tiff(data)
    return _by_opencv(data, "TIFF", wide=page.bits > 8)


def _decode_jpeg_xl(data: bytes, max_pixels: int) -> NDArray[Any]:
    decoded = decode_jpeg_xl(data)
    return decode_image(decoded, max_pixels) if isinstance(decoded, bytes) else decoded


_READERS: dict[str, _Reader] = {
    "JPEG": _Reader(lambda data: jpeg_frame(data).size, _decode_jpeg),
    "PNG": _Reader(_size_by(PngImageFile), _decode_png),
    "WebP": _Reader(_webp_size, lambda data, _: _by_opencv(data, "WebP")),
    "BMP": _Reader(_size_by(BmpImageFile), lambda data, _: _by_opencv(data, "BMP")),
    "TIFF": _Reader(lambda data: tiff_page(data).size, _decode_tiff),
    "GIF": _Reader(_size_by(GifImageFile), lambda data, _: _by_opencv(data, "GIF")),
    "HEIC": _Reader(heic_size, lambda data, _: decode_heic(data)),
    "AVIF": _Reader(avif_size, lambda data, _: decode_avif(data)),
    "JPEG XL": _Reader(jpeg_xl_size, _decode_jpeg_xl),
}
"""For each name of `detector.images.formats.FORMATS`. WebP, BMP and GIF are refused by OpenCV if they are not whole."""
