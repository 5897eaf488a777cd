"""`digit-detector-train check`, run as a user runs it."""

from pathlib import Path

import pytest
from PIL import Image

from tests.training.data.labels.folders import Drawn, paint, write, write_coco, write_yolo
from training.cli.main import main


def check(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, list[str]]:
    code = main(["check", *map(str, arguments)])
    return code, capsys.readouterr().out.splitlines()


@pytest.mark.slow
def test_a_good_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heights = [*range(10, 20), 30]
    marks = [(str(height % 10), (1.0, 1.0, 9.0, 1.0 + height)) for height in heights]
    write_yolo(tmp_path / "set", [Drawn("a.png", (40, 40), marks), Drawn("b.png")])
    code, lines = check(capsys, "--data", tmp_path / "set", "--out", tmp_path / "out")
    assert code == 0
    assert lines == [
        "format: YOLO (data.yaml)",
        "images: 2 (train 2), 1 of them without digits",
        "digits: 11 (0: 2  1: 1  2: 1  3: 1  4: 1  5: 1  6: 1  7: 1  8: 1  9: 1)",
        "heights: 10 px (5%), 15 px (median), 24 px (95%)",
        "clipped: 0 boxes that leave their image in part",
        "ignored: 0 boxes of other classes",
        "problems: 0 (the counts above are without the 0 images that have some)",
        f"drawn: {tmp_path / 'out' / 'contact_sheet.png'}",
        f"drawn: {tmp_path / 'out' / 'heights.png'}",
    ]
    for name in ("contact_sheet", "heights"):
        with Image.open(tmp_path / "out" / f"{name}.png") as picture:
            assert len(set(picture.convert("L").tobytes())) > 20, f"{name} shows something"


def test_every_problem_is_said_and_the_exit_code_is_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marks = [("3", (0.0, 0.0, 9.0, 20.0)), ("1", (-4.0, 0.0, 9.0, 20.0))]
    write_yolo(tmp_path, [Drawn("a.png", marks=marks), Drawn("b.png"), Drawn("c.png")])
    write(tmp_path / "labels" / "b.txt", "x\n1 2 3\n")
    write(tmp_path / "images" / "c.png", "no picture")
    code, lines = check(capsys, "--data", tmp_path)
    assert code == 1
    assert lines[0].startswith(f"{tmp_path}/labels/b.txt:1: 1 columns instead of 5")
    assert lines[1].startswith(f"{tmp_path}/labels/b.txt:2: 3 columns instead of 5")
    assert lines[2].startswith(f"{tmp_path}/labels/c.txt:1: the image 'c.png' cannot be used")
    assert "clipped: 1 boxes that leave their image in part" in lines
    assert lines[-1] == "problems: 3 (the counts above are without the 2 images that have some)"


def test_classes_are_told_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_coco(
        tmp_path, [Drawn("a.png", marks=[("3", (0.0, 0.0, 9.0, 20.0)), ("4", (9.0, 0.0, 19.0, 20.0))])]
    )
    path = tmp_path / "labels.json"
    path.write_text(path.read_text().replace('"name": "3"', '"name": "three"'))
    assert "ignored: 1 boxes of other classes (three 1)" in check(capsys, "--data", tmp_path)[1]
    _, lines = check(capsys, "--data", tmp_path, "--classes", "three=3", "4=ignore")
    assert "digits: 1 (0: 0  1: 0  2: 0  3: 1  4: 0  5: 0  6: 0  7: 0  8: 0  9: 0)" in lines
    assert "ignored: 1 boxes of other classes (4 1)" in lines


@pytest.mark.parametrize("given", ["three", "three=", "=3", "three=10", "three=x", "three=²"])
def test_a_mapping_that_is_none_is_refused(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        main(["check", "--data", ".", "--classes", given])
    assert refusal.value.code == 2
    assert "NAME=DIGIT" in capsys.readouterr().err


def test_a_folder_without_digits_draws_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_yolo(tmp_path / "set", [Drawn("a.png")])
    code, lines = check(capsys, "--data", tmp_path / "set", "--out", tmp_path / "out")
    assert (code, (tmp_path / "out").exists()) == (1, False)
    assert lines[0] == f"{tmp_path}/set/data.yaml:1: no digit is labelled in any of 1 pictures"
    assert "images: 1 (train 1), 1 of them without digits" in lines


def test_a_folder_without_labels_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paint(tmp_path / "a.png")
    assert main(["check", "--data", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "holds no labels in a format that is read" in said
    assert "data.yaml" in said
