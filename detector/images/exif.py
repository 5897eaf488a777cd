"""EXIF data: finding it in a picture, and reading its tags, directories of TIFF 6.0 (section 2).

Pillow reads the tags too, but reports what is damaged as Python warnings, whose filters all threads share, and decodes
every tag before one is asked for. Here only short values are decoded, and damage costs the tag that has it.
"""

import io
import math
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from PIL.PngImagePlugin import PngImageFile

from detector.images.formats import HEAD_BYTES, content_of
from detector.images.heif import avif_exif, exif_box, heic_exif

MAX_VALUE_BYTES = 256
"""Longer values are skipped: those of time, place and lens have 24 bytes at most; a MakerNote has thousands."""

Value = str | tuple[float, ...]
"""Text, or numbers; a rational with the denominator zero is NaN."""

Tags = Mapping[int, Value]

_EXIF_POINTER, _GPS_POINTER = 0x8769, 0x8825
_ASCII, _RATIONAL, _SIGNED_RATIONAL = 2, 5, 10
_CODES = {1: "B", 3: "H", 4: "L", 6: "b", 7: "B", 8: "h", 9: "l", 5: "LL", 10: "ll", 13: "L"}
"""`struct` codes of one value, by TIFF's number of its type."""


@dataclass(frozen=True)
class Exif:
    """The tags by their numbers.

    Attributes:
        main: those of the first directory, such as the orientation.
        camera: those of the Exif directory: exposure, lens, time.
        gps: those of the GPS directory.
    """

    main: Tags = field(default_factory=dict)
    camera: Tags = field(default_factory=dict)
    gps: Tags = field(default_factory=dict)


def read_exif(data: bytes) -> Exif:
    """Read the EXIF data of an encoded image.

    Args:
        data: a JPEG, PNG, WebP, TIFF, HEIC, AVIF or JPEG XL image.

    Returns:
        Its tags; of data that is missing or damaged none, or fewer. Nothing is raised.
    """
    try:
        block = _find_block(data)
    except Exception:  # readers of headers raise whatever the hostile bytes led them to
        block = None
    return Exif() if block is None else _parse(block.removeprefix(b"Exif\0\0"))


def _find_block(data: bytes) -> bytes | None:
    """Return the TIFF structure that holds the tags, from whichever container; a TIFF image is one itself."""
    content = content_of(data[:HEAD_BYTES])
    find = None if content is None else _BLOCKS.get(content.kind)
    return None if find is None else find(data)


def _app1_segments(data: bytes) -> Iterator[bytes]:
    """Return the APP1 segments of a JPEG file up to its pixels, see ITU-T T.81, annex B."""
    place = 2
    while data[place : place + 1] == b"\xff" and place + 4 <= len(data) and data[place + 1] != 0xDA:
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        if data[place + 1] == 0xE1:
            yield data[place + 4 : place + 2 + length]
        place += 2 + length


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of the chunks of a WebP file, see RFC 9649, section 2.3."""
    place = 12
    while place + 8 <= len(data):
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        yield data[place : place + 4], data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2


def _jpeg_block(data: bytes) -> bytes | None:
    return next((content for content in _app1_segments(data) if content.startswith(b"Exif\0\0")), None)


def _webp_block(data: bytes) -> bytes | None:
    return next((content for name, content in _riff_chunks(data) if name == b"EXIF"), None)


def _png_block(data: bytes) -> bytes | None:
    with PngImageFile(io.BytesIO(data)) as image:
        block: bytes | None = image.info.get("exif")
    return block


_BLOCKS: dict[str, Callable[[bytes], bytes | None]] = {
    "JPEG": _jpeg_block,
    "PNG": _png_block,
    "WebP": _webp_block,
    "TIFF": lambda data: data,
    "HEIC": heic_exif,
    "AVIF": avif_exif,
    "JPEG XL": exif_box,
}
"""The functions that find the block, by the format's name."""


def _parse(block: bytes) -> Exif:
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 8:
        return Exif()
    tiff = _Tiff(block, order)
    main = tiff.directory(tiff.unpack("L", 4)[0])
    return Exif(main, *(tiff.directory_at(main.get(pointer)) for pointer in (_EXIF_POINTER, _GPS_POINTER)))


@dataclass(frozen=True)
class _Tiff:
    data: bytes
    order: str

    def unpack(self, codes: str, place: int) -> tuple[int, ...]:
        return struct.unpack_from(self.order + codes, self.data, place)

    def directory_at(self, pointer: Value | None) -> dict[int, Value]:
        if not isinstance(pointer, tuple) or not math.isfinite(pointer[0]):  # a rational may be 0/0
            return {}
        return self.directory(int(pointer[0]))

    def directory(self, place: int) -> dict[int, Value]:
        """Return the tags of a directory; of several with one number the first counts."""
        tags: dict[int, Value] = {}
        try:
            (count,) = self.unpack("H", place)
            for entry in range(place + 2, place + 2 + 12 * count, 12):
                tag, kind, length = self.unpack("HHL", entry)
                value = None if tag in tags else self._value(kind, length, entry + 8)
                if value is not None:
                    tags[tag] = value
        except struct.error:  # it leads out of the block
            pass
        return tags

    def _value(self, kind: int, count: int, place: int) -> Value | None:
        size = count * (1 if kind == _ASCII else struct.calcsize("=" + _CODES.get(kind, "")))
        if not 0 < size <= MAX_VALUE_BYTES:
            return None
        if size > 4:
            (place,) = self.unpack("L", place)
        if place + size > len(self.data):
            return None
        if kind == _ASCII:
            return self.data[place : place + size].partition(b"\0")[0].decode("ascii", "replace").strip()
        numbers = self.unpack(count * _CODES[kind], place)
        if kind in (_RATIONAL, _SIGNED_RATIONAL):
            return tuple(map(_quotient, numbers[::2], numbers[1::2]))
        return tuple(map(float, numbers))


def _quotient(numerator: int, denominator: int) -> float:
    return numerator / denominator if denominator else math.nan
