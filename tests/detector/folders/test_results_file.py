"""Results read back: every row that is written, and none that only looks like one."""

import json
from pathlib import Path
from typing import Any

import pytest

from detector.folders.results_file import MAX_ROW_BYTES, ErrorRow, FoundRow, ResultsFile
from detector.folders.rows import row_of, to_json_line
from detector.results.errors import ImageUndecodableError, InvalidOptionError
from tests.detector.folders.test_rows import FOUND, ROW


def results(path: Path, text: str | bytes) -> ResultsFile:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return ResultsFile(path)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    lines = [row_of("street/1.jpg", FOUND), row_of("bad\n.jpg", ImageUndecodableError("no\nimage"))]
    found, error = results(tmp_path / "a", "".join(f"{to_json_line(line)}\n" for line in lines))
    assert isinstance(found, FoundRow)
    assert (found.line, found.image, found.width_px, found.height_px) == (1, "street/1.jpg", 640, 480)
    assert [digit._asdict() | {"box": list(digit.box)} for digit in found.digits] == ROW["digits"]
    assert [(n.text, n.score, list(n.box), list(n.digits)) for n in found.numbers] == [
        (n["text"], n["score"], n["box"], n["digits"]) for n in ROW["numbers"]
    ]
    assert error == ErrorRow(2, "bad\n.jpg", "IMAGE_UNDECODABLE", "no\nimage")


def test_rows_can_be_walked_twice_and_later_ones_are_not_seen(tmp_path: Path) -> None:
    line = to_json_line(ROW) + "\n"
    first = results(tmp_path / "a", line * 2)
    with (tmp_path / "a").open("a") as file:
        file.write(line)
    assert len(list(first)) == len(list(first)) == 2
    assert len(list(ResultsFile(tmp_path / "a"))) == 3


@pytest.mark.parametrize("kept", range(0, len(to_json_line(ROW)), 37))
def test_a_torn_last_line_is_left_out(tmp_path: Path, kept: int) -> None:
    line = to_json_line(ROW)
    assert [row.line for row in results(tmp_path / "a", f"{line}\n{line[:kept]}")] == [1]


def test_a_whole_last_line_needs_no_newline(tmp_path: Path) -> None:
    line = to_json_line(ROW)
    assert [row.line for row in results(tmp_path / "a", f"{line}\n{line}")] == [1, 2]


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    assert list(results(tmp_path / "a", "")) == []


def changed(**changes: Any) -> str:
    return json.dumps({**ROW, **changes})


DIGIT = {"label": 5, "score": 0.5, "box": [1, 2, 3, 4]}
NUMBER = {"text": "5", "score": 0.5, "box": [1, 2, 3, 4], "digits": [0]}

NO_ROWS = {
    "text": ("these are no results", "Expecting value"),
    "a CSV file": ("image,number,score", "Expecting value"),
    "not UTF-8": (b'{"image": "\xe9"}', "invalid"),
    "a list": ("[]", "not a JSON object"),
    "nested too deeply": ("[" * 100_000, "recursion"),
    "another program's": ('{"file_name": "a.jpg"}', "'image' is missing"),
    "no digits": ('{"image": "a", "width_px": 1, "height_px": 1}', "'digits' is missing"),
    "a name that is no text": (changed(image=7), "image is not text"),
    "half a character": (changed(image="\ud800"), "surrogates"),
    "a null character": (changed(image="a\0b"), "null character"),
    "no width": (changed(width_px=0), "0 is not a size"),
    "a width of infinity": (changed(width_px=float("inf")), "inf is not a size"),
    "a label of two digits": (changed(digits=[{**DIGIT, "label": 12}]), "12 is not a digit"),
    "a label that is text": (changed(digits=[{**DIGIT, "label": "5"}]), "'5' is not a digit"),
    "a score above one": (changed(digits=[{**DIGIT, "score": 1.5}]), "1.5 is not a score"),
    "a score that is no number": (changed(digits=[{**DIGIT, "score": float("nan")}]), "nan is not a score"),
    "a score that is text": (changed(digits=[{**DIGIT, "score": "1"}]), "not supported"),
    "a box of three edges": (changed(digits=[{**DIGIT, "box": [1, 2, 3]}]), "not enough values"),
    "a box that is inside out": (changed(digits=[{**DIGIT, "box": [3, 2, 1, 4]}]), "is not a box"),
    "a box without end": (changed(digits=[{**DIGIT, "box": [1, 2, 1e999, 4]}]), "is not a box"),
    "digits that are a number": (changed(digits=7), "not iterable"),
    "a number of digits that are not there": (changed(numbers=[{**NUMBER, "digits": [2]}]), "of 2"),
    "a number of digits from the end": (changed(numbers=[{**NUMBER, "digits": [-1]}]), "of 2"),
    "an error that is text": ('{"image": "a", "error": "bad"}', "indices"),
}


@pytest.mark.parametrize(("line", "reason"), NO_ROWS.values(), ids=NO_ROWS)
def test_what_is_no_row_is_refused_by_file_and_line(tmp_path: Path, line: str | bytes, reason: str) -> None:
    data = line if isinstance(line, bytes) else line.encode()
    good = to_json_line(ROW).encode()
    with pytest.raises(InvalidOptionError, match=reason) as refused:
        list(results(tmp_path / "made.jsonl", good + b"\n" + data + b"\n" + good + b"\n"))
    assert "made.jsonl, line 2 is not a row" in str(refused.value)


def test_a_line_without_end_is_refused_before_it_is_in_memory(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.truncate(MAX_ROW_BYTES * 4)  # a hole: no disk is used
    with pytest.raises(InvalidOptionError, match="line 1 is not a row"):
        list(ResultsFile(tmp_path / "a"))


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidOptionError, match="cannot be read"):
        ResultsFile(tmp_path / name)
