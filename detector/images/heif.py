"""HEIC and AVIF (ISO/IEC 23008-12, AV1 Image File Format): one container, one image of it, two codecs.

The container itself says how the image is turned (`irot`, `imir`); readers must heed that and not EXIF, which phones
write beside it with the same meaning.
"""

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import ImageOps
from PIL.AvifImagePlugin import SUPPORTED, AvifImageFile

from detector.images.isobmff import without_exif
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
