"""Image formats, told by content: which are read, and what to say of the others.

A file's suffix promises, its first bytes decide: phones, browsers and messengers name files wrongly every day.
"""

from collections.abc import Callable
from dataclasses import dataclass

from detector.results.errors import ImageUndecodableError

HEAD_BYTES = 4096
"""So many first bytes of a file are enough to tell its format."""

FORMATS = ("JPEG", "PNG", "WebP", "BMP", "TIFF", "GIF", "HEIC", "AVIF", "JPEG XL")
"""The names of the formats that are read."""

CONVERT_HINT = "convert it first, for example with ImageMagick: magick PICTURE picture.jpg"
VIDEO_HINT = "take frames out of it first, for example with: ffmpeg -i VIDEO -vf fps=1 FOLDER/%06d.jpg"

VIDEO, RAW = "video", "raw photograph"
"""Kinds of `Content` that need words of their own."""


@dataclass(frozen=True)
class Content:
    """The kind of a file, by its first bytes.

    Attributes:
        kind: a name of `FORMATS`, of a picture format that is not read, or of something else.
        is_picture: whether a person would miss it among the results: a picture or a video.
    """

    kind: str
    is_picture: bool = True

    @property
    def is_read(self) -> bool:
        """Return whether images of this kind are decoded."""
        return self.kind in FORMATS


def content_of(head: bytes) -> Content | None:
    """Tells what a file is from its first `HEAD_BYTES` bytes; None for what is neither picture nor well known."""
    for matches, content in _CONTENTS:
        if matches(head):
            return content
    return None


def format_of(data: bytes) -> str:
    """Return the name in `FORMATS` of an encoded image.

    Raises:
        ImageUndecodableError: if it is none of them; the message says what it is instead, and the way out.
    """
    content = content_of(data[:HEAD_BYTES])
    if content is not None and content.is_read:
        return content.kind
    raise ImageUndecodableError(_refusal(content, data))


def _refusal(content: Content | None, data: bytes) -> str:
    if content is None and not any(data[:HEAD_BYTES]) and not any(data):
        return "nothing but zero bytes: the file was not copied or downloaded whole"
    if content is None:
        return f"not an image in a format that is read: {', '.join(FORMATS)}"
    if content.kind == VIDEO:
        return f"a video, not an image: {VIDEO_HINT}"
    if content.is_picture:
        return f"a {content.kind}, a kind of picture that is not read: {CONVERT_HINT}"
    return f"{content.kind}, not an image"


def _starts(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(signatures)


def _brand(*brands: bytes) -> Callable[[bytes], bool]:
    """Return a test for an ISO base media file (ISO/IEC 14496-12) whose major brand is one of these."""
    return lambda head: head[4:8] == b"ftyp" and head[8:12] in brands


def _compatible(*brands: bytes) -> Callable[[bytes], bool]:
    """Return a test for an ISO base media file that names one of these brands anywhere: 'mif1' leaves it open."""

    def matches(head: bytes) -> bool:
        if head[4:8] != b"ftyp":
            return False
        end = min(int.from_bytes(head[:4], "big"), len(head), 256)
        return any(head[at : at + 4] in brands for at in (8, *range(16, end - 3, 4)))

    return matches


def _is_jpeg(head: bytes) -> bool:
    return head.startswith(b"\xff\xd8\xff") and head[3:4] != b"\xf7"


def _is_bmp(head: bytes) -> bool:
    """'BM' alone begins many a text; the size of the second header is one of a few."""
    return head.startswith(b"BM") and head[14:18] in _BMP_HEADERS


def _is_riff(kind: bytes) -> Callable[[bytes], bool]:
    return lambda head: head[:4] == b"RIFF" and head[8:12] == kind


def _is_svg(head: bytes) -> bool:
    return b"<svg" in head[:1024] and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def _is_web_page(head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:32].lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body"))


def _is_pnm(head: bytes) -> bool:
    return head[:1] == b"P" and head[1:2] in b"1234567fF" and head[2:3] in b"\n\r\t " and len(head) > 2


def _is_text(head: bytes) -> bool:
    """UTF-8 without control characters; a character may be cut at the end."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3 or not error.start:
            return False
        text = head[: error.start].decode("utf-8")
    return bool(text) and all(character.isprintable() or character in "\t\r\n\f" for character in text)


_BMP_HEADERS = tuple(size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124))
_HEIC_BRANDS = (
    *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"),
    *(b"mif1", b"mif2", b"msf1"),
)

_CONTENTS: tuple[tuple[Callable[[bytes], bool], Content], ...] = (
    (_is_jpeg, Content("JPEG")),
    (_starts(b"\x89PNG\r\n\x1a\n"), Content("PNG")),
    (_is_riff(b"WEBP"), Content("WebP")),
    (_is_bmp, Content("BMP")),
    (_starts(b"GIF87a", b"GIF89a"), Content("GIF")),
    (_brand(b"crx "), Content(RAW)),
    (_compatible(b"avif", b"avis"), Content("AVIF")),
    (_compatible(*_HEIC_BRANDS), Content("HEIC")),
    (_starts(b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"), Content("JPEG XL")),
    (lambda head: head[:4] in (b"II*\0", b"MM\0*") and head[8:11] == b"CR\x02", Content(RAW)),
    (_starts(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), Content("TIFF")),
    (_starts(b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM"), Content(RAW)),
    (_starts(b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"), Content("JPEG 2000 image")),
    (_starts(b"\xff\xd8\xff\xf7"), Content("JPEG-LS image")),
    (_starts(b"II\xbc\x01"), Content("JPEG XR image")),
    (_starts(b"8BPS"), Content("Photoshop document")),
    (_starts(b"gimp xcf"), Content("GIMP document")),
    (_starts(b"v/1\x01"), Content("OpenEXR image")),
    (_starts(b"#?RADIANCE", b"#?RGBE"), Content("Radiance HDR image")),
    (_starts(b"\0\0\1\0", b"icns"), Content("icon")),
    (_starts(b"qoif"), Content("QOI image")),
    (_is_pnm, Content("PNM image")),
    (_is_svg, Content("SVG drawing")),
    (lambda head: head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide"), Content(VIDEO)),
    (
        _starts(b"\x1a\x45\xdf\xa3", b"\0\0\1\xba", b"\0\0\1\xb3", b"FLV\1", b"0&\xb2u\x8ef\xcf\x11"),
        Content(VIDEO),
    ),
    (_is_riff(b"AVI "), Content(VIDEO)),
    (_starts(b"\0\x05\x16\x07", b"\0\x05\x16\0"), Content("metadata that macOS keeps beside a file", False)),
    (
        _starts(b"\x89PNG\n", b"\x89PNG\r\r\n", b"\xefPNG", b"\xef\xbf\xbdPNG"),
        Content("a PNG image that was damaged as it was copied as text", False),
    ),
    (
        _starts(b"version https://git-lfs"),
        Content("a pointer of Git LFS (git lfs pull fetches the file)", False),
    ),
    (_is_web_page, Content("a web page", False)),
    (_starts(b"%PDF-"), Content("a PDF document", False)),
    (_starts(b"PK\x03\x04"), Content("a ZIP archive", False)),
    (_starts(b"\x1f\x8b"), Content("a file compressed by gzip", False)),
    (_is_text, Content("text", False)),
)
"""Tests of the first bytes, in order; the first that matches tells."""
