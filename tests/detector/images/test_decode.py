"""decode_image: what it accepts looks right, what it refuses costs nothing, nothing else ever comes out."""

import os
import re
import struct
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.images.decode import MAX_FILE_BYTES, decode_image, read_image_file
from detector.images.heif import without_exif
from detector.results.errors import (
    DetectorError,
    ImageTooLargeError,
    ImageUndecodableError,
    ImageUnreadableError,
)
from tests.detector.pictures import ACCEPTED, HUGE, REFUSED, Accepted, Refused, encode, noise, quarters, scene

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "HEIF", "AVIF", "JXL")


@pytest.mark.parametrize("row", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted_images_look_as_they_are_displayed(row: Accepted) -> None:
    pixels = decode_image(row.data)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (row.size[1], row.size[0], 3)
    if row.size != (1, 1):
        assert np.abs(quarters(pixels) - np.array(row.colours)).max() <= row.tolerance


_JPEGS = {name: row for name, row in ACCEPTED.items() if name.startswith("jpeg") and "jpeg xl" not in name}


@pytest.mark.parametrize("row", _JPEGS.values(), ids=_JPEGS.keys())
def test_jpeg_images_have_the_pixels_that_opencv_shows(row: Accepted) -> None:
    """They are decoded by libjpeg itself, which checks them at the same time, and are turned upright here."""
    expected = cv2.imdecode(np.frombuffer(row.data, np.uint8), cv2.IMREAD_COLOR_RGB)
    np.testing.assert_array_equal(decode_image(row.data), expected)


@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED.keys())
def test_refused_images(row: Refused) -> None:
    with pytest.raises(row.error) as caught:
        decode_image(row.data)
    assert type(caught.value) is row.error
    assert str(caught.value)
    assert not re.search(r"\.py|\.cpp|\n", str(caught.value)), "no line of a library's source"


@pytest.mark.parametrize("kind", FORMATS)
def test_an_image_cut_anywhere_is_refused(kind: str) -> None:
    data = encode(kind, noise(24, 16))
    for length in range(1, len(data)):
        with pytest.raises(ImageUndecodableError):
            decode_image(data[:length])


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=40, deadline=None)
@given(
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8)
)
def test_damaged_images_decode_or_are_refused_and_nothing_else(
    kind: str, edits: list[tuple[float, int]]
) -> None:
    data = bytearray(encode(kind, noise(24, 16)))
    for where, value in edits:
        data[int(where * len(data))] = value
    try:
        pixels = decode_image(bytes(data), max_pixels=1_000_000)
    except DetectorError:
        return
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3
    assert pixels.size <= 3_000_000


QUIET = """
from detector.images.decode import decode_image
from tests.detector.pictures import ACCEPTED
for row in ACCEPTED.values():
    decode_image(row.data)
"""


def test_libraries_say_nothing_of_their_own(checkout: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", QUIET], cwd=checkout, capture_output=True, text=True, check=True, timeout=300
    )
    assert run.stderr == ""


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<!DOCTYPE html><html><body>404</body></html>", "a web page, not an image"),
        ("straße 1\n".encode() * 40, "text, not an image"),
        (bytes(5000), "nothing but zero bytes"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS"),
        (b"\0\5\x16\7\0\2\0\0Mac OS X" + bytes(60), "metadata that macOS keeps beside a file"),
        (b"%PDF-1.7\n", "a PDF document"),
        (encode("PNG").replace(b"\r\n", b"\n", 1), "damaged as it was copied as text"),
        (encode("JPEG2000"), "a JPEG 2000 image, a kind of picture that is not read: convert it"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "a raw photograph, a kind of picture that is not read"),
        (encode("TIFF", tiffinfo={254: 1}), "a raw photograph"),
        (encode("TIFF", scene().convert("F")), "samples of 32 bits in floating point"),
        (encode("TIFF", scene().convert("I")), "samples of 32 bits"),
        (b"\0\0\0\x18ftypmp42" + bytes(40), "a video, not an image: take frames out of it"),
    ],
)
def test_the_cause_is_named(data: bytes, message: str) -> None:
    with pytest.raises(ImageUndecodableError, match=message):
        decode_image(data)


def test_without_the_extra_jpeg_xl_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    with pytest.raises(ImageUndecodableError, match=r"install digit-detector\[jxl\]"):
        decode_image(encode("JXL"))


def test_pixels_outlive_the_image_that_they_came_from() -> None:
    data = encode("HEIF", noise(300, 200))
    first = decode_image(data)
    before = first.copy()
    for _ in range(20):
        decode_image(encode("HEIF", scene(size=(300, 200))))
    assert np.array_equal(first, before)


def test_the_limit_is_inclusive() -> None:
    data = encode("PNG")
    decode_image(data, max_pixels=48 * 32)
    with pytest.raises(ImageTooLargeError, match="48 x 32 = 1,536 pixels; at most 1,535"):
        decode_image(data, max_pixels=48 * 32 - 1)


def test_huge_headers_are_refused_without_allocating(tmp_path: Path, checkout: Path) -> None:
    for number, data in enumerate(HUGE.values()):
        (tmp_path / str(number)).write_bytes(data)
    program = """
import sys
from pathlib import Path
from detector.results.errors import ImageTooLargeError
from detector.images.decode import decode_image
from tests.memory import peak_memory
files = [path.read_bytes() for path in Path(sys.argv[1]).iterdir()]
before = peak_memory()
for data in files:
    try:
        decode_image(data)
    except ImageTooLargeError:
        print("refused")
print(peak_memory() - before)
"""
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    *refused, grown = run.stdout.split()
    assert refused == ["refused"] * len(HUGE)
    assert int(grown) < 40e6, "256 megapixels would be 768 MB"


def test_a_damaged_image_shows_nothing_of_the_one_before() -> None:
    secret = encode("PNG", scene(((201, 13, 77),) * 4))
    pixels_of_secret = {(201, 13, 77)}
    rows = [data for kind in FORMATS for data in _damaged(encode(kind, noise()))]
    for data in rows:
        decode_image(secret)
        try:
            seen = {tuple(pixel) for pixel in decode_image(data).reshape(-1, 3).tolist()}
        except DetectorError:
            continue
        assert not seen & pixels_of_secret


def _damaged(data: bytes) -> list[bytes]:
    return [data[:cut] + bytes(40) + data[cut + 40 :] for cut in range(100, len(data), len(data) // 20)]


def test_what_hostile_headers_repeat_costs_no_time() -> None:
    """4 MB of fill bytes before a JPEG's first marker; an AVIF with 2,000 lists of items, whose EXIF is refused."""
    jpeg = encode("JPEG")
    filled = jpeg[:2] + b"\xff" * 4_000_000 + jpeg[2:]
    lists = b"".join(struct.pack(">I4s", 12, b"iinf") + b"Exif" for _ in range(2000))
    avif = struct.pack(">I4s", 12 + len(lists), b"meta") + bytes(4) + lists + bytes(4_000_000)
    began = time.process_time()
    assert decode_image(filled).shape == decode_image(jpeg).shape
    assert without_exif(avif) == avif.replace(b"Exif", b"none")
    assert time.process_time() - began < 1


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode("PNG"))
    assert read_image_file(path) == encode("PNG")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, message in {
        tmp_path / "missing.png": "No such file",
        tmp_path: "not a regular file",
        tmp_path / "pipe": "not a regular file",
        Path("/dev/zero"): "not a regular file",
        tmp_path / "nul\0.png": "null",
        tmp_path / ("a" * 300): "name too long",
    }.items():
        with pytest.raises(ImageUnreadableError, match=message):
            read_image_file(path)


def test_a_file_beyond_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse.bmp"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(ImageTooLargeError, match="bytes"):
        read_image_file(path)
