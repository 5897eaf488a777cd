"""Classes that are no digits by their names: what they seem to mean is said, and numbers may be written in any way."""

from pathlib import Path

import pytest

from tests.training.data.labels.folders import write
from tests.training.data.labels.odd_folders import (
    BOX,
    DIGIT,
    HEADER,
    Make,
    assert_problems,
    coco,
    csv_file,
    found,
    problems,
    read,
    voc,
    yolo,
)
from training.cli.main import main
from training.data.labelled_data import read_own_data
from training.data.labels.folder import LabelOptions
from training.data.labels.values import class_option, identity, local_number, seeming_digit, whole_number
from training.errors import DataError


@pytest.mark.parametrize(
    ("name", "digit"),
    [
        ("digit_3", 3),
        ("3_digit", 3),
        ("digit3", 3),
        ("number 3", 3),
        ("Class-03", 3),
        ("three", 3),
        ("Digit Seven", 7),
        ("'3'", 3),
        ("\uff13", 3),
        ("10", 0),
        ("digit_10", 0),
        ("13", None),
        ("digit_13", None),
        ("3 of 4", None),
        ("house number", None),
        ("stone", None),
        ("9" * 5000, None),
        ("", None),
    ],
)
def test_the_digit_that_a_name_seems_to_mean(name: str, digit: int | None) -> None:
    assert seeming_digit(name) == digit


def test_the_option_can_be_pasted() -> None:
    assert class_option(["digit_1", "number 3", "plate"]) == "--classes digit_1=1 'number 3=3'"
    assert class_option(["plate"]) == ""


def names(*classes: str) -> Make:
    return yolo(f"train: images\nnames: {list(classes)}\n")


@pytest.mark.parametrize(
    ("make", "option"),
    [
        (names("digit_0", "digit_1", "digit_2", "digit_3"), "--classes digit_3=3"),
        (names("zero", "one", "two", "three"), "--classes three=3"),
        (coco(categories=[{"id": 5, "name": "digit_3"}]), "--classes digit_3=3"),
        (names("a", "b", "c", "car"), "--classes NAME=DIGIT"),
    ],
    ids=["digit_3", "three", "COCO", "no digit"],
)
def test_a_folder_whose_boxes_are_all_ignored_is_a_problem(tmp_path: Path, make: Make, option: str) -> None:
    make(tmp_path)
    (said,) = problems(tmp_path)
    assert "no digit is left: all 1 boxes are of other classes" in said
    assert said.endswith(option)
    with pytest.raises(DataError, match="all 1 boxes are of other classes"):
        read_own_data(tmp_path, LabelOptions(), 1)


def test_check_names_the_option_and_with_it_all_is_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names("0", "1", "2", "digit_3")(tmp_path)
    write(tmp_path / "labels" / "a.txt", "3 0.2 0.5 0.2 0.6\n1 0.6 0.5 0.2 0.6\n")
    assert main(["check", "--data", str(tmp_path)]) == 0
    assert "some of these seem to be digits; this takes them: --classes digit_3=3" in capsys.readouterr().out
    assert main(["check", "--data", str(tmp_path), "--classes", "digit_3=3"]) == 0
    assert "some of these" not in capsys.readouterr().out


def test_what_is_ignored_on_purpose_is_not_asked_for(tmp_path: Path) -> None:
    names("0", "1", "2", "digit_3 ")(tmp_path)
    write(tmp_path / "labels" / "a.txt", "3 0.2 0.5 0.2 0.6\n1 0.6 0.5 0.2 0.6\n")
    assert read(tmp_path).class_option() == "--classes digit_3=3"
    assert read(tmp_path, LabelOptions({"digit_3": None})).class_option() == ""


def test_svhns_ten_is_asked_for_where_no_zeros_are(tmp_path: Path) -> None:
    yolo("train: images\nnames: ['0', '10', '2', '3']\n", "3 0.2 0.5 0.2 0.6\n1 0.6 0.5 0.2 0.6\n")(tmp_path)
    assert read(tmp_path).class_option() == "--classes 10=0"
    write(tmp_path / "labels" / "a.txt", "0 0.2 0.5 0.2 0.6\n1 0.6 0.5 0.2 0.6\n")
    assert read(tmp_path).class_option() == ""


@pytest.mark.parametrize("make", [voc(name="digit_3"), csv_file(HEADER + "a.png,digit_3,4,6,12,24\n")])
def test_formats_without_class_lists_ask_for_it(tmp_path: Path, make: Make) -> None:
    make(tmp_path)
    assert "say which with --classes digit_3=3, or --classes digit_3=ignore" in problems(tmp_path)[0]
    assert list(found(tmp_path, LabelOptions({"digit_3": 3})).values()) == [[DIGIT]]


CLASSES = "train: images\nnames: {}\n"

WRITTEN: dict[str, Make] = {
    "YOLO: names with spaces": yolo(CLASSES.format("['0 ', ' 1', '2', ' 3 ']")),
    "YOLO: names that are floats": yolo(CLASSES.format("[0.0, 1.0, 2.0, 3.0]")),
    "YOLO: numbers in quotes": yolo(CLASSES.format("{'0': '0', '3': '3'}")),
    "YOLO: numbers that are floats": yolo(CLASSES.format("{0.0: '0', 3.0: '3'}")),
    "YOLO: a class with a point": yolo(label="3.0 0.2 0.5 0.2 0.6\n"),
    "YOLO: numpy.savetxt": yolo(label="3.000e+00 2.000e-01 5.000e-01 2.000e-01 6.000e-01\n"),
    "COCO: pandas' floats": coco(image={"id": 1.0}, annotation={"image_id": 1.0, "category_id": 5.0}),
    "COCO: ids that are text": coco(annotation={"image_id": "1", "category_id": "5"}),
    "COCO: boxes that are text": coco(annotation={"bbox": [str(edge) for edge in BOX]}),
    "COCO: iscrowd that is text": coco(annotation={"iscrowd": "0"}),
    "COCO: sizes that are text": coco(image={"width": "40", "height": "30.0"}),
    "COCO: a name that is a number": coco(categories=[{"id": 5, "name": 3}]),
    "VOC: a name with a point": voc(name="3.0"),
    "VOC: spaces": voc("<xmin> 5 </xmin><ymin>7.0</ymin><xmax>1.2e1</xmax><ymax>24</ymax>", name=" 3 "),
    "CSV: pandas' floats": csv_file(HEADER + "a.png,3.0,4.0,6.0,12.0,24.0\n"),
    "CSV: spaces": csv_file(HEADER.replace(",", ", ") + "a.png, 3, 4, 6, 12, 24\n"),
}


@pytest.mark.parametrize("make", WRITTEN.values(), ids=WRITTEN.keys())
def test_numbers_as_tools_write_them(tmp_path: Path, make: Make) -> None:
    make(tmp_path)
    assert list(found(tmp_path).values()) == [[DIGIT]]


def test_a_half_is_no_class_and_no_id(tmp_path: Path) -> None:
    yolo(label="3.5 0.2 0.5 0.2 0.6\n")(tmp_path / "yolo")
    assert_problems(problems(tmp_path / "yolo"), ["labels/a.txt:1: '3.5' is no class number"])
    coco(annotation={"category_id": 5.5})(tmp_path / "coco")
    assert_problems(problems(tmp_path / "coco"), ["labels.json:5: category_id 5.5 is not among"])
    yolo(CLASSES.format("{3: '3', '3': '4'}"))(tmp_path / "names")
    assert_problems(problems(tmp_path / "names"), ["data.yaml:2: `names:` has two names for 3"])


@pytest.mark.parametrize(
    ("value", "whole", "told_by"),
    [
        (3, 3, 3),
        (3.0, 3, 3),
        ("3", 3, 3),
        ("3.0", 3, 3),
        ("3.00e+00", 3, 3),
        ("003", 3, "003"),
        (3.5, None, None),
        (float("nan"), None, None),
        (float("inf"), None, None),
        (True, None, None),
        (None, None, None),
        ([], None, None),
        ("three", None, "three"),
        ("9" * 5000, None, "9" * 5000),
        ("1e999", None, "1e999"),
    ],
    ids=lambda value: str(value)[:9],
)
def test_whole_numbers_and_ids(value: object, whole: int | None, told_by: object) -> None:
    assert (whole_number(value), identity(value)) == (whole, told_by)


@pytest.mark.parametrize(("text", "value"), [("4,5", 4.5), ("-4,50", -4.5), ("4.5", 4.5), ("1,2e+01", 12.0)])
def test_decimal_commas(text: str, value: float) -> None:
    assert local_number(text) == value


@pytest.mark.parametrize("text", ["1,234.5", "1,2,3", ",5", "1_0", ""])
def test_what_is_no_number_with_a_comma(text: str) -> None:
    with pytest.raises(ValueError, match="is no number"):
        local_number(text)
