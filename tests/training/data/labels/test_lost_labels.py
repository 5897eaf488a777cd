"""Labels that do not find their images, and images that do not find their labels: none becomes background."""

import unicodedata
from pathlib import Path

import pytest

from tests.training.data.labels.folders import paint, write
from tests.training.data.labels.odd_folders import (
    DIGIT,
    LINE,
    YAML,
    Make,
    assert_problems,
    both,
    coco,
    found,
    moved,
    problems,
    read,
    yolo,
)
from training.data.labels.folder import LabelOptions, read_labels
from training.errors import DataError

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "décor") for form in ("NFC", "NFD"))

FOUND: dict[str, tuple[Make, str]] = {
    "Labels/ with a capital": (moved("labels", "Labels", yolo()), "images/a.png"),
    "IMAGES/ and LABELS/": (moved("images", "IMAGES", moved("labels", "LABELS", yolo())), "IMAGES/a.png"),
    "a suffix in capitals": (moved("labels/a.txt", "labels/a.TXT", yolo()), "images/a.png"),
    "a stem in capitals": (moved("labels/a.txt", "labels/A.txt", yolo()), "images/a.png"),
    "an accent of its own beside one that is part of the letter": (
        moved(
            "images/a.png",
            f"images/{COMPOSED}.png",
            moved("labels/a.txt", f"labels/{DECOMPOSED}.txt", yolo()),
        ),
        f"images/{COMPOSED}.png",
    ),
    "labels beside the images, in a folder called images": (
        moved("labels/a.txt", "images/a.txt", yolo()),
        "images/a.png",
    ),
}


@pytest.mark.parametrize(("make", "image"), FOUND.values(), ids=FOUND.keys())
def test_labels_are_found_in_any_case_and_form(tmp_path: Path, make: Make, image: str) -> None:
    make(tmp_path)
    assert found(tmp_path) == {image: [DIGIT]}


ORPHANED: dict[str, str] = {
    "two suffixes": "labels/b.png.txt",
    "one suffix twice": "labels/b.txt.txt",
    "another suffix": "labels/b.text",
    "no suffix": "labels/b",
    "a folder of another name": "annotations/b.txt",
    "a folder deeper": "labels/train/b.txt",
    "the folder above": "b.txt",
}


@pytest.mark.parametrize("place", ORPHANED.values(), ids=ORPHANED.keys())
def test_an_image_whose_labels_lie_elsewhere_is_left_out(tmp_path: Path, place: str) -> None:
    both(yolo(), lambda f: paint(f / "images" / "b.png"), lambda f: write(f / place, LINE))(tmp_path)
    assert_problems(
        problems(tmp_path), [f"{place}:1: no split has an image for these labels; images/b.png, of the same"]
    )
    labels = read_labels(tmp_path, LabelOptions(skip_bad=True), progress=False)
    assert [scene.path.name for scene in labels.scenes] == ["a.png"]


def test_labels_of_an_image_in_a_format_that_is_not_read_name_it(tmp_path: Path) -> None:
    both(yolo(), lambda f: write(f / "images" / "b.DNG", "x"), lambda f: write(f / "labels" / "b.txt", LINE))(
        tmp_path
    )
    assert problems(tmp_path) == [
        "labels/b.txt:1: no split has an image for these labels; images/b.DNG is in a format that is not read: "
        "convert it"
    ]


@pytest.mark.parametrize("name", ["b.AVIF", "b.jfif"])
def test_labels_of_an_image_in_a_format_of_phones_and_browsers_are_read(tmp_path: Path, name: str) -> None:
    both(yolo(), lambda f: paint(f / "images" / name), lambda f: write(f / "labels" / "b.txt", LINE))(
        tmp_path
    )
    labels = read(tmp_path)
    assert (labels.problems, len(labels.scenes)) == ([], 2)


def test_labels_of_images_in_no_split_are_named(tmp_path: Path) -> None:
    yolo()(tmp_path)
    paint(tmp_path / "more" / "images" / "b.png")
    write(tmp_path / "more" / "labels" / "b.txt", LINE)
    labels = read(tmp_path)
    assert (labels.problems, len(labels.scenes)) == ([], 1)
    assert [note for note in labels.notes if "more/images/b.png:1: note: this image is in no split" in note]


def test_other_texts_are_no_labels(tmp_path: Path) -> None:
    texts = {
        "README.roboflow.txt": "Digits - v1\n",
        "notes.txt": "1 2 3 4\n",
        "labels__classes.txt": "0\n1\n",
    }
    both(yolo(**texts), lambda f: write(f / "camera.txt", "1200.5 0 640 0 1\n"))(tmp_path)
    assert found(tmp_path) == {"images/a.png": [DIGIT]}


def test_predictions_do_not_cost_the_images_that_have_labels(tmp_path: Path) -> None:
    yolo(**{"runs__predict__labels__a.txt": "3 0.2 0.5 0.2 0.6 0.9\n"})(tmp_path)
    assert_problems(problems(tmp_path), ["runs/predict/labels/a.txt:1: no split has an image"])
    assert len(read(tmp_path).scenes) == 1


def test_two_images_that_differ_in_case_share_no_labels(tmp_path: Path) -> None:
    both(yolo(), lambda f: paint(f / "images" / "A.png"))(tmp_path)
    assert_problems(problems(tmp_path), ["labels/a.txt:1: it is the label file of both images/a.png and"])
    assert [scene.path.name for scene in read(tmp_path).scenes] == ["a.png"]


def test_annotations_without_an_image_may_be_of_those_that_have_none(tmp_path: Path) -> None:
    both(
        coco(
            images=[{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}],
            annotations=[
                {"id": 1, "image_id": 1, "category_id": 5, "bbox": [4, 6, 8, 18]},
                {"id": 2, "image_id": "b", "category_id": 5, "bbox": [4, 6, 8, 18]},
            ],
        ),
        lambda f: paint(f / "b.png"),
    )(tmp_path)
    assert_problems(
        problems(tmp_path),
        ["labels.json:7: no image has the id 'b'", "labels.json:5: no annotations, while 1 have no image"],
    )
    assert [scene.path.name for scene in read(tmp_path).scenes] == ["a.png"]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (yolo(label=""), "no digit is labelled in any of 1 pictures"),
        (yolo(f"train: images\n{YAML.replace('3', 'plate')}"), "all 1 boxes are of other classes (plate 1)"),
        (coco(annotations=[]), "no digit is labelled in any of 1 pictures"),
    ],
    ids=["empty files", "other classes", "no annotations"],
)
def test_a_folder_without_any_digit_is_a_problem(tmp_path: Path, make: Make, reason: str) -> None:
    make(tmp_path)
    (said,) = problems(tmp_path)
    assert reason in said
    with pytest.raises(DataError, match="has 1 problems"):
        read_labels(tmp_path, LabelOptions(skip_bad=True), progress=False)
