"""Encoded images, good and bad: the same rows are decoded in-process and sent over a socket."""

import io
import struct
import zlib
from dataclasses import dataclass
from tempfile import NamedTemporaryFile

import cv2
import numpy as np
import pillow_heif
import pillow_jxl
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from detector.results.errors import DetectorError, ImageEmptyError, ImageTooLargeError, ImageUndecodableError

pillow_heif.register_heif_opener()  # registers the encoder, too; JPEG XL's registers itself when it is imported
assert pillow_jxl.Decoder

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


def _turned(kind: str, in_exif: int, in_container: int = 6) -> Accepted:
    """Turned by the container (`irot`), as phones write it, which alone counts, whatever EXIF says beside it."""
    exif = Image.Exif()
    exif[0x112], exif[_STAND_IN] = (
        6,
        in_exif,
    )  # encoders make `irot` of an orientation, and some drop it from EXIF
    stored = scene().transpose(Image.Transpose.ROTATE_90) if in_container == 6 else scene()
    data = bytearray(encode(kind, stored, exif=exif.tobytes(), quality=95))
    assert data.count(b"irot\x03") == 1, "a quarter turn"
    data[data.index(b"irot") + 4] = {1: 0, 6: 3}[in_container]
    tags = data.rindex(b"MM\0*")
    orientation = data.find(struct.pack(">HHI", 0x112, 3, 1), tags)
    if orientation > 0:
        struct.pack_into(">H", data, orientation + 8, in_exif)
    else:
        struct.pack_into(">H", data, data.index(struct.pack(">HHI", _STAND_IN, 3, 1), tags), 0x112)
    return Accepted(bytes(data), tolerance=40)


def _rgba() -> Image.Image:
    image = scene().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize((WIDTH, HEIGHT)))
    return image


def _dot(kind: str, **options: object) -> Accepted:
    return Accepted(encode(kind, Image.new("RGB", (1, 1)), **options), ((0, 0, 0),) * 4, (1, 1))


_STAND_IN = 0x115
"""A tag of EXIF that is renamed to Orientation once the encoder has had its look."""


def _ten_bits() -> bytes:
    """A HEIC image of 10 bits, as cameras write for HDR."""
    buffer = io.BytesIO()
    samples = np.asarray(scene()).astype("<u2") * 257
    pillow_heif.from_bytes("RGB;16", (WIDTH, HEIGHT), samples.tobytes()).save(buffer, quality=95)
    return buffer.getvalue()


def _bits_in_sixteen(extension: str, bits: int) -> Accepted:
    """Samples as a sensor of so few bits gives them; white is in a corner, so that the range is known."""
    narrow = cv2.cvtColor(np.asarray(scene()), cv2.COLOR_RGB2BGR).astype(np.uint16) << (bits - 8)
    narrow[0, 0] = (1 << bits) - 1
    return Accepted(cv2.imencode(extension, narrow)[1].tobytes(), tolerance=1)


def _jpeg_xl_of_jpeg(orientation: int, keep_jpeg: bool) -> Accepted:
    """A JPEG image packed without loss; without `jbrd` the JPEG file cannot be had back, only its pixels."""
    with NamedTemporaryFile(suffix=".jpg") as file:
        file.write(_oriented("JPEG", orientation, quality=95).data)
        file.flush()
        with Image.open(file.name) as image:
            packed = encode("JXL", image, lossless_jpeg=True, use_container=True)
    box = packed.index(b"jbrd") - 4
    end = box + int.from_bytes(packed[box : box + 4], "big")
    return Accepted(packed if keep_jpeg else packed[:box] + packed[end:], tolerance=40)


_JPEG = encode("JPEG", quality=95)
_START = _JPEG.index(b"\xff\xdb")
"""Of the tables, behind the JFIF segment."""


def _with_scan_parameters(jpeg: bytes, parameters: bytes) -> bytes:
    """Other Ss, Se, Ah and Al than a sequential image has: some cameras fill them with zeros."""
    scan = jpeg.index(b"\xff\xda")
    end = scan + 2 + int.from_bytes(jpeg[scan + 2 : scan + 4], "big")
    return jpeg[: end - 3] + parameters + jpeg[end:]


def _between_scans(jpeg: bytes) -> bytes:
    """Two stray bytes behind the first scan of a progressive image."""
    second = jpeg.index(b"\xff\xc4", jpeg.index(b"\xff\xda"))
    return jpeg[:second] + bytes(2) + jpeg[second:]


def _segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


ODD_JPEGS: dict[str, bytes] = {
    "scan parameters of zero": _with_scan_parameters(_JPEG, bytes(3)),
    "scan parameters out of range": _with_scan_parameters(_JPEG, b"\x7f\xff\xff"),
    "JFIF 2.01": _JPEG.replace(b"JFIF\0\1", b"JFIF\0\2"),
    "stray bytes before its end": _JPEG[:-2] + bytes(2) + _JPEG[-2:],
    "stray bytes in its header": _JPEG[:_START] + b"padding" + _JPEG[_START:],
    "fill bytes in its header": _JPEG[:_START] + b"\xff" * 9 + _JPEG[_START:],
    "an unknown transform of Adobe": _JPEG[:2] + _segment(0xEE, b"Adobe\0d\0\0\0\0\x07") + _JPEG[_START:],
    "a broken colour profile": _JPEG[:_START] + _segment(0xE2, b"ICC_PROFILE\0\5\1....") + _JPEG[_START:],
    "stray bytes between scans": _between_scans(encode("JPEG", quality=95, progressive=True)),
    "all of it": _with_scan_parameters(_JPEG, bytes(3)).replace(b"JFIF\0\1", b"JFIF\0\2")[:-2]
    + b"\0\xff\xd9",
}
"""What libjpeg warns of although every pixel is there."""


def _with_garbage_for_exif(kind: str) -> Accepted:
    exif = Image.Exif()
    exif[0x10E] = "a description"
    data = encode(kind, exif=exif.tobytes(), quality=95)
    return Accepted(data.replace(b"MM\0*\0\0\0\x08", b"garbage!"), tolerance=40)


def _png_with(kind: bytes, content: bytes) -> Accepted:
    """A chunk of this kind before the pixels."""
    png = encode("PNG")
    pixels = png.index(b"IDAT") - 4
    return Accepted(png[:pixels] + _chunk(kind, content) + png[pixels:], tolerance=0)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


ACCEPTED: dict[str, Accepted] = {
    "jpeg": Accepted(_JPEG),
    "jpeg, progressive": Accepted(encode("JPEG", quality=95, progressive=True)),
    "jpeg, grey": Accepted(encode("JPEG", scene().convert("L"), quality=95), _greys()),
    "jpeg, CMYK": Accepted(encode("JPEG", scene().convert("CMYK"), quality=95), tolerance=25),
    "jpeg, with something behind it": Accepted(_JPEG + b"motion photo" * 100),
    **{f"jpeg, {name}": Accepted(data) for name, data in ODD_JPEGS.items()},
    "jpeg, EXIF cut short": Accepted(
        _JPEG[:2] + _segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\5\1") + _JPEG[2:]
    ),
    "jpeg, a stereo pair (MPO)": Accepted(
        encode("MPO", quality=95, save_all=True, append_images=[scene(COLOURS[::-1])])
    ),
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
    "tiff, 16 bit, grey": Accepted(
        encode("TIFF", Image.fromarray(np.asarray(scene().convert("L")).astype(np.uint16) * 257)),
        _greys(),
        tolerance=1,
    ),
    **{
        f"{extension[1:]}, {bits} bits in 16": _bits_in_sixteen(extension, bits)
        for extension in (".png", ".tiff")
        for bits in (8, 10, 12, 14)
    },
    "png, a broken colour profile": _png_with(b"iCCP", b"x\0\0" + zlib.compress(b"garbage" * 30)),
    "png, EXIF cut short": _png_with(b"eXIf", b"MM\0*\0\0\0\x08\0\5\1"),
    "png, a text that does not unpack": _png_with(b"zTXt", b"Raw profile type exif\0\0garbage"),
    "heic, garbage for EXIF": _with_garbage_for_exif("HEIF"),
    "avif, garbage for EXIF": _with_garbage_for_exif("AVIF"),
    "heic": Accepted(encode("HEIF", quality=95), tolerance=40),
    "heic, grey": Accepted(encode("HEIF", scene().convert("L"), quality=95), _greys()),
    "heic, alpha": Accepted(encode("HEIF", _rgba(), quality=95), tolerance=40),
    "heic, 10 bits": Accepted(_ten_bits(), tolerance=40),
    "heic, several images": Accepted(
        encode("HEIF", save_all=True, append_images=[scene(COLOURS[::-1])], quality=95), tolerance=40
    ),
    "avif": Accepted(encode("AVIF", quality=95), tolerance=40),
    "avif, grey": Accepted(encode("AVIF", scene().convert("L"), quality=95), _greys()),
    "avif, alpha": Accepted(encode("AVIF", _rgba(), quality=95), tolerance=40),
    "avif, animated": Accepted(_animation("AVIF", quality=95), tolerance=40),
    **{
        f"{name}, turned by {where} in the container, by {exif} in EXIF": _turned(kind, exif, where)
        for name, kind in (("heic", "HEIF"), ("avif", "AVIF"))
        for where, exif in ((6, 6), (6, 1), (6, 8), (1, 6), (1, 3))
    },
    "jpeg xl": Accepted(encode("JXL", quality=95)),
    "jpeg xl, lossless, in boxes": Accepted(encode("JXL", lossless=True, use_container=True), tolerance=0),
    "jpeg xl, grey": Accepted(encode("JXL", scene().convert("L"), quality=95), _greys()),
    "jpeg xl, grey and alpha": Accepted(encode("JXL", scene().convert("LA"), lossless=True), _greys()),
    "jpeg xl, alpha": Accepted(encode("JXL", _rgba(), lossless=True), tolerance=0),
    "jpeg xl, 16 bit, grey": Accepted(
        encode("JXL", Image.fromarray(np.asarray(scene().convert("L")).astype(np.uint16) * 257)), _greys()
    ),
    **{
        f"jpeg xl, of a JPEG with EXIF orientation {n}{', its JPEG lost' * (not keep)}": _jpeg_xl_of_jpeg(
            n, keep
        )
        for n in (3, 6)
        for keep in (True, False)
    },
    "gif": Accepted(encode("GIF"), tolerance=2),
    "gif, animated": Accepted(_animation("GIF"), tolerance=2),
    **{f"{kind.lower()}, 1x1": _dot(kind) for kind in ("JPEG", "PNG", "BMP", "TIFF", "GIF")},
    "webp, 1x1": _dot("WEBP", lossless=True),
}
"""What is decoded, and what it must look like."""


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


def _with_extent(data: bytes, old: tuple[int, int], new: tuple[int, int]) -> bytes:
    """A copy of a HEIC or AVIF image that tells of another size."""
    edited = data.replace(
        b"ispe\0\0\0\0" + struct.pack(">II", *old), b"ispe\0\0\0\0" + struct.pack(">II", *new)
    )
    assert edited != data
    return edited


def _jpeg_xl_header(width: int, height: int) -> bytes:
    """The signature and a size header with 18 bits for each side (ISO/IEC 18181-1)."""
    bits = 2 << 1 | (height - 1) << 3 | 2 << 24 | (width - 1) << 26
    return b"\xff\x0a" + bits.to_bytes(6, "little")


def _jpeg_xl_in_parts(codestream: bytes) -> bytes:
    """The codestream in boxes that cut its header in two."""
    parts = (b"\0\0\0\0" + codestream[:4], b"\x80\0\0\1" + codestream[4:])
    boxes = b"".join(struct.pack(">I", len(part) + 8) + b"jxlp" + part for part in parts)
    return b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0\0\0\x14ftypjxl \0\0\0\0jxl " + boxes


_SOF = _JPEG.index(b"\xff\xc0") + 5
_NOISE = {
    kind: encode(kind, noise()) for kind in ("JPEG", "PNG", "WEBP", "BMP", "GIF", "HEIF", "AVIF", "JXL")
} | {"TIFF": encode("TIFF", noise(), compression="tiff_lzw")}

HUGE: dict[str, bytes] = {
    "png, all pixels there": _huge_png(16_000, 16_000),
    "png, nothing there but the header": _huge_png(16_000, 16_000)[:60],
    "jpeg": _resized(_JPEG, _SOF, ">HH", 16_000, 16_000),
    "bmp": _resized(encode("BMP"), 18, "<ii", 16_000, 16_000),
    "bmp, top down": _resized(encode("BMP"), 18, "<ii", 16_000, -16_000),
    "gif": _resized(encode("GIF"), 6, "<HH", 16_000, 16_000),
    "tiff": _tiff_with(257, 16_000, _tiff_with(256, 16_000, encode("TIFF"))),
    "tiff, a huge tile": _tiff_with_huge_tile(),
    "heic": _with_extent(encode("HEIF"), (64, 64), (16_000, 16_000)),
    "avif": _with_extent(encode("AVIF"), (WIDTH, HEIGHT), (16_000, 16_000)),
    "jpeg xl": _jpeg_xl_header(16_000, 16_000) + bytes(40),
    "jpeg xl, in boxes": _jpeg_xl_in_parts(_jpeg_xl_header(16_000, 16_000) + bytes(40)),
    "webp": _webp(b"VP8 ", b"\x10\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 16_000, 16_000) + bytes(40)),
    "webp, lossless": _webp(b"VP8L", b"\x2f" + struct.pack("<I", 15_999 | 15_999 << 14) + bytes(40)),
    "webp, extended": _webp(b"VP8X", bytes(4) + (15_999).to_bytes(3, "little") * 2 + bytes(40)),
}
"""Headers that tell of 256 megapixels."""


def _without_middle(jpeg: bytes) -> bytes:
    """A tenth of the bytes taken out of the middle; the end marker stays."""
    return jpeg[: len(jpeg) // 2] + jpeg[len(jpeg) * 6 // 10 :]


def _without_restart(jpeg: bytes) -> bytes:
    return jpeg.replace(b"\xff\xd3", b"", 1)


_RESTARTS = cv2.imencode(".jpg", np.asarray(noise()), [cv2.IMWRITE_JPEG_RST_INTERVAL, 1])[1].tobytes()
_ODD_NOISE = {
    "scan parameters of zero": _with_scan_parameters(_NOISE["JPEG"], bytes(3)),
    "JFIF 2.01": _NOISE["JPEG"].replace(b"JFIF\0\1", b"JFIF\0\2"),
}

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
    **{f"jpeg, {name}, pixels lost": Refused(_without_middle(data)) for name, data in _ODD_NOISE.items()},
    "jpeg, a restart marker lost": Refused(_without_restart(_RESTARTS)),
    "jpeg, a restart marker lost behind a harmless oddity": Refused(
        _without_restart(_RESTARTS.replace(b"JFIF\0\1", b"JFIF\0\2"))
    ),
    "jpeg, 12 bits": Refused(_JPEG[: _SOF - 1] + b"\x0c" + _JPEG[_SOF:]),
    "jpeg, lossless": Refused(_JPEG.replace(b"\xff\xc0", b"\xff\xc3")),
    "heic, its pixels are not as many as its header says": Refused(
        _with_extent(encode("HEIF", scene(size=(640, 640))), (640, 640), (64, 64))
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
