"""Which numbers on signs are read: by their digits and where they stand."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from detector.results.detections import HouseNumber
from tests.training.data.labels.folders import paint
from training.data.scenes import Scene
from training.errors import DataError
from training.evaluation.sequences import (
    SequenceFigures,
    TrueNumber,
    read_numbers,
    sequence_figures,
    true_numbers,
    whole_numbers,
)

SIGN = TrueNumber("502", (10, 10, 40, 30))
HEADER = "image,number,x_min,y_min,x_max,y_max\n"


def read(text: str, x: float = 12, y: float = 12) -> HouseNumber:
    return HouseNumber(text, 0.9, (x, y, x + 20, y + 15), tuple(range(len(text))))


@pytest.mark.parametrize(
    ("truths", "numbers", "expected"),
    [
        pytest.param([SIGN], [read("502")], (1, 1, 1, 1), id="found"),
        pytest.param([SIGN], [read("502", x=500)], (1, 0, 1, 0), id="the same digits elsewhere"),
        pytest.param([SIGN], [read("502", x=40)], (1, 0, 1, 0), id="an edge in common is no touch"),
        pytest.param([SIGN], [read("5020")], (1, 0, 1, 0), id="a letter read as a digit"),
        pytest.param([SIGN], [read("50"), read("2", x=32)], (1, 0, 2, 0), id="torn apart"),
        pytest.param([SIGN], [], (1, 0, 0, 0), id="nothing read"),
        pytest.param([], [read("7")], (0, 0, 1, 0), id="nothing there"),
        pytest.param([], [], (0, 0, 0, 0), id="nothing there and nothing read"),
        pytest.param(
            [SIGN, TrueNumber("12", (100, 10, 130, 30))],
            [read("12", x=105), read("502"), read("9", x=300)],
            (2, 2, 3, 2),
            id="two signs and one made up",
        ),
    ],
)
def test_signs_are_found_by_digits_and_place(
    truths: list[TrueNumber], numbers: list[HouseNumber], expected: tuple[int, ...]
) -> None:
    assert sequence_figures([truths], [numbers]) == SequenceFigures(*expected)


def test_ratios() -> None:
    figures = SequenceFigures(truths=8, found=6, reported=10, right=6)
    assert (figures.recall, figures.precision) == (0.75, 0.6)
    assert figures.f1 == pytest.approx(2 * 0.75 * 0.6 / 1.35)
    assert SequenceFigures(0, 0, 0, 0).f1 == 0


def scene(folder: Path, name: str, digits: str, x: float = 0) -> Scene:
    boxes = [(x + 12 * i, 0, x + 12 * i + 10, 20) for i in range(len(digits))]
    labels = np.array([int(digit) for digit in digits], np.int32)
    return Scene(folder / "images" / name, np.array(boxes, np.float32).reshape(-1, 4), labels)


def labelled(folder: Path, names: Sequence[str], rows: str) -> list[Scene]:
    """Images that show 502, and the table beside them."""
    for name in names:
        paint(folder / "images" / name)
    (folder / "numbers.csv").write_text(HEADER + rows)
    return [scene(folder, name, "502") for name in names]


def test_true_numbers_come_from_the_table_beside_the_labels(tmp_path: Path) -> None:
    rows = "a.png,502C,0,0,34,20\nval/a.png,7,50,0,60,20\nc.png,AB,0,0,9,9\n"
    assert true_numbers(labelled(tmp_path, ["a.png", "c.png"], rows), tmp_path) == [
        [TrueNumber("502", (0, 0, 34, 20)), TrueNumber("7", (50, 0, 60, 20))], []
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "numbers"),
    [
        pytest.param(
            "train/1.jpg,12,0,0,9,9\nval/1.jpg,7,0,0,9,9\nval/2.jpg,3,0,0,9,9\n",
            [["12"], ["7"], ["3"]],
            id="one name in two splits",
        ),
        pytest.param("2.jpg,3,0,0,9,9\n", [["502"], ["502"], ["3"]], id="the others by their digits' lines"),
        pytest.param("images/val/2.jpg,AB,0,0,9,9\n", [["502"], ["502"], []], id="letters are no number"),
    ],
)
def test_a_row_is_of_the_image_that_it_names(tmp_path: Path, rows: str, numbers: list[list[str]]) -> None:
    scenes = labelled(tmp_path, ["train/1.jpg", "val/1.jpg", "val/2.jpg"], rows)
    true = true_numbers(scenes, tmp_path)
    assert [[number.digits for number in image] for image in true] == numbers
    assert true_numbers(scenes[1:], tmp_path) == true[1:], "rows of another split do not matter"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("1.jpg,1,0,0,9,9\n", r"numbers\.csv:2: the image '1.jpg' is not there; 2 images elsewhere"),
        ("val/2.jpg,1,0,0,9,9\nx.jpg,1,0,0,9,9\n", r"numbers\.csv:3: the image 'x.jpg' is not there"),
        ("../2.jpg,1,0,0,9,9\n", r"numbers\.csv:2: the image '../2.jpg' is outside"),
    ],
    ids=["two of this name", "none of this name", "above"],
)
def test_an_image_that_is_not_there_is_refused_by_line(tmp_path: Path, rows: str, message: str) -> None:
    names = ["train/1.jpg", "val/1.jpg", *(["val/2.jpg"] if ".." not in rows else [])]
    with pytest.raises(DataError, match=message):
        true_numbers(labelled(tmp_path, names, rows), tmp_path)


def test_without_a_table_each_line_of_digits_is_a_number(tmp_path: Path) -> None:
    two = scene(tmp_path, "two.png", "12")
    far = scene(tmp_path, "two.png", "34", x=200)
    both = Scene(two.path, np.concatenate([two.boxes, far.boxes]), np.concatenate([two.labels, far.labels]))
    blank = scene(tmp_path, "blank.png", "")
    assert [[n.digits for n in numbers] for numbers in true_numbers([both, blank], tmp_path)] == [
        ["12", "34"],
        [],
    ]
    assert [[n.digits for n in numbers] for numbers in whole_numbers([both, blank])] == [["1234"], []]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        pytest.param("image,number\na.png,5\n", "numbers.csv:2: needs image", id="no box"),
        pytest.param(f"{HEADER}a.png,5,0,0,ten,20\n", "numbers.csv:2: could not convert", id="a word"),
        pytest.param(
            f"{HEADER}a.png,5,0,0,nan,20\n", "numbers.csv:2: the box is not of finite", id="not a number"
        ),
        pytest.param(f"{HEADER}a.png,5,9,0,3,20\n", "numbers.csv:2: the box has no area", id="inside out"),
        pytest.param(f"{HEADER}a.png,,0,0,3,20\n", "numbers.csv:2: needs image, number", id="no number"),
        pytest.param("\xff", "numbers.csv", id="not UTF-8"),
    ],
)
def test_a_damaged_table_is_refused_by_line(tmp_path: Path, table: str, message: str) -> None:
    paint(tmp_path / "a.png")
    (tmp_path / "numbers.csv").write_bytes(table.encode("latin-1"))
    with pytest.raises(DataError, match=message):
        read_numbers(tmp_path)
