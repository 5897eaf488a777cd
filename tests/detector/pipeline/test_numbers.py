"""Digits become numbers: tables of layouts, properties over random ones, and the official boxes."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFont

from detector.pipeline.neighbours import stacking_pairs
from detector.pipeline.numbers import group_numbers
from detector.results.detections import Detections, HouseNumber
from training.samplers.synthetic import find_fonts

Layout = list[tuple[int, float, float, float, float]]
"""Digit, centre x, centre y, width, height."""


def row(text: str, x: float = 0, y: float = 0, height: float = 20, gap: float = 0.1) -> Layout:
    """The digits of `text` from left to right; `gap` in heights; '1' is narrow."""
    layout: Layout = []
    for letter in text:
        width = height * (0.25 if letter == "1" else 0.55)
        layout.append((int(letter), x + width / 2, y, width, height))
        x += width + gap * height
    return layout


def column(
    text: str, x: float = 0, gap: float = 0.15, shift: float = 0, growth: float = 1, height: float = 20
) -> Layout:
    """Digits below one another; gaps and the shift of each to the right in heights."""
    layout: Layout = []
    y = 0.0
    for letter in text:
        layout.append((int(letter), x, y + height / 2, height * 0.55, height))
        x += shift * height
        y += (1 + gap) * height
        height *= growth
    return layout


def turned(layout: Layout, degrees: float) -> Layout:
    """Every centre turned about the origin, clockwise on the screen; the digits stay upright."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return [(d, x * cos - y * sin, x * sin + y * cos, w, h) for d, x, y, w, h in layout]


def turned_boxes(layout: Layout, degrees: float) -> Layout:
    """As `turned`, with boxes around the turned glyphs, which are larger."""
    cos, sin = np.cos(np.radians(degrees)), abs(np.sin(np.radians(degrees)))
    return [(d, x, y, w * cos + h * sin, h * cos + w * sin) for d, x, y, w, h in turned(layout, degrees)]


def detections(layout: Layout, scores: list[float] | None = None) -> Detections:
    table = np.array(layout, np.float64).reshape(-1, 5)
    centre, half = table[:, 1:3], table[:, 3:] / 2
    return Detections(
        np.hstack([centre - half, centre + half]).astype(np.float32),
        table[:, 0].astype(np.int32),
        np.array(scores if scores is not None else [0.9] * len(table), np.float32),
    )


def texts(layout: Layout) -> list[str]:
    return [number.text for number in group_numbers(detections(layout))]


SIZES = [(7, 0, 0, 11, 20), (5, 13, 1, 11, 25), (2, 26, 0, 11, 19), (8, 39, -1, 11, 23)]
TOPS = [(7, 0, 0, 11, 20), (5, 13, 2, 11, 20), (2, 26, 0, 11, 20), (8, 39, 2, 11, 20)]
STAIRS = [(7, 0, 0, 11, 20), (5, 12, 9, 11, 20), (2, 24, 18, 11, 20)]
ZIGZAG = [(7, 0, 0, 11, 20), (5, 14, 12, 11, 20), (2, 26, 0, 11, 20)]
COLUMN = [(7, 0, 0, 11, 20), (5, 0.5, 24, 11, 20), (2, -0.5, 48, 11, 20)]
OVERLAPPING = [(1, 4, 0, 8, 20), (2, 8, 0, 12, 20), (4, 20.5, 0, 11, 20)]
STACKED = {
    2: row("128") + row("34", x=10, y=23),
    3: row("128") + row("34", x=-15, y=23) + row("905", y=46),
    4: row("10") + row("4711", x=-8, y=23) + row("8", x=9, y=46) + row("16", y=69),
}


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        pytest.param([], [], id="no digits, no numbers"),
        pytest.param(row("7"), ["7"], id="a lone digit is a number"),
        pytest.param(row("75"), ["75"], id="two digits in a line"),
        pytest.param(row("58214"), ["58214"], id="five digits in a line"),
        pytest.param(row("1111"), ["1111"], id="narrow digits"),
        pytest.param(row("0000"), ["0000"], id="equal digits are not duplicates"),
        pytest.param(row("214", gap=0.5), ["214"], id="widely set"),
        pytest.param(row("112", gap=0.6), ["112"], id="ones have wider gaps"),
        pytest.param(row("508", gap=0), ["508"], id="digits that touch"),
        pytest.param(row("508", gap=-0.12), ["508"], id="digits that overlap a little"),
        pytest.param(row("508", height=3000), ["508"], id="large digits"),
        pytest.param(row("508", height=0.5), ["508"], id="tiny digits"),
        pytest.param(row("508", x=-40, y=-30), ["508"], id="partly outside the image"),
        pytest.param(SIZES, ["7528"], id="heights vary by a quarter"),
        pytest.param(TOPS, ["7528"], id="tops spread by a tenth"),
        pytest.param(STAIRS, ["752"], id="a staircase beside a flight of steps, 37 degrees"),
        pytest.param(COLUMN, ["752"], id="painted from top to bottom"),
        pytest.param(column("70"), ["70"], id="two digits painted from top to bottom"),
        pytest.param(column("123"), ["1", "2", "3"], id="counting up: the bells of three flats"),
        pytest.param(column("54"), ["5", "4"], id="counting down: the bells of two flats"),
        pytest.param(column("752", gap=0.6), ["7", "5", "2"], id="far below one another"),
        pytest.param(column("752", shift=0.4), ["7", "5", "2"], id="below one another, but stepwise aside"),
        pytest.param(column("752", growth=1.5), ["7", "5", "2"], id="below one another, of other heights"),
        pytest.param(column("752") + row("9", x=50, y=60), ["752", "9"], id="a column and a digit elsewhere"),
        pytest.param(column("752") + column("408", x=60), ["752", "408"], id="two columns"),
        pytest.param(row("12") + row("34", x=60), ["12", "34"], id="two numbers side by side"),
        pytest.param(row("34", x=60) + row("12"), ["12", "34"], id="side by side, given right one first"),
        pytest.param(
            row("12") + row("34", x=40), ["12", "34"], id="side by side, a gap of a height and more"
        ),
        pytest.param(row("8") + row("9", x=200), ["8", "9"], id="two lone digits far apart"),
        pytest.param(
            row("12") + row("34", x=30, height=60), ["12", "34"], id="three times as tall is another"
        ),
        pytest.param(row("12") + row("34", y=200), ["12", "34"], id="one far below the other"),
        pytest.param(
            row("34", x=90) + row("12", y=30), ["34", "12"], id="top to bottom before left to right"
        ),
        pytest.param(row("12", y=4) + row("34", x=90), ["12", "34"], id="nearly one height: left to right"),
        pytest.param(STACKED[2], ["128", "34"], id="stack of two"),
        pytest.param(STACKED[3], ["128", "34", "905"], id="stack of three"),
        pytest.param(STACKED[4], ["10", "4711", "8", "16"], id="stack of four"),
        pytest.param(row("128") + row("345", y=20), ["128", "345"], id="stack whose lines touch"),
        pytest.param(row("128") + row("345", y=18), ["128", "345"], id="stack whose boxes overlap a little"),
        pytest.param(
            row("128", height=40) + row("34", y=32), ["128", "34"], id="a small line below a tall one"
        ),
        pytest.param(
            row("12") + row("34", x=60) + row("56", y=30) + row("78", x=60, y=30),
            ["12", "34", "56", "78"],
            id="two by two",
        ),
    ],
)
def test_layouts_are_read(layout: Layout, expected: list[str]) -> None:
    assert texts(layout) == expected


def spaced(text: str, gap: float = 0.1, space: float = 0.5, one: float = 0.25, width: float = 0.55) -> Layout:
    """Digits of height 20 and, for each space in `text`, that much more between them; widths and gaps in heights."""
    layout: Layout = []
    x = 0.0
    for letter in text:
        if letter == " ":
            x += 20 * space
            continue
        ink = 20 * (one if letter == "1" else width)
        layout.append((int(letter), x + ink / 2, 0, ink, 20))
        x += ink + 20 * gap
    return layout


def tabular(text: str, pitch: float = 0.75, space: float = 0.36) -> Layout:
    """The same in figures of one pitch: a 1 has wide gaps on both sides."""
    layout: Layout = []
    x = 0.0
    for letter in text:
        if letter == " ":
            x += 20 * space
            continue
        layout.append((int(letter), x, 0, 20 * (0.25 if letter == "1" else 0.6), 20))
        x += 20 * pitch
    return layout


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        pytest.param(spaced("215 216 217", space=0.8), "215 216 217", id="a semicolon and a space"),
        pytest.param(spaced("116 122", space=1.25), "116 122", id="a hyphen between spaces"),
        pytest.param(spaced("116 122", space=0.55), "116 122", id="a hyphen"),
        pytest.param(spaced("12 14", space=0.36), "12 14", id="a mere space"),
        pytest.param(spaced("8 10 12", space=0.36), "8 10 12", id="the first one has one digit"),
        pytest.param(spaced("1 12", space=0.4), "1 12", id="three digits need more of a gap"),
        pytest.param(spaced("2 4 12", space=0.4), "2 4 12", id="more gaps between numbers than within"),
        pytest.param(spaced("215 216 217 218 219", space=0.36), "215 216 217 218 219", id="fifteen digits"),
        pytest.param(spaced("20 21  22", space=0.36), "20 21 22", id="two kinds of wide gaps"),
        pytest.param(tabular("111 112 211"), "111 112 211", id="narrow ones in figures of one pitch"),
        pytest.param(tabular("10111"), "10111", id="which alone end no number"),
        pytest.param(spaced("10111"), "10111", id="nor do they with even gaps"),
        pytest.param(spaced("101", gap=0.55), "101", id="on tiles, widely and evenly"),
        pytest.param(spaced("4081", gap=0.5, width=1.0), "4081", id="digits as wide as high, widely"),
        pytest.param(spaced("401 405", gap=0.2, space=0.4, width=1.0), "401 405", id="such digits in a list"),
        pytest.param(spaced("12 4", space=0.15), "124", id="uneven by hand"),
        pytest.param(spaced("1 4", space=0.4), "14", id="two digits have nothing to compare with"),
        pytest.param(spaced("1 4", space=0.6), "1 4", id="but for them the widest gap is wide, too"),
        pytest.param(OVERLAPPING, "124", id="boxes that overlap tell no spacing"),
    ],
)
def test_a_gap_that_is_wide_for_its_line_ends_a_number(layout: Layout, expected: str) -> None:
    assert texts(layout) == expected.split()


@pytest.mark.parametrize("degrees", [-15, 15])
def test_lists_may_slope(degrees: float) -> None:
    assert texts(turned(spaced("215 216 217", space=0.8), degrees)) == ["215", "216", "217"]


def in_typeface(path: Path, text: str) -> Layout:
    """The ink of the digits in `text`, set with the typeface's own spacing and separators, 100 px an em."""
    font = ImageFont.truetype(str(path), 100)
    layout: Layout = []
    for index, letter in enumerate(text):
        if letter.isdigit():
            mask, (left, top) = font.getmask2(letter, mode="L", anchor="ls")
            x_min, y_min, x_max, y_max = mask.getbbox()
            x = font.getlength(text[:index]) + left + (x_min + x_max) / 2
            layout.append((int(letter), x, top + (y_min + y_max) / 2, x_max - x_min, y_max - y_min))
    return layout


@pytest.mark.parametrize("separator", ["; ", ", ", "-", " - ", "/"])
def test_lists_in_real_typefaces(separator: str) -> None:
    rng = np.random.default_rng(0)
    lists = [
        (path, [str(rng.integers(10 ** (n - 1), 10**n)) for n in lengths])
        for path in find_fonts()
        for lengths in ((3, 3, 3), (2, 2), (1, 2), (4, 4), (2, 2, 3, 3, 3))
    ]
    right = [texts(in_typeface(path, separator.join(numbers))) == numbers for path, numbers in lists]
    assert np.mean(right) >= 0.95


def test_single_numbers_in_real_typefaces_stay_whole() -> None:
    numbers = ("101", "117", "4081", "11911")
    right = [texts(in_typeface(path, number)) == [number] for path in find_fonts() for number in numbers]
    assert np.mean(right) >= 0.98


@pytest.mark.parametrize("degrees", [-22, -20, -15, -10, -5, 0, 5, 10, 15, 20, 22])
@pytest.mark.parametrize("turn", [turned, turned_boxes], ids=["upright digits", "turned digits"])
@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        pytest.param(row("2"), ["2"], id="a lone digit"),
        pytest.param(row("71"), ["71"], id="two"),
        pytest.param(row("4081"), ["4081"], id="four"),
        pytest.param(row("58214", gap=0.35), ["58214"], id="five, widely set"),
        pytest.param(STACKED[2], ["128", "34"], id="stack of two"),
        pytest.param(STACKED[3], ["128", "34", "905"], id="stack of three"),
        pytest.param(STACKED[4], ["10", "4711", "8", "16"], id="stack of four"),
        pytest.param(row("128") + row("345", x=70), ["128", "345"], id="two side by side"),
        pytest.param(
            row("12") + row("34", x=60) + row("56", y=30) + row("78", x=60, y=30),
            ["12", "34", "56", "78"],
            id="two by two",
        ),
    ],
)
def test_slopes(layout: Layout, expected: list[str], turn, degrees: float) -> None:
    assert texts(turn(layout, degrees)) == expected


def test_a_zigzag_is_no_line() -> None:
    """Its longer link is cut."""
    assert sorted(texts(ZIGZAG)) == ["52", "7"]


def test_number_describes_its_digits() -> None:
    digits = Detections(
        np.array([[60, 1, 70, 21], [10, 2, 20, 22], [22, 0, 31, 20]], np.float32),
        np.array([9, 7, 5], np.int32),
        np.array([0.5, 0.75, 0.25], np.float32),
    )
    assert group_numbers(digits) == (
        HouseNumber("75", 0.25, (10, 0, 31, 22), (1, 2)),
        HouseNumber("9", 0.5, (60, 1, 70, 21), (0,)),
    )


@pytest.mark.parametrize(
    "box",
    [
        pytest.param([5, 5, 5, 5], id="a point"),
        pytest.param([5, 0, 5, 20], id="no width"),
        pytest.param([0, 5, 20, 5], id="no height"),
        pytest.param([-3e38, -3e38, 3e38, 3e38], id="as large as float32 goes"),
    ],
)
def test_degenerate_boxes_are_still_in_one_number_each(box: list[float]) -> None:
    whole = detections(row("12"))
    boxes = np.vstack([whole.boxes, [box, box]]).astype(np.float32)
    digits = Detections(boxes, np.array([1, 2, 3, 4], np.int32), np.full(4, 0.9, np.float32))
    assert sorted(i for number in group_numbers(digits) for i in number.digits) == [0, 1, 2, 3]


def test_many_digits_are_compared_in_blocks() -> None:
    """More pairs than one block holds: a wall of 40 x 30 numbers."""
    wall = [digit for i in range(40) for j in range(30) for digit in row("42", x=70 * j, y=40 * i)]
    assert texts(wall) == ["42"] * 1200


@pytest.mark.slow
def test_many_lone_digits_need_little_memory() -> None:
    """All pairs of them at once would be hundreds of megabytes."""
    lone = [(i % 10, 50 * (i % 60), 50 * (i // 60), 10, 20) for i in range(3000)]
    digits = detections(lone)
    tracemalloc.start()
    try:
        numbers = group_numbers(digits)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(numbers) == 3000
    assert peak < 64e6


# Coordinates are whole quarters below 2**11, so that shifts and powers of two are exact in float32.
quarters = st.integers(0, 2000).map(lambda n: n / 4)
sizes = st.integers(4, 160).map(lambda n: n / 2)
scattered = st.lists(st.tuples(st.integers(0, 9), quarters, quarters, sizes, sizes), max_size=14)


@st.composite
def written(draw: st.DrawFn) -> Layout:
    """A few rows, where digits really are neighbours, with some scattered ones between them."""
    layout: Layout = []
    for _ in range(draw(st.integers(1, 4))):
        text = "".join(draw(st.lists(st.sampled_from("0123456789"), min_size=1, max_size=5)))
        start = {"x": draw(quarters), "y": draw(quarters), "height": draw(st.sampled_from([16, 20, 24]))}
        layout += [
            (d, round(4 * x) / 4, y, round(4 * w) / 4, h) for d, x, y, w, h in row(text, gap=0.125, **start)
        ]
    return layout + draw(st.lists(st.tuples(st.integers(0, 9), quarters, quarters, sizes, sizes), max_size=4))


layouts = st.one_of(scattered, written())


@settings(deadline=None)
@given(layouts)
def test_every_digit_is_in_exactly_one_number(layout: Layout) -> None:
    digits = detections(layout)
    numbers = group_numbers(digits)
    assert sorted(i for number in numbers for i in number.digits) == list(range(len(digits)))
    for number in numbers:
        members = digits.select(number.digits)
        assert number.text == "".join(map(str, members.labels))
        to_right = (np.diff(members.boxes[:, 0]) >= 0).all()
        downwards = (np.diff(members.boxes[:, 1]) >= 0).all() and all(
            stacking_pairs(members.boxes[i : i + 1], members.boxes[i + 1 : i + 2])
            for i in range(len(members) - 1)
        )
        assert to_right or downwards
        assert number.box == (*members.boxes[:, :2].min(0), *members.boxes[:, 2:].max(0))
        assert number.score == members.scores.min()


@settings(deadline=None)
@given(st.data(), layouts)
def test_the_order_of_the_digits_does_not_matter(data: st.DataObject, layout: Layout) -> None:
    order = data.draw(st.permutations(range(len(layout))))
    there = group_numbers(detections(layout))
    back = group_numbers(detections([layout[i] for i in order]))
    assert [(n.text, n.box, n.score) for n in back] == [(n.text, n.box, n.score) for n in there]


@settings(deadline=None)
@given(layouts, st.sampled_from([1 / 8, 1 / 2, 2, 16]))
def test_scale_does_not_matter(layout: Layout, factor: float) -> None:
    scaled = [(d, x * factor, y * factor, w * factor, h * factor) for d, x, y, w, h in layout]
    assert [n.digits for n in group_numbers(detections(scaled))] == [
        n.digits for n in group_numbers(detections(layout))
    ]


@settings(deadline=None)
@given(layouts, st.integers(-4096, 4096), st.integers(-4096, 4096))
def test_position_does_not_matter(layout: Layout, dx: int, dy: int) -> None:
    """In which numbers there are; their order may hinge on rounding where a slope makes two lines level."""
    moved = [(d, x + dx, y + dy, w, h) for d, x, y, w, h in layout]
    assert {n.digits for n in group_numbers(detections(moved))} == {
        n.digits for n in group_numbers(detections(layout))
    }


@settings(deadline=None)
@given(layouts)
def test_far_away_digits_change_no_number(layout: Layout) -> None:
    near = {n.digits for n in group_numbers(detections(layout))}
    both = group_numbers(detections([*layout, (5, 3000, 3000, 10, 20)]))
    assert {n.digits for n in both} == near | {(len(layout),)}


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "least"), [("train", 0.995), ("extra", 0.995)], ids=["official boxes", "boxes of a detector"]
)
def test_true_boxes_give_one_number(shared: Path, name: str, least: float) -> None:
    scenes = json.loads((shared / "data" / "svhn" / f"{name}_boxes.json").read_text())
    right = 0
    for boxes in scenes.values():
        table = np.array(sorted(boxes, key=lambda box: box[1]), np.float32)
        digits = Detections(table[:, 1:], table[:, 0].astype(np.int32), np.ones(len(table), np.float32))
        right += [n.text for n in group_numbers(digits)] == ["".join(map(str, digits.labels))]
    assert right >= least * len(scenes)
