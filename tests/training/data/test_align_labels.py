"""Labels from known numbers: real pictures and the real model, and tables that are none."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from detector.pipeline.detector import DigitDetector
from detector.results.boxes import iou
from detector.results.errors import InvalidOptionError
from tests.training.official_files import REAL, TEST_DATA, write_split
from training.cli.main import main
from training.data.align_labels import LABELS, Known, align_labels, read_numbers
from training.data.detector_data import load_detector_data
from training.data.labelled_data import RECOVERED
from training.data.labels.folder import LabelOptions, read_labels
from training.errors import DataError

NUMBERS = {
    name: "".join(str(digit) for digit, *_ in sorted(REAL[name], key=lambda digit: digit[1])) for name in REAL
}


def picture(name: str) -> Path:
    return TEST_DATA / f"svhn_train_{name}"


def table(path: Path, rows: dict[str, str], header: str = "image,number") -> Path:
    path.write_text("\n".join([header, *(f"{name},{number}" for name, number in rows.items())]) + "\n")
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in REAL:
        shutil.copy(picture(name), folder / name)
    return folder


def test_real_numbers_get_the_boxes_that_people_drew(
    pictures: Path, embedded: DigitDetector, tmp_path: Path
) -> None:
    known = read_numbers(table(tmp_path / "numbers.csv", NUMBERS), pictures)
    found = align_labels(embedded, known, tmp_path / "out")
    assert (found.labelled, found.unsure, found.unreadable) == (len(REAL), [], [])
    scenes = read_labels(tmp_path / "out", LabelOptions(), progress=False).scenes
    for scene in scenes:
        digits = sorted(REAL[scene.path.name], key=lambda digit: digit[1])
        truth = np.array([[x, y, x + w, y + h] for _, x, y, w, h in digits], np.float32)
        assert scene.number == NUMBERS[scene.path.name]
        assert (np.diag(iou(scene.boxes, truth)) > 0.5).all(), scene.path.name


def test_what_is_not_found_or_not_read_is_told_and_left_out(
    pictures: Path, embedded: DigitDetector, tmp_path: Path
) -> None:
    name, *_ = REAL
    (pictures / "broken.png").write_bytes(b"none")
    known = [
        Known(pictures / name, "88888"),
        Known(pictures / "broken.png", "1"),
        Known(pictures / "no.png", "1"),
    ]
    found = align_labels(embedded, known, tmp_path / "out")
    assert (found.labelled, found.unsure) == (0, [pictures / name])
    assert [line.split(": ")[0] for line in found.unreadable] == [str(known[1].path), str(known[2].path)]
    assert list((tmp_path / "out").iterdir()) == [tmp_path / "out" / LABELS]


def test_nothing_is_overwritten(pictures: Path, embedded: DigitDetector, tmp_path: Path) -> None:
    with pytest.raises(InvalidOptionError, match="is there already"):
        align_labels(embedded, [], pictures)


def test_pictures_with_boxes_are_left_alone(tmp_path: Path) -> None:
    (boxed, digits), (other, number) = next(iter(REAL.items())), list(NUMBERS.items())[1]
    write_split(tmp_path, "extra", {boxed: (picture(boxed), digits)})
    rows = {boxed: NUMBERS[boxed], other: number}
    known = read_numbers(table(tmp_path / "numbers.csv", rows, "file,number"), tmp_path / "extra")
    assert known == [Known(tmp_path / "extra" / other, number)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("picture,number\n1.png,1\n", "the header needs the columns", id="no image"),
        pytest.param("image,text\n1.png,1\n", "the header needs the columns", id="no number"),
        pytest.param("", "the header needs the columns", id="empty"),
        pytest.param("image,number\n1.png,1\n2.png,4a\n", ":3: '4a' is no number", id="a letter"),
        pytest.param("image,number\n1.png,\n", ":2: '' is no number", id="no digit"),
        pytest.param("image,number\n1.png\n", ":2: '' is no number", id="too few cells"),
        pytest.param("image,number\n1.png,٣\n", "is no number", id="a digit of another script"),
        pytest.param(f"image,number\n1.png,{'1' * 21}\n", "is no number", id="too long"),
        pytest.param("image,number\n../1.png,1\n", "no name of a picture", id="outside"),
        pytest.param("image,number\n,1\n", "no name of a picture", id="no name"),
        pytest.param("image,number\n1.png,1\n1.png,2\n", "1.png is listed more than once", id="twice"),
        pytest.param('image,number\n"1.png,1\n', "not a CSV table", id="a quotation without end"),
        pytest.param(b"image,number\n\xff,1\n", "not a CSV table", id="not UTF-8"),
    ],
)
def test_tables_that_are_none(content: str | bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "numbers.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as told:
        read_numbers(path, tmp_path)
    assert message in str(told.value)
    assert str(path) in str(told.value)


def test_the_command(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers, out = table(tmp_path / "numbers.csv", NUMBERS), tmp_path / "out"
    arguments = ["align-labels", "--images", str(pictures), "--numbers", str(numbers), "--out", str(out)]
    assert main(arguments) == 0
    assert f"{len(REAL)} pictures: {len(REAL)} labelled, 0 in which" in capsys.readouterr().out
    with (out / LABELS).open(newline="") as file:
        assert len(list(csv.DictReader(file))) == sum(map(len, NUMBERS.values()))
    assert main(arguments) == 2
    assert "is there already" in capsys.readouterr().err


def test_what_was_recovered_is_learned_from_beside_the_official_files(
    pictures: Path, embedded: DigitDetector, tmp_path: Path
) -> None:
    svhn = tmp_path / "data" / "svhn"
    write_split(svhn, "train", {name: (picture(name), digits) for name, digits in REAL.items()})
    alone = load_detector_data(tmp_path / "data")
    name = next(iter(REAL))
    align_labels(embedded, [Known(pictures / name, NUMBERS[name])], svhn / RECOVERED)
    data = load_detector_data(tmp_path / "data")
    assert data.counts["recovered_images"] == 1
    assert len(data.learned) == len(alone.learned) + 1
    assert f"learn svhn/{RECOVERED}/{name}" in data.files
