"""RapidOCR's texts become numbers as the figures of this package count them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.append(str(Path(__file__).parent.parent / "scripts"))
from rapidocr_numbers import numbers_in

CORNERS = np.array([[4, 2], [30, 5], [29, 12], [3, 9]], np.float32)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        pytest.param("203", ["203"], id="a number"),
        pytest.param("502C", ["502"], id="letters are left out"),
        pytest.param("215; 216", ["215", "216"], id="a list"),
        pytest.param("RM", [], id="a word"),
        pytest.param("12²", ["12"], id="a digit of no house number"),
    ],
)
def test_runs_of_digits_are_numbers(text: str, numbers: list[str]) -> None:
    found = numbers_in(text, 0.9, CORNERS)
    assert [number.text for number in found] == numbers
    assert all(number.box == (3, 2, 30, 12) for number in found)


def test_a_split_that_is_not_there_is_named(checkout: Path, tmp_path: Path) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    (tmp_path / "digits.csv").write_text("image,digit,x_min,y_min,x_max,y_max\na.png,3,2,2,9,18\n")
    command = [
        sys.executable,
        str(checkout / "scripts" / "rapidocr_numbers.py"),
        "--data",
        str(tmp_path),
        "--split",
        "test",
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=checkout)
    assert run.returncode == 2
    assert "has no images of 'test'; it has train" in run.stderr
