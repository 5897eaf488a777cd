"""HEIC and AVIF (ISO/IEC 23008-12, AV1 Image File Format): one container, one image of it, two codecs.

The container (ISO/IEC 14496-12) itself says how the image is turned (`irot`, `imir`); readers follow that and not
EXIF, which phones write beside it with the same meaning.
"""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import ImageOps
from PIL.AvifImagePlugin import SUPPORTED, AvifImageFile

from detector.results.errors import ImageUndecodableError

if TYPE_CHECKING:
    from pi_heif import HeifImage


def heic_size(data: bytes) -> tuple[int, int]:
    """Width and height of the primary image, as it is displayed; nothing is decoded.

    Raises:
        ImageUndecodableError: if the container cannot be read.
    """
    width, height = _primary(data).size
    return int(width), int(height)


def decode_heic(data: bytes) -> NDArray[np.uint8]:
    """Return the primary image, (H, W, 3) RGB or (H, W) grey, as it is displayed; more than 8 bits become 8.

    Raises:
        ImageUndecodableError: if it is truncated, damaged, or compressed by an unknown codec.
    """
    image = _primary(data)
    try:
        pixels = np.array(image)  # a copy: the image owns the memory of its pixels
    except (OSError, ValueError, RuntimeError, SyntaxError, EOFError) as error:
        raise _refusal(error) from error
    return pixels if pixels.ndim == 2 else pixels[:, :, :3]


def heic_exif(data: bytes) -> bytes | None:
    """Return the EXIF block of the primary image, None if it has none.

    Raises:
        ImageUndecodableError: if the container cannot be read.
    """
    block: bytes | None = _primary(data).info.get("exif")
    return block


def avif_exif(data: bytes) -> bytes | None:
    """Return the EXIF block of the image, None if it has none.

    Raises:
        ImageUndecodableError: if the installed Pillow has no reader of AVIF.
    """
    with _avif(data) as image:
        block: bytes | None = image.info.get("exif")
    return block


def avif_size(data: bytes) -> tuple[int, int]:
    """Width and height of the image, before it is turned; nothing is decoded.

    Raises:
        ImageUndecodableError: if the installed Pillow has no reader of AVIF.
    """
    with _avif(data) as image:
        return image.size


def decode_avif(data: bytes) -> NDArray[np.uint8]:
    """Return the image, or a sequence's first, (H, W, 3) RGB, as it is displayed.

    Raises:
        ImageUndecodableError: if the installed Pillow has no reader of AVIF.
    """
    with _avif(data) as image:
        image.info.pop("xmp", None)  # an orientation in there does not count
        return np.asarray(ImageOps.exif_transpose(image).convert("RGBA"))[:, :, :3]


def _primary(data: bytes) -> "HeifImage":
    from pi_heif import open_heif  # noqa: PLC0415 - only where such an image comes

    try:
        file = open_heif(io.BytesIO(data))
        return file[file.primary_index]
    except (OSError, ValueError, RuntimeError, SyntaxError, EOFError, IndexError) as error:
        raise _refusal(error) from error


def _refusal(error: Exception) -> ImageUndecodableError:
    reason = " ".join(str(error).split())
    if "nsupported" in reason:
        return ImageUndecodableError(f"a HEIF image of a kind that is not read: {reason}")
    return ImageUndecodableError(f"the HEIC image is truncated or damaged: {reason}")


def _avif(data: bytes) -> AvifImageFile:
    """Pillow's reader of this image; it turns `irot` and `imir` into the orientation of its EXIF."""
    if not SUPPORTED:
        raise ImageUndecodableError("an AVIF image, which the installed Pillow cannot read: convert it first")
    try:
        return AvifImageFile(io.BytesIO(data))
    except (SyntaxError, ValueError):
        return AvifImageFile(io.BytesIO(without_exif(data)))


_MAX_BOXES = 100_000


def image_extents(data: bytes) -> list[tuple[int, int]]:
    """Width and height in every `ispe` property (ISO/IEC 23008-12, 6.5.3): of images, tiles and thumbnails.

    A crop (`clap`) makes less of an image only when it has been decoded, so these are the sizes to look at before.
    """
    found = []
    for start, end in _path(data, b"meta", b"iprp", b"ipco", b"ispe"):
        if end - start >= 12:
            width = int.from_bytes(data[start + 4 : start + 8], "big")
            found.append((width, int.from_bytes(data[start + 8 : start + 12], "big")))
    return found


def exif_box(data: bytes) -> bytes | None:
    """Return the EXIF block of a JPEG XL file, in a box of its own (ISO/IEC 18181-2, 9.6); None if there is none.

    Raises:
        ImageUndecodableError: if there are too many boxes.
    """
    for start, end in _path(data, b"Exif"):
        if data[start : start + 4] in (
            b"II*\0",
            b"MM\0*",
        ):  # pillow-jxl leaves out how far it is to the block
            return data[start:end]
        return data[start + 4 + int.from_bytes(data[start : start + 4], "big") : end]
    return None


def without_exif(data: bytes) -> bytes:
    """Return a copy in which no item is EXIF metadata, for readers that refuse an image whose EXIF is damaged."""
    copy = bytearray(data)  # one copy, however many boxes hostile data has
    for start, end in _path(data, b"meta", b"iinf"):
        copy[start:end] = copy[start:end].replace(b"Exif", b"none")
    return bytes(copy)


def _path(data: bytes, *kinds: bytes) -> list[tuple[int, int]]:
    """Start and end of the content of every box that is reached through boxes of these kinds."""
    places = [(0, len(data))]
    for kind in kinds:
        header = 4 if kind == b"meta" else 0  # a full box: version and flags go before the boxes in it
        places = [(start + header, end) for place in places for start, end in _inside(data, place, kind)]
    return places


def _inside(data: bytes, where: tuple[int, int], wanted: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of the content of each box of one kind between two places."""
    at, end = where
    for _ in range(_MAX_BOXES):
        if at + 8 > end:
            return
        size, kind, header = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        last = at + size if size else end
        if last < at + header or last > end:
            return
        if kind == wanted:
            yield at + header, last
        at = last
    raise ImageUndecodableError("the image is damaged: it has too many boxes")
