"""Painted pictures: what is marked, what is left alone, and what every format gives back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.images.decode import decode_image
from detector.images.draw import DIGIT_COLOUR, NUMBER_COLOUR, WRITABLE_SUFFIXES, annotate, encode_image
from detector.pipeline.numbers import group_numbers
from detector.results.detections import Detections, ImageDetections

GREY = 128


def grey(width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def found(width: int, height: int, *digits: tuple[int, tuple[float, float, float, float]]) -> ImageDetections:
    detections = Detections(
        np.array([box for _, box in digits], np.float32).reshape(-1, 4),
        np.array([label for label, _ in digits], np.int32),
        np.full(len(digits), 0.9, np.float32),
    )
    return ImageDetections(width, height, detections, group_numbers(detections), "test", "0")


def has_colour(image: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((image == colour).all(axis=2).any())


@pytest.mark.parametrize(
    ("size", "scale", "reason"),
    [
        ((1, 1), 8, "never more than 8 times"),
        ((60, 30), 8, "small pictures become large enough to look at"),
        ((140, 70), 4, "the longer side becomes 560 px"),
        ((640, 480), 1, "large ones stay as they are"),
        ((30, 700), 1, "the longer side counts"),
    ],
)
def test_pictures_without_digits_are_only_enlarged(size: tuple[int, int], scale: int, reason: str) -> None:
    width, height = size
    picture = annotate(grey(width, height), found(width, height))
    assert picture.shape == (height * scale, width * scale, 3), reason
    assert (picture == GREY).all()


def test_small_digits_in_a_large_picture_are_enlarged_too() -> None:
    picture = annotate(grey(600, 300), found(600, 300, (7, (200, 100, 212, 124))))
    assert picture.shape[:2] == (600, 1200), "24 px become 48"


def test_a_huge_picture_is_never_enlarged() -> None:
    picture = annotate(grey(3000, 2000), found(3000, 2000, (7, (200, 300, 206, 312))))
    assert picture.shape == (2000, 3000, 3)


def test_digits_and_numbers_are_marked_in_their_colours_on_a_copy() -> None:
    image = grey(640, 480)
    picture = annotate(image, found(640, 480, (7, (300, 200, 330, 260)), (5, (335, 200, 365, 260))))
    assert (image == GREY).all(), "the caller's image is left alone"
    assert tuple(picture[230, 300]) == DIGIT_COLOUR, "the left edge of the 7"
    assert tuple(picture[230, 364]) == DIGIT_COLOUR, "the last column inside the 5: boxes are max exclusive"
    assert tuple(picture[197, 330]) == NUMBER_COLOUR, "the number's frame stands a little outside"


def test_the_inside_of_every_digit_stays_visible() -> None:
    boxes = [
        (100 + 34 * i, 80 + 70 * row, 130 + 34 * i, 140 + 70 * row) for row in range(3) for i in range(3)
    ]
    picture = annotate(grey(640, 480), found(640, 480, *((i, box) for i, box in enumerate(boxes))))
    for x_min, y_min, x_max, y_max in boxes:
        assert (picture[y_min + 4 : y_max - 4, x_min + 4 : x_max - 4] == GREY).all()


def test_tags_at_the_edge_get_a_margin_and_the_picture_stays_whole() -> None:
    picture = annotate(grey(640, 30), found(640, 30, (3, (0, 0, 14, 30))))
    assert picture.shape[0] > 30
    assert (picture == GREY).all(axis=2).sum() > 0.9 * 640 * 30
    assert has_colour(picture, DIGIT_COLOUR)
    assert has_colour(picture, NUMBER_COLOUR)


edge = st.floats(-20, 120, width=32)


@settings(max_examples=40, deadline=None)
@given(
    corners=st.lists(st.tuples(edge, edge, edge, edge), max_size=6),
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
)
def test_any_boxes_can_be_painted(corners: list[tuple[float, ...]], size: tuple[int, int]) -> None:
    width, height = size
    boxes = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in corners]
    picture = annotate(grey(width, height), found(width, height, *((i, box) for i, box in enumerate(boxes))))
    assert picture.dtype == np.uint8
    assert min(picture.shape[:2]) >= 1


@pytest.mark.parametrize("suffix", sorted(WRITABLE_SUFFIXES | {".JPG"}))
def test_what_is_written_is_read_again(suffix: str) -> None:
    image = np.full((20, 30, 3), (220, 110, 30), np.uint8)
    again = decode_image(encode_image(image, suffix))
    assert again.shape == image.shape
    assert np.abs(again.mean(axis=(0, 1)) - image[0, 0]).max() < 30, "GIF has few colours"


def test_what_a_format_cannot_hold_is_an_error_that_names_it() -> None:
    with pytest.raises(OSError, match=r"20000 x 2 pixels cannot be written as \.webp"):
        encode_image(grey(20000, 2), ".webp")
