"""Encoded images, good and bad: the same rows are decoded in-process and sent over a socket."""

import io
import struct
import zlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from detector.results.errors import DetectorError, ImageEmptyError, ImageTooLargeError, ImageUndecodableError

WIDTH, HEIGHT = 48, 32
COLOURS = ((200, 40, 30), (30, 160, 60), (40, 60, 200), (230, 220, 90))
"""Of the top left, top right, bottom left and bottom right quarter of `scene`."""


@dataclass(frozen=True)
class Accepted:
    data: bytes
    colours: tuple[tuple[int, int, int], ...] = COLOURS
    size: tuple[int, int] = (WIDTH, HEIGHT)
    tolerance: int = 12


@dataclass(frozen=True)
class Refused:
    data: bytes
    error: type[DetectorError] = ImageUndecodableError


def scene(
    colours: tuple[tuple[int, int, int], ...] = COLOURS, size: tuple[int, int] = (WIDTH, HEIGHT)
) -> Image.Image:
    width, height = size
    image = Image.new("RGB", size)
    draw = ImageDraw.Draw(image)
    for index, colour in enumerate(colours):
        x, y = index % 2 * width // 2, index // 2 * height // 2
        draw.rectangle((x, y, x + width // 2 - 1, y + height // 2 - 1), fill=colour)
    return image


def encode(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    buffer = io.BytesIO()
    (image or scene()).save(buffer, kind, **options)
    return buffer.getvalue()


def noise(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """Something that does not compress, so that every byte of its encoding matters."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


def quarters(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(4, 3) mean colours of the middles of the four quarters of an (H, W, 3) image."""
    height, width = pixels.shape[:2]
    rows, columns = (
        (height // 8, height - height // 8 - height // 4),
        (width // 8, width - width // 8 - width // 4),
    )
    return np.array(
        [
            pixels[y : y + height // 4, x : x + width // 4].reshape(-1, 3).mean(axis=0)
            for y in rows
            for x in columns
        ]
    )


def _sixteen_bit(extension: str) -> bytes:
    wide = cv2.cvtColor(np.asarray(scene()), cv2.COLOR_RGB2BGR).astype(np.uint16) * 257
    return cv2.imencode(extension, wide)[1].tobytes()


def _greys() -> tuple[tuple[int, int, int], ...]:
    return tuple(
        (grey, grey, grey)
        for grey in (scene().convert("L").getpixel((x, y)) for y in (8, 24) for x in (12, 36))
    )


def _animation(kind: str, **options: object) -> bytes:
    frames = [scene(COLOURS[::-1]), scene(COLOURS[1:] + COLOURS[:1])]
    return encode(kind, save_all=True, append_images=frames, duration=100, **options)


def _oriented(kind: str, orientation: int, **options: object) -> Accepted:
    """`scene` stored in such a way that it is upright only when its EXIF orientation is heeded."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[0x112] = orientation
    return Accepted(encode(kind, scene().transpose(undo), exif=exif.tobytes(), **options), tolerance=40)


def _rgba() -> Image.Image:
    image = scene().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize((WIDTH, HEIGHT)))
    return image


def _dot(kind: str, **options: object) -> Accepted:
    return Accepted(encode(kind, Image.new("RGB", (1, 1)), **options), ((0, 0, 0),) * 4, (1, 1))


_JPEG = encode("JPEG", quality=95)

ACCEPTED: dict[str, Accepted] = {
    "jpeg": Accepted(_JPEG),
    "jpeg, progressive": Accepted(encode("JPEG", quality=95, progressive=True)),
    "jpeg, grey": Accepted(encode("JPEG", scene().convert("L"), quality=95), _greys()),
    "jpeg, CMYK": Accepted(encode("JPEG", scene().convert("CMYK"), quality=95), tolerance=25),
    "jpeg, with something behind it": Accepted(_JPEG + b"motion photo" * 100),
    "jpeg, with stray bytes before its end": Accepted(_JPEG[:-2] + b"\0\0" + _JPEG[-2:]),
    **{f"jpeg, EXIF orientation {n}": _oriented("JPEG", n, quality=95) for n in range(2, 9)},
    "png": Accepted(encode("PNG"), tolerance=0),
    "png, palette": Accepted(
        encode("PNG", scene().convert("P", palette=Image.Palette.ADAPTIVE)), tolerance=2
    ),
    "png, grey": Accepted(encode("PNG", scene().convert("L")), _greys()),
    "png, grey and alpha": Accepted(encode("PNG", scene().convert("LA")), _greys()),
    "png, alpha": Accepted(encode("PNG", _rgba()), tolerance=0),
    "png, 16 bit": Accepted(_sixteen_bit(".png"), tolerance=1),
    "png, EXIF orientation 6": _oriented("PNG", 6),
    "png, animated": Accepted(_animation("PNG"), tolerance=0),
    "png, with something behind it": Accepted(encode("PNG") + b"more", tolerance=0),
    "webp": Accepted(encode("WEBP", quality=95), tolerance=25),
    "webp, lossless": Accepted(encode("WEBP", lossless=True), tolerance=0),
    "webp, alpha": Accepted(encode("WEBP", _rgba(), lossless=True, exact=True), tolerance=0),
    "webp, EXIF orientation 8": _oriented("WEBP", 8, lossless=True),
    "webp, animated": Accepted(_animation("WEBP", lossless=True), tolerance=0),
    "bmp": Accepted(encode("BMP"), tolerance=0),
    "bmp, palette": Accepted(
        encode("BMP", scene().convert("P", palette=Image.Palette.ADAPTIVE)), tolerance=2
    ),
    "bmp, alpha": Accepted(encode("BMP", _rgba()), tolerance=0),
    "tiff": Accepted(encode("TIFF"), tolerance=0),
    "tiff, LZW": Accepted(encode("TIFF", compression="tiff_lzw"), tolerance=0),
    "tiff, deflate": Accepted(encode("TIFF", compression="tiff_adobe_deflate"), tolerance=0),
    "tiff, alpha": Accepted(encode("TIFF", scene().convert("RGBA")), tolerance=0),
    "tiff, 16 bit": Accepted(_sixteen_bit(".tiff"), tolerance=1),
    "tiff, CMYK": Accepted(encode("TIFF", scene().convert("CMYK")), tolerance=0),
    "tiff, EXIF orientation 6": _oriented("TIFF", 6),
    "tiff, two pages": Accepted(encode("TIFF", save_all=True, append_images=[noise()]), tolerance=0),
    "gif": Accepted(encode("GIF"), tolerance=2),
    "gif, animated": Accepted(_animation("GIF"), tolerance=2),
    **{f"{kind.lower()}, 1x1": _dot(kind) for kind in ("JPEG", "PNG", "BMP", "TIFF", "GIF")},
    "webp, 1x1": _dot("WEBP", lossless=True),
}
"""What is decoded, and what it must look like."""


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _webp(kind: bytes, chunk: bytes) -> bytes:
    body = b"WEBP" + kind + struct.pack("<I", len(chunk)) + chunk
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _resized(data: bytes, offset: int, code: str, width: int, height: int) -> bytes:
    """A copy whose header tells of another size."""
    edited = bytearray(data)
    struct.pack_into(code, edited, offset, width, height)
    return bytes(edited)


def _huge_png(width: int, height: int) -> bytes:
    """A small file of all the pixels that its header tells of."""
    rows = zlib.compress(bytes((width + 1) * height), 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _tiff_with(tag: int, value: int, data: bytes) -> bytes:
    """A little-endian TIFF in which one tag's value, a long, is another."""
    edited = bytearray(data)
    start = struct.unpack_from("<I", data, 4)[0]
    for entry in range(start + 2, start + 2 + 12 * struct.unpack_from("<H", data, start)[0], 12):
        if struct.unpack_from("<H", data, entry)[0] == tag:
            struct.pack_into("<HII", edited, entry + 2, 4, 1, value)
            return bytes(edited)
    raise AssertionError(f"no tag {tag}")


def _tiff_with_huge_tile() -> bytes:
    """16 x 16 grey pixels in one tile of 256 megapixels."""
    tags = {256: 16, 257: 16, 258: 8, 259: 1, 262: 1, 277: 1, 322: 16_000, 323: 16_000, 324: 8, 325: 256}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return (
        b"II*\0" + struct.pack("<I", 8 + 256) + bytes(256) + struct.pack("<H", len(tags)) + entries + bytes(4)
    )


def _flipped(data: bytes, marker: bytes, distance: int) -> bytes:
    """A copy with one byte changed, `distance` bytes after the last `marker`."""
    edited = bytearray(data)
    edited[data.rindex(marker) + distance] ^= 0x55
    return bytes(edited)


_SOF = _JPEG.index(b"\xff\xc0") + 5
_NOISE = {kind: encode(kind, noise()) for kind in ("JPEG", "PNG", "WEBP", "BMP", "GIF")} | {
    "TIFF": encode("TIFF", noise(), compression="tiff_lzw")
}

HUGE: dict[str, bytes] = {
    "png, all pixels there": _huge_png(16_000, 16_000),
    "png, nothing there but the header": _huge_png(16_000, 16_000)[:60],
    "jpeg": _resized(_JPEG, _SOF, ">HH", 16_000, 16_000),
    "bmp": _resized(encode("BMP"), 18, "<ii", 16_000, 16_000),
    "bmp, top down": _resized(encode("BMP"), 18, "<ii", 16_000, -16_000),
    "gif": _resized(encode("GIF"), 6, "<HH", 16_000, 16_000),
    "tiff": _tiff_with(257, 16_000, _tiff_with(256, 16_000, encode("TIFF"))),
    "tiff, a huge tile": _tiff_with_huge_tile(),
    "webp": _webp(b"VP8 ", b"\x10\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 16_000, 16_000) + bytes(40)),
    "webp, lossless": _webp(b"VP8L", b"\x2f" + struct.pack("<I", 15_999 | 15_999 << 14) + bytes(40)),
    "webp, extended": _webp(b"VP8X", bytes(4) + (15_999).to_bytes(3, "little") * 2 + bytes(40)),
}
"""Headers that tell of 256 megapixels."""

REFUSED: dict[str, Refused] = {
    "empty": Refused(b"", ImageEmptyError),
    "one byte": Refused(b"\xff"),
    "text": Refused(b"these are not the pixels you are looking for\n" * 20),
    "web page": Refused(b"<!DOCTYPE html><html><body>404</body></html>"),
    "garbage": Refused(np.random.default_rng(1).bytes(5000)),
    "garbage that starts like a JPEG": Refused(b"\xff\xd8\xff" + np.random.default_rng(2).bytes(5000)),
    "garbage that starts like a PNG": Refused(b"\x89PNG\r\n\x1a\n" + np.random.default_rng(3).bytes(5000)),
    "garbage that starts like a WebP": Refused(b"RIFF\0\0\0\0WEBP" + np.random.default_rng(4).bytes(5000)),
    "only a JPEG's first bytes": Refused(b"\xff\xd8\xff"),
    "another format: SVG": Refused(b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"),
    "another format: PPM": Refused(encode("PPM")),
    "another format: AVIF": Refused(encode("AVIF")),
    "another format: JPEG 2000": Refused(encode("JPEG2000")),
    **{f"{kind.lower()}, cut in half": Refused(data[: len(data) // 2]) for kind, data in _NOISE.items()},
    **{f"{kind.lower()}, its last byte missing": Refused(data[:-1]) for kind, data in _NOISE.items()},
    "jpeg, cut in half and closed with an end marker": Refused(
        _NOISE["JPEG"][: len(_NOISE["JPEG"]) // 2] + b"\xff\xd9"
    ),
    "jpeg, more scans than any camera makes": Refused(
        encode("JPEG", progressive=True)[:-2]
        + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" * 600
        + b"\xff\xd9"
    ),
    "png, one byte wrong": Refused(_flipped(_NOISE["PNG"], b"IDAT", 500)),
    "png, its header contradicts its data": Refused(_resized(encode("PNG"), 16, ">II", 90, 90)),
    "png, animated, a broken first frame": Refused(_flipped(_animation("PNG"), b"IDAT", 20)),
    "png, animated, a broken last frame": Refused(_flipped(_animation("PNG"), b"fdAT", 20)),
    "png, animated, cut in its last frame": Refused(_animation("PNG")[:-30]),
    "gif, animated, cut in its last frame": Refused(_animation("GIF")[:-30]),
    "webp, animated, cut in its last frame": Refused(_animation("WEBP", lossless=True)[:-30]),
    "tiff, a strip that does not decode": Refused(
        _NOISE["TIFF"][:200] + b"\xff" * 1000 + _NOISE["TIFF"][1200:]
    ),
    **{f"256 megapixels: {name}": Refused(data, ImageTooLargeError) for name, data in HUGE.items()},
}
"""What is refused, and how."""
