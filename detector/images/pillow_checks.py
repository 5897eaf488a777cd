"""PNG (W3C, third edition) and TIFF 6.0: what Pillow checks of a file before OpenCV decodes it."""

import io
from dataclasses import dataclass

from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    IMAGELENGTH,
    IMAGEWIDTH,
    SAMPLEFORMAT,
    TILELENGTH,
    TILEWIDTH,
    ImageFileDirectory_v2,
    TiffImageFile,
)

from detector.images.formats import CONVERT_HINT
from detector.results.errors import ImageUndecodableError

_CHUNKS = frozenset(
    {
        *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"eXIf", b"acTL", b"fcTL", b"fdAT"),
        *(b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD"),
    }
)
"""Those that say how pixels look; the rest are texts, dates and colour profiles."""


def has_16_bits(data: bytes) -> bool:
    """Return whether the samples have 16 bits; in the header that is behind width and height."""
    return data[24] == 16


def whole_png(data: bytes) -> bytes:
    """Return the image without the chunks that libpng complains of on standard error when they are odd.

    Raises:
        Exception: if a chunk is damaged or missing, whatever Pillow raises then.
    """
    with PngImageFile(io.BytesIO(data)) as image:
        image.verify()  # the checksums of all chunks to the last, so those of every frame
    kept, at, all_kept = [data[:8]], 8, True
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] in _CHUNKS:
            kept.append(data[at:end])
        else:
            all_kept = False
        at = len(data) if data[at + 4 : at + 8] == b"IEND" else end
    return data if all_kept else b"".join(kept)


_SUBFILE_TYPE, _DNG_VERSION = 254, 50706
"""TIFF tags: the kind of page (bit 0: a thumbnail, as the first one of most raw files is), and DNG's version."""

_UNREAD_FORMATS = {
    2: " with a sign",
    3: " in floating point",
    5: " of complex numbers",
    6: " of complex numbers",
}
"""Sample formats (TIFF 6.0, section 19) other than plain numbers."""


@dataclass(frozen=True)
class Page:
    """The first page of a file.

    Attributes:
        size: width and height in pixels, before EXIF orientation.
        tile: width and height of a tile; 0 where the page has strips.
        bits: the most bits that a sample has.
    """

    size: tuple[int, int]
    tile: tuple[int, int]
    bits: int


def tiff_page(data: bytes) -> Page:
    """Read the tags of the first page; no image is made, which Pillow does for fewer kinds of samples.

    Raises:
        ImageUndecodableError: if its samples are of a kind that is not read, or it is a raw photograph's.
        Exception: if the tags are damaged, whatever Pillow raises then.
    """
    tags = ImageFileDirectory_v2(data[:16] if data[2] == 43 else data[:8])
    file = io.BytesIO(data)
    file.seek(tags.next)
    tags.load(file)
    if tags.get(_DNG_VERSION) or int(tags.get(_SUBFILE_TYPE, 0)) & 1:
        raise ImageUndecodableError(f"a raw photograph, which is not read: {CONVERT_HINT}")
    bits, kind = max(tags.get(BITSPERSAMPLE, (1,))), max(tags.get(SAMPLEFORMAT, (1,)))
    if bits > 16 or kind in _UNREAD_FORMATS:
        raise ImageUndecodableError(
            f"a TIFF image with samples of {bits} bits{_UNREAD_FORMATS.get(kind, '')}: "
            "only up to 16 bits without a sign are read"
        )
    size = (int(tags[IMAGEWIDTH]), int(tags[IMAGELENGTH]))
    return Page(size, (int(tags.get(TILEWIDTH, 0)), int(tags.get(TILELENGTH, 0))), bits)


def check_whole_tiff(data: bytes) -> None:
    """Decode the first page: unlike OpenCV, Pillow refuses a strip that does not decode.

    Raises:
        Exception: if one does not, whatever Pillow raises then.
    """
    with TiffImageFile(io.BytesIO(data)) as image:
        image.load()
