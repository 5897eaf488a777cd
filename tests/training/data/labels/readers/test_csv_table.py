"""CSV files as tools write them, broken ones and hostile ones."""

from pathlib import Path
from typing import Any

import pytest

from tests.training.data.labels.folders import paint
from tests.training.data.labels.odd_folders import (
    DIGIT,
    HEADER,
    Make,
    assert_problems,
    both,
    csv_file,
    found,
    problems,
)

ODD_CSV: dict[str, tuple[Make, dict[str, list[Any]]]] = {
    "our own columns": (
        csv_file(
            "image,width_px,height_px,number,position,digit,score,x_min,y_min,x_max,y_max\n"
            "./a.png,40,30,3,1,3,0.9,4,6,12,24\n"
        ),
        {"a.png": [DIGIT]},
    ),
    "TensorFlow's columns": (
        csv_file("filename,width,height,class,xmin,ymin,xmax,ymax\na.png,40,30,3,4,6,12,24\n"),
        {"a.png": [DIGIT]},
    ),
    "Excel's byte order mark and CRLF": (
        csv_file(("\ufeff" + HEADER + "a.png,3,4,6,12,24\n").replace("\n", "\r\n").encode()),
        {"a.png": [DIGIT]},
    ),
    "an image without digits": (csv_file(HEADER + "a.png,,,,,\n\n"), {"a.png": []}),
    "lines of an image apart": (
        both(
            csv_file(HEADER + "a.png,3,4,6,12,24\nb.png,,,,,\na.png,3,4,6,12,25\n"),
            lambda f: paint(f / "b.png"),
        ),
        {"a.png": [DIGIT, (3, [4.0, 6.0, 12.0, 25.0])], "b.png": []},
    ),
}


@pytest.mark.parametrize(("make", "expected"), ODD_CSV.values(), ids=ODD_CSV.keys())
def test_odd_csv_files(tmp_path: Path, make: Make, expected: dict[str, Any]) -> None:
    make(tmp_path)
    assert found(tmp_path) == expected


BROKEN_CSV: dict[str, tuple[Make, list[str]]] = {
    "an image that is not there": (
        csv_file(HEADER + "b.png,3,4,6,12,24\n"),
        ["l.csv:2: the image 'b.png' is not there"],
    ),
    "a name above": (
        csv_file(HEADER + "../b.png,3,4,6,12,24\n"),
        ["l.csv:2: the image '../b.png' is outside"],
    ),
    "no image": (csv_file(HEADER + ",3,4,6,12,24\n"), ["l.csv:2: no image is named"]),
    "no digit": (csv_file(HEADER + "a.png,,4,6,12,24\n"), ["l.csv:2: no digit is given"]),
    "ten": (csv_file(HEADER + "a.png,10,4,6,12,24\n"), ["l.csv:2: the class '10' is no digit"]),
    "a short line": (csv_file(HEADER + "a.png,3,4\n"), ["l.csv:2: '' is no number"]),
    "decimal commas": (csv_file(HEADER + 'a.png,3,"4,5",6,12,24\n'), ["l.csv:2: '4,5' is no number"]),
    "no area": (csv_file(HEADER + "a.png,3,4,6,4,24\n"), ["l.csv:2: the box has no area"]),
    "not a number": (
        csv_file(HEADER + "a.png,3,nan,6,12,24\n"),
        ["l.csv:2: the box is not of finite numbers"],
    ),
    "lines are counted where names have some": (
        csv_file(HEADER + '"a\nb.png",3,4,6,12,24\na.png,3,x,6,12,24\n'),
        ["l.csv:2: the image 'a\\nb.png' is not there", "l.csv:4: 'x' is no number"],
    ),
    "a quote that does not end": (
        csv_file(HEADER + 'a.png,3,4,6,12,24\n"a.png,3\n'),
        ["l.csv:3: not CSV that is read"],
    ),
    "a huge cell": (csv_file(HEADER + "a" * 200_000 + ",3,4,6,12,24\n"), ["l.csv:2: not CSV that is read"]),
    "another size": (
        csv_file(HEADER.replace("digit", "width_px,height_px,digit") + "a.png,9,9,3,4,6,12,24\n"),
        ["l.csv:2: its size is said to be 9 x 9"],
    ),
}


@pytest.mark.parametrize(("make", "expected"), BROKEN_CSV.values(), ids=BROKEN_CSV.keys())
def test_broken_csv_files(tmp_path: Path, make: Make, expected: list[str]) -> None:
    make(tmp_path)
    assert_problems(problems(tmp_path), expected)
