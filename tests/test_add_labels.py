"""Digits that a data set's labels lack are added to a copy of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from training.calibration.observations import read_validation_set

sys.path.append(str(Path(__file__).parent.parent / "scripts"))
from add_labels import add_labels

HEAD = "image,label,x_min,y_min,x_max,y_max\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A photograph that is labelled for one sign, 7."""
    folder = tmp_path / "data"
    (folder / "images" / "val").mkdir(parents=True)
    Image.new("RGB", (200, 100)).save(folder / "images" / "val" / "a.png")
    (folder / "annotations").mkdir()
    coco = {
        "images": [{"id": 5, "file_name": "a.png", "width": 200, "height": 100}],
        "annotations": [{"id": 9, "image_id": 5, "category_id": 7, "bbox": [10, 10, 12, 20], "iscrowd": 0}],
        "categories": [{"id": digit, "name": str(digit)} for digit in range(10)],
    }
    (folder / "annotations" / "instances_val.json").write_text(json.dumps(coco))
    (folder / "numbers.csv").write_text("image,number,x_min,y_min,x_max,y_max\na.png,7,10,10,22,30\n")
    return folder


def test_added_digits_are_labels_and_spell_numbers(data: Path, tmp_path: Path) -> None:
    table = tmp_path / "more.csv"
    table.write_text(HEAD + "a.png,1,110,50,118,70\na.png,2,120,50,132,70\na.png,3,180,80,190,98\n")
    assert add_labels(data, table, tmp_path / "copy") == 3
    chosen = read_validation_set(tmp_path / "copy")
    assert chosen.scenes[0].labels.tolist() == [7, 1, 2, 3]
    assert chosen.scenes[0].boxes[1:].tolist() == [[110, 50, 118, 70], [120, 50, 132, 70], [180, 80, 190, 98]]
    assert [number.digits for number in chosen.numbers[0]] == ["7", "12", "3"]
    assert read_validation_set(data).scenes[0].labels.tolist() == [7], "the original is as it was"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        pytest.param("b.png,1,1,1,9,9", "no such image or digit: b.png, 1", id="an unknown image"),
        pytest.param("a.png,x,1,1,9,9", "no such image or digit: a.png, x", id="a letter"),
        pytest.param("a.png,1,1,1,9", "needs image, label, x_min", id="an edge is missing"),
        pytest.param("a.png,1,1,1,9,wide", "needs image, label, x_min", id="a word for an edge"),
    ],
)
def test_a_row_that_fits_nothing_is_named(row: str, why: str, data: Path, tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text(HEAD + row + "\n")
    script = Path(__file__).parent.parent / "scripts" / "add_labels.py"
    command = [
        sys.executable,
        script,
        "--data",
        data,
        "--table",
        tmp_path / "more.csv",
        "--out",
        tmp_path / "c",
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert f"more.csv:2: {why}" in run.stderr
    assert not (tmp_path / "c").exists()
