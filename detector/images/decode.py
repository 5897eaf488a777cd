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
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH, TiffImageFile

from detector.results.errors import (
    ImageEmptyError,
    ImageTooLargeError,
    ImageUndecodableError,
    ImageUnreadableError,
)
from detector.results.interface import MAX_PIXELS

# A second line of defence, for files whose header Pillow and OpenCV read differently; OpenCV looks at it
# once, when it is imported.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))
import cv2

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".dib", ".gif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
)
"""Files with these endings, in upper or lower case, are taken for images."""

MAX_FILE_BYTES = 512 * 1024 * 1024
"""Larger files are refused unread; 50 megapixels of four 16-bit channels are 400 MB."""

MAX_PROGRESSIVE_SCANS = 500
"""Cameras and browsers write about ten; each costs a pass over all pixels, however few bytes it has."""


_Result = TypeVar("_Result")
_Size = tuple[int, int]
_ReadSize = Callable[[bytes], _Size]
_CheckWhole = Callable[[bytes, int], None]


def decode_image(data: bytes, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Decode a JPEG, PNG, WebP, BMP, TIFF or GIF image; of an animation the first frame.

    EXIF orientation is applied, alpha is dropped, grey, CMYK and 16-bit images become 8-bit RGB.

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
    name, _, check_whole = _recognise(data)
    _named(name, lambda: check_whole(data, max_pixels))
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error as error:
        raise ImageUndecodableError(f"the {name} image cannot be decoded: it is damaged") from error
    if pixels is None:
        raise ImageUndecodableError(f"the {name} image cannot be decoded: it is truncated or damaged")
    if sorted(pixels.shape[:2]) != sorted(size):
        raise ImageUndecodableError(f"the {name} image's header contradicts its data")
    return np.asarray(pixels, np.uint8)


def image_size(data: bytes, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height in the header of an encoded image, before EXIF orientation; nothing is decoded.

    Raises:
        ImageEmptyError, ImageUndecodableError, ImageTooLargeError: as `decode_image` does for a bad header.
    """
    if not data:
        raise ImageEmptyError("the image has no bytes")
    name, read_size, _ = _recognise(data)
    return _refuse_large(_named(name, lambda: read_size(data)), max_pixels)


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


def _recognise(data: bytes) -> tuple[str, _ReadSize, _CheckWhole]:
    """Return the format's name and the functions that read its header and check that it is whole."""
    for name, signatures, read_size, check_whole in _FORMATS:
        if data.startswith(signatures):
            return name, read_size, check_whole
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP", _webp_size, _nothing_to_check
    if _is_video(data):
        raise ImageUndecodableError(
            "a video, not an image: take frames out of it first, for example with ffmpeg"
        )
    raise ImageUndecodableError("not an image in a format that is read: JPEG, PNG, WebP, BMP, TIFF, GIF")


def _is_video(data: bytes) -> bool:
    """MP4 and its kin (but not HEIF, which shares their container), Matroska, WebM, AVI, MPEG."""
    if data[4:8] == b"ftyp":
        return data[8:12] not in (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")
    is_avi = data[:4] == b"RIFF" and data[8:12] == b"AVI "
    return is_avi or data.startswith((b"\x1a\x45\xdf\xa3", b"\0\0\1\xba", b"\0\0\1\xb3"))


def _named(name: str, read: Callable[[], _Result]) -> _Result:
    """Return the result of `read`; whatever it raises names the format."""
    try:
        return read()
    except (ImageTooLargeError, ImageUndecodableError):
        raise
    except Exception as error:  # readers of headers raise whatever the hostile bytes led them to
        raise ImageUndecodableError(f"the {name} image is truncated or damaged: {error}") from error


def _refuse_large(size: _Size, max_pixels: int, what: str = "the image") -> _Size:
    width, height = size
    if width * height > max_pixels:
        raise ImageTooLargeError(
            f"{what} has {width} x {height} = {width * height:,} pixels; at most {max_pixels:,} are accepted"
        )
    return size


def _size_by(reader: Callable[[io.BytesIO], ImageFile]) -> _ReadSize:
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


def _check_jpeg(data: bytes, max_pixels: int) -> None:
    with JpegImageFile(io.BytesIO(data)) as image:
        progressive = "progressive" in image.info
    if progressive and data.count(b"\xff\xda") > MAX_PROGRESSIVE_SCANS:
        raise ImageUndecodableError("the JPEG image has too many scans")
    try:
        # The smallest scale: the whole stream is read, hardly any pixels are made.
        simplejpeg.decode_jpeg(data, "GRAY", min_height=1, min_width=1)
    except ValueError as error:
        if "extraneous bytes" not in str(error):  # stray padding of some cameras; no pixel is lost
            raise


def _check_png(data: bytes, max_pixels: int) -> None:
    with PngImageFile(io.BytesIO(data)) as image:
        image.verify()  # the checksums of all chunks to the last, so those of every frame


def _check_tiff(data: bytes, max_pixels: int) -> None:
    with TiffImageFile(io.BytesIO(data)) as image:
        tile = (int(image.tag_v2.get(TILEWIDTH, 0)), int(image.tag_v2.get(TILELENGTH, 0)))
        _refuse_large(tile, max_pixels, "a tile of the image")
        image.load()  # unlike OpenCV it refuses a strip that does not decode


def _nothing_to_check(data: bytes, max_pixels: int) -> None:
    """OpenCV itself refuses these formats when they are not whole."""


_FORMATS: tuple[tuple[str, tuple[bytes, ...], _ReadSize, _CheckWhole], ...] = (
    ("JPEG", (b"\xff\xd8\xff",), _size_by(JpegImageFile), _check_jpeg),
    ("PNG", (b"\x89PNG\r\n\x1a\n",), _size_by(PngImageFile), _check_png),
    ("BMP", (b"BM",), _size_by(BmpImageFile), _nothing_to_check),
    ("TIFF", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), _size_by(TiffImageFile), _check_tiff),
    ("GIF", (b"GIF87a", b"GIF89a"), _size_by(GifImageFile), _nothing_to_check),
)
