"""Rows: their exact shape, their figures' decimals, and names that try to break them."""

import json
import os

import numpy as np
import pytest

from detector.cli.detect import header_line, table_lines
from detector.folders.rows import printable_name, row_of, to_json_line
from detector.results.detections import Detections, HouseNumber, ImageDetections
from detector.results.errors import ImageTooLargeError, ImageUndecodableError

FOUND = ImageDetections(
    width_px=640,
    height_px=480,
    digits=Detections(
        np.array([(10.126, 20, 30.999, 60), (31, 20.5, 50, 60.25)], np.float32),
        np.array([5, 7], np.int32),
        np.array([0.98766, 0.5], np.float32),
    ),
    numbers=(HouseNumber("75", 0.5, (10.126, 20.0, 50.0, 60.25), (1, 0)),),
    model_name="test",
    model_version="0",
)

ROW = {
    "image": "street/1.jpg",
    "width_px": 640,
    "height_px": 480,
    "model": "test 0",
    "digits": [
        {"label": 5, "score": 0.9877, "box": [10.13, 20.0, 31.0, 60.0]},
        {"label": 7, "score": 0.5, "box": [31.0, 20.5, 50.0, 60.25]},
    ],
    "numbers": [{"text": "75", "score": 0.5, "box": [10.13, 20.0, 50.0, 60.25], "digits": [1, 0]}],
}


def test_the_row_of_an_image() -> None:
    line = to_json_line(row_of("street/1.jpg", FOUND))
    assert json.loads(line) == ROW
    assert list(json.loads(line)) == list(ROW), "in this order"
    assert '"score": 0.9877, "box": [10.13, 20.0, 31.0, 60.0]' in line, "no more decimals than it says"


def test_an_image_without_digits() -> None:
    empty = ImageDetections(3, 2, Detections.empty(), (), "test", "0")
    assert row_of("a", empty) == {
        "image": "a",
        "width_px": 3,
        "height_px": 2,
        "model": "test 0",
        "digits": [],
        "numbers": [],
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ImageUndecodableError("not an image"), "IMAGE_UNDECODABLE"),
        (ImageTooLargeError("large"), "IMAGE_TOO_LARGE"),
    ],
)
def test_the_row_of_an_image_that_could_not_be_read(error: ImageUndecodableError, code: str) -> None:
    assert row_of("a.png", error) == {"image": "a.png", "error": {"code": code, "message": str(error)}}


NAMES = [
    (b"plain.png", "plain.png", "plain.png"),
    (b"two\nlines.png", "two\nlines.png", "two\\nlines.png"),
    (b"two\r\nlines\x00.png", "two\r\nlines\x00.png", "two\\r\\nlines\\x00.png"),
    (b'quote" \\ back.png', 'quote" \\ back.png', 'quote" \\ back.png'),
    ("straße 12 日本.png".encode(), "straße 12 日本.png", "straße 12 日本.png"),
    ("line\u2028end\x85.png".encode(), "line\u2028end\x85.png", "line\\u2028end\\x85.png"),
    (b"latin \xe9.png", "latin \\xe9.png", "latin \\xe9.png"),
    (b"\x1b[2J\x07.png", "\x1b[2J\x07.png", "\\x1b[2J\\x07.png"),
]


@pytest.mark.parametrize(("name", "text", "printed"), NAMES)
def test_any_name_makes_one_line_of_valid_json(name: bytes, text: str, printed: str) -> None:
    for outcome in (FOUND, ImageUndecodableError(os.fsdecode(name))):
        line = to_json_line(row_of(os.fsdecode(name), outcome))
        assert line.splitlines() == [line], "one line by every reader's idea of a line"
        assert line.isascii()
        row = json.loads(line)
        assert row["image"] == text
        row["image"].encode()  # valid Unicode: no lone surrogates
        assert outcome is FOUND or row["error"]["message"] == text


@pytest.mark.parametrize(("name", "text", "printed"), NAMES)
def test_any_name_can_be_shown_in_one_line(name: bytes, text: str, printed: str) -> None:
    assert printable_name(os.fsdecode(name)) == printed


def test_the_table_reads_numbers_from_left_to_right() -> None:
    assert [header_line(5), *table_lines("a.png", FOUND, 5)] == [
        "image  number     digit   score   x_min   y_min   x_max   y_max",
        "a.png  75             7  0.5000    31.0    20.5    50.0    60.2",
        "                      5  0.9877    10.1    20.0    31.0    60.0",
    ]
    empty = ImageDetections(3, 2, Detections.empty(), (), "test", "0")
    assert list(table_lines("b.png", empty, 5)) == ["b.png  -"]
