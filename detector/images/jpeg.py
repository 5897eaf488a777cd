"""JPEG (ITU-T T.81): the frame's header, and whether all of the pixels are there.

libjpeg fills lost pixels with grey or noise and warns; it also warns of oddities that cost nothing and that some
cameras write into every picture. It reports the first warning only, so oddities are put right before the
data is judged: none of them can hide a loss behind it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from detector.results.errors import ImageUndecodableError

MAX_PROGRESSIVE_SCANS = 500
"""Cameras and browsers write about ten; each costs a pass over all pixels, however few bytes it has."""

_MAX_SEGMENTS = 20_000
"""A segment holds 64 kB, so even a header of a gigabyte has fewer."""

_SOS, _EOI, _APP0, _APP2, _APP14 = 0xDA, 0xD9, 0xE0, 0xE2, 0xEE
_SEQUENTIAL, _PROGRESSIVE = (0xC0, 0xC1, 0xC9), (0xC2, 0xCA)
_STANDALONE = (0x01, 0xD8, *range(0xD0, 0xD8))

_FILL = re.compile(rb"\xff+")
"""A marker's first byte after any number of fill bytes (T.81, B.1.1.2)."""

_STRAY_BYTES = re.compile(r"(\d+) extraneous bytes before marker 0x(\w+)")
_HARMLESS = re.compile(
    r"Invalid SOS parameters|unknown JFIF revision|Unknown Adobe color transform|bad ICC marker"
    r"|Inconsistent progression sequence|extraneous bytes before marker 0x(?!d[0-7])"
)
"""Those of libjpeg's warnings (jerror.h, JWRN_*) that mean no lost pixel."""


@dataclass(frozen=True)
class Frame:
    """The header of a JPEG image.

    Attributes:
        size: width and height in pixels, before EXIF orientation.
        components: 1 for grey, 3 for colour, 4 for CMYK.
        progressive: whether the image comes in passes.
    """

    size: tuple[int, int]
    components: int
    progressive: bool


@dataclass(frozen=True)
class _Segment:
    """A marker with its payload, `data[start:end]`."""

    marker: int
    start: int
    end: int


def jpeg_frame(data: bytes) -> Frame:
    """Read the header up to the frame's size.

    Raises:
        ImageUndecodableError: if there is no frame, or it is of a kind that is not read.
    """
    for segment in _segments(data):
        if 0xC0 <= segment.marker <= 0xCF and segment.marker not in (0xC4, 0xC8, 0xCC):
            return _frame(segment.marker, data[segment.start : segment.end])
    raise ImageUndecodableError("the JPEG image is truncated or damaged: it has no frame")


def _frame(marker: int, payload: bytes) -> Frame:
    if len(payload) < 6:
        raise ImageUndecodableError("the JPEG image is damaged: its frame header is too short")
    if marker not in (*_SEQUENTIAL, *_PROGRESSIVE):
        kind = "lossless" if marker in (0xC3, 0xC7, 0xCB, 0xCF) else "hierarchical"
        raise ImageUndecodableError(
            f"a {kind} JPEG image, which is not read: convert it to another format first"
        )
    if payload[0] != 8:
        raise ImageUndecodableError(f"a JPEG image with samples of {payload[0]} bits: only 8 bits are read")
    height, width = int.from_bytes(payload[1:3], "big"), int.from_bytes(payload[3:5], "big")
    return Frame((width, height), payload[5], marker in _PROGRESSIVE)


def undamaged_pixels(data: bytes) -> NDArray[np.uint8] | None:
    """Decode an ordinary image, and check it at the same time: nearly all images are read but once.

    None if libjpeg warns of anything, or the image is progressive or has four components: `whole_jpeg` judges those.

    Returns:
        (H, W, 3) uint8 RGB, before EXIF orientation.
    """
    frame = jpeg_frame(data)
    if frame.progressive or frame.components not in (1, 3):
        return None
    try:
        height, width = simplejpeg.decode_jpeg_header(data)[:2]
        return np.asarray(simplejpeg.decode_jpeg(data, "RGB")) if (width, height) == frame.size else None
    except ValueError:
        return None


def whole_jpeg(data: bytes) -> bytes:
    """Return the image in a form that decoders read without a warning: `data` itself, nearly always.

    Raises:
        ImageUndecodableError: if pixels are lost, or decoding would take unreasonably long.
    """
    frame = jpeg_frame(data)
    if frame.progressive and data.count(b"\xff\xda") > MAX_PROGRESSIVE_SCANS:
        raise ImageUndecodableError("the JPEG image has too many scans")
    warning = _warning(data)
    if warning and _HARMLESS.search(warning):
        data = _tidied(data, frame)
        warning = _warning(data)
    stray = _STRAY_BYTES.search(warning)
    if stray and int(stray[2], 16) == _EOI:  # all pixels came before them
        end = _end(data)
        data = data[: end - int(stray[1])] + data[end:]
        warning = _warning(data)
    if warning and not (_HARMLESS.search(warning) and _end(data) > 0):
        raise ImageUndecodableError(f"the JPEG image is truncated or damaged: {warning}")
    return data


def _warning(data: bytes) -> str:
    """Return the first warning of libjpeg or its error; empty if it reads the whole image without one."""
    try:
        # The smallest scale: the whole stream is read, hardly any pixels are made.
        simplejpeg.decode_jpeg(data, "GRAY", min_height=1, min_width=1)
    except ValueError as error:
        return str(error)
    return ""


def _tidied(data: bytes, frame: Frame) -> bytes:
    """Return a copy whose header is as the standards want it; its pixels are the same."""
    parts, entropy = [data[:2]], len(data)
    for segment in _segments(data):
        payload = data[segment.start : segment.end]
        if segment.marker == _APP0 and payload.startswith(b"JFIF\0"):
            payload = payload[:5] + b"\1" + payload[6:]
        elif segment.marker == _APP14 and payload.startswith(b"Adobe"):
            payload = _with_known_transform(payload, frame.components)
        if not (segment.marker == _APP2 and payload.startswith(b"ICC_PROFILE\0")):
            parts.append(_written(segment.marker, payload))
        entropy = segment.end
    scans = data[entropy:]
    tidied = b"".join(parts)
    return tidied + scans if frame.progressive else _with_whole_spectrum(tidied + scans)


def _with_known_transform(adobe: bytes, components: int) -> bytes:
    if len(adobe) < 12 or adobe[11] <= 2:
        return adobe
    return adobe[:11] + (b"\2" if components == 4 else b"\1") + adobe[12:]  # as libjpeg takes it


def _with_whole_spectrum(data: bytes) -> bytes:
    """Set Ss, Se, Ah and Al of each scan (T.81, B.2.3) to the only values that a sequential image has."""
    tidied = bytearray(data)
    at, end = data.find(b"\xff\xda"), _end(data) if _end(data) > 0 else len(data)
    while 0 <= at < end and at + 4 < len(data):
        last = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if at + 7 < last <= len(data):
            tidied[last - 3 : last] = b"\0\x3f\0"
        at = data.find(b"\xff\xda", at + 2)
    return bytes(tidied)


def _end(data: bytes) -> int:
    """Where the end marker of the (first) image is; -1 without one. Thumbnails in the header do not count."""
    start = 2
    for segment in _segments(data):
        start = segment.end
    return data.find(b"\xff\xd9", start)


def _segments(data: bytes) -> Iterator[_Segment]:
    """Return the segments of the header, up to the first scan's; skip bytes between them, as libjpeg does."""
    at = 2
    for _ in range(_MAX_SEGMENTS):
        fill = _FILL.search(data, at)
        if fill is None or fill.end() + 3 > len(data):
            return
        at = fill.end() - 1
        marker = data[at + 1]
        if marker == _EOI:
            return
        if marker in _STANDALONE or marker == 0:
            at += 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end < at + 4 or end > len(data):
            return
        yield _Segment(marker, at + 4, end)
        if marker == _SOS:
            return
        at = end
    raise ImageUndecodableError("the JPEG image has too many segments in its header")


def _written(marker: int, payload: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2, "big") + payload
