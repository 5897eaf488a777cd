"""The boxes of an ISO base media file (ISO/IEC 14496-12), as far as this package looks into them itself."""

from collections.abc import Iterator

from detector.results.errors import ImageUndecodableError

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
    for start, end in _path(data, b"meta", b"iinf"):
        data = data[:start] + data[start:end].replace(b"Exif", b"none") + data[end:]
    return data


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
