"""PNG (W3C, third edition): whether the file is whole, and what of it makes the picture."""

import io

from PIL.PngImagePlugin import PngImageFile

_CHUNKS = frozenset(
    {
        *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"eXIf", b"acTL", b"fcTL", b"fdAT"),
        *(b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD"),
    }
)
"""Those that say how pixels look; the rest are texts, dates and colour profiles."""


def has_16_bits(data: bytes) -> bool:
    """Whether the samples have 16 bits; in the header that is behind width and height."""
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
