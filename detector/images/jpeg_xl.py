"""JPEG XL (ISO/IEC 18181): the size in its header, and its pixels where the extra `jxl` is installed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.results.errors import ImageUndecodableError

_CODESTREAM = b"\xff\x0a"
_START_BYTES = 16
"""The signature and the longest size header."""

_MAX_BOXES = 1000
_WIDTHS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Width as a fraction of the height, for the ratios 1 to 7 of a size header."""

_CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}


def jpeg_xl_size(data: bytes) -> tuple[int, int]:
    """Width and height in the size header (ISO/IEC 18181-1, 9.1), before the header's orientation.

    Raises:
        ImageUndecodableError: if there is no such header.
    """
    bits = _Bits(_codestream(data)[2:])
    div8 = bits.read(1)
    height = _side(bits, div8)
    ratio = bits.read(3)
    if ratio:
        numerator, denominator = _WIDTHS[ratio - 1]
        return height * numerator // denominator, height
    return _side(bits, div8), height


def decode_jpeg_xl(data: bytes) -> bytes | NDArray[np.uint8] | NDArray[np.uint16]:
    """Return the pixels, (H, W, 3) RGB or (H, W) grey, as displayed; or the JPEG file that the image was made of.

    Raises:
        ImageUndecodableError: if the extra is not installed, or the data is damaged.
    """
    try:
        from pillow_jxl import Decoder  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ImageUndecodableError(
            "a JPEG XL image: install digit-detector[jxl] to read these, or convert it first, for example with djxl"
        ) from error
    is_jpeg, info, samples = _decoded(Decoder(num_threads=1), data)
    if is_jpeg:
        return bytes(samples)
    if info.mode == "I;16":
        return np.frombuffer(samples, np.uint16).reshape(info.height, info.width)
    if info.mode not in _CHANNELS:
        raise ImageUndecodableError(
            "a JPEG XL image with samples of more than 8 bits in colour: it is not read"
        )
    pixels = np.frombuffer(samples, np.uint8).reshape(info.height, info.width, _CHANNELS[info.mode])
    return pixels[:, :, 0] if info.mode in ("L", "LA") else pixels[:, :, :3]


def _decoded(decoder: Any, data: bytes) -> tuple[bool, Any, bytes]:
    try:
        is_jpeg, info, samples, *_ = decoder(data)
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # a panic of the decoder, written in Rust, is no Exception
        raise ImageUndecodableError("the JPEG XL image is truncated or damaged") from error
    return is_jpeg, info, samples


def _codestream(data: bytes) -> bytes:
    """Return the first bytes of the codestream, which may be wrapped in boxes, whole (jxlc) or in parts (jxlp)."""
    if data.startswith(_CODESTREAM):
        return data[:_START_BYTES]
    start, at = b"", 0
    for _ in range(_MAX_BOXES):
        if len(start) == _START_BYTES or at + 8 > len(data):
            break
        size, kind, header = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        end = at + size if size else len(data)
        if kind in (b"jxlc", b"jxlp"):
            header += 4 if kind == b"jxlp" else 0
            start += data[at + header : min(end, at + header + _START_BYTES - len(start))]
        if end < at + 8:
            break
        at = end
    if not start.startswith(_CODESTREAM):
        raise ImageUndecodableError("the JPEG XL image is truncated or damaged: it has no codestream")
    return start


def _side(bits: "_Bits", div8: int) -> int:
    if div8:
        return 8 * (bits.read(5) + 1)
    return bits.read((9, 13, 18, 30)[bits.read(2)]) + 1


class _Bits:
    """Reads numbers from bytes, least significant bit first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def read(self, count: int) -> int:
        if count > self._left:
            raise ImageUndecodableError("the JPEG XL image is truncated: its header is not whole")
        value = self._value & ((1 << count) - 1)
        self._value, self._left = self._value >> count, self._left - count
        return value
