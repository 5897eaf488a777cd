"""COCO files as tools write them, broken ones and hostile ones."""

from pathlib import Path
from typing import Any

import pytest

from tests.training.data.labels.folders import write
from tests.training.data.labels.odd_folders import (
    DIGIT,
    Make,
    assert_problems,
    both,
    coco,
    found,
    moved,
    problems,
    read,
)

ODD_COCO: dict[str, tuple[Make, dict[str, list[Any]]]] = {
    "beside the file": (coco(), {"a.png": [DIGIT]}),
    "in images/": (moved("a.png", "images/a.png", coco()), {"images/a.png": [DIGIT]}),
    "the official places": (
        moved("a.png", "val2017/a.png", coco(name="annotations/instances_val2017.json")),
        {"val2017/a.png": [DIGIT]},
    ),
    "Roboflow's places": (
        moved("a.png", "valid/a.png", coco(name="valid/_annotations.coco.json")),
        {"valid/a.png": [DIGIT]},
    ),
    "a path with a folder": (
        moved("a.png", "images/x/a.png", coco(image={"file_name": "x\\a.png"})),
        {"images/x/a.png": [DIGIT]},
    ),
    "a path that stays inside": (
        moved(
            "a.png", "images/a.png", coco(name="annotations/l.json", image={"file_name": "../images/a.png"})
        ),
        {"images/a.png": [DIGIT]},
    ),
    "ids that are words": (
        coco(image={"id": "x"}, annotation={"image_id": "x"}),
        {"a.png": [DIGIT]},
    ),
    "sizes that are right": (coco(image={"width": 40, "height": 30}), {"a.png": [DIGIT]}),
    "sizes that are not known": (coco(image={"width": None, "height": None}), {"a.png": [DIGIT]}),
    "sizes that pandas does not know": (
        coco(image={"width": 40, "height": float("nan")}),
        {"a.png": [DIGIT]},
    ),
    "sizes of nothing": (coco(image={"width": 0, "height": 0}), {"a.png": [DIGIT]}),
    "no annotations": (coco(annotations=[]), {"a.png": []}),
    "a crowd": (coco(annotation={"iscrowd": 1}), {"a.png": []}),
    "another class": (coco(annotation={"category_id": 80}), {"a.png": []}),
}


@pytest.mark.parametrize(("make", "expected"), ODD_COCO.values(), ids=ODD_COCO.keys())
def test_odd_coco_files(tmp_path: Path, make: Make, expected: dict[str, Any]) -> None:
    make(tmp_path)
    assert found(tmp_path) == expected


BROKEN_COCO: dict[str, tuple[Make, list[str]]] = {
    "an image that is not there": (
        coco(image={"file_name": "b.png"}),
        ["labels.json:4: the image 'b.png' is not there"],
    ),
    "a name in the folder above": (
        coco(image={"file_name": "../../b.png"}),
        ["labels.json:4: the image '../../b.png' is outside"],
    ),
    "an absolute name": (
        coco(image={"file_name": "/etc/passwd"}),
        ["labels.json:4: the image '/etc/passwd' is outside"],
    ),
    "an empty name": (coco(image={"file_name": ""}), ["labels.json:4: the image '' is not there"]),
    "a name with a null character": (
        coco(image={"file_name": "b.png\0"}),
        ["labels.json:4: the image 'b.png\\x00' is"],
    ),
    "a name that is a list": (
        coco(image={"file_name": ["a"]}),
        ["labels.json:4: an image needs", "labels.json:5: no image has the id 1"],
    ),
    "two images with one id": (
        coco(images=[{"id": 1, "file_name": "a.png"}, {"id": 1, "file_name": "b.png"}]),
        ["labels.json:5: a second image has the id 1"],
    ),
    "one image twice": (
        coco(images=[{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "a.png"}]),
        ["labels.json:5: the image 'a.png' is labelled already"],
    ),
    "two categories with one id": (
        coco(categories=[{"id": 5, "name": "3"}, {"id": 5, "name": "4"}]),
        ["labels.json:3: a second category has the id 5"],
    ),
    "a category without a name": (
        coco(categories=[{"id": 5}]),
        ["labels.json:2: a category needs", "labels.json:4: category_id 5 is not among"],
    ),
    "an undeclared category": (
        coco(annotation={"category_id": 6}),
        ["labels.json:5: category_id 6 is not among"],
    ),
    "a category that is a list": (
        coco(annotation={"category_id": []}),
        ["labels.json:5: category_id [] is not"],
    ),
    "an image that is not listed": (
        coco(annotation={"image_id": 9}),
        ["labels.json:5: no image has the id 9", "labels.json:4: no annotations, while 1 have no image"],
    ),
    "no bbox": (coco(annotation={"bbox": None}), ["labels.json:5: bbox is not [x, y, width, height]"]),
    "three numbers": (
        coco(annotation={"bbox": [1, 2, 3]}),
        ["labels.json:5: bbox is not [x, y, width, height]"],
    ),
    "text for a number": (coco(annotation={"bbox": ["x", 2, 3, 4]}), ["labels.json:5: bbox is not"]),
    "true for a number": (coco(annotation={"bbox": [True, 2, 3, 4]}), ["labels.json:5: bbox is not"]),
    "not a number": (
        coco(annotation={"bbox": [float("nan"), 2, 3, 4]}),
        ["labels.json:5: the box is not of finite"],
    ),
    "infinity": (
        coco(annotation={"bbox": [1, 2, float("inf"), 4]}),
        ["labels.json:5: the box is not of finite"],
    ),
    "a whole number beyond all floats": (
        coco(annotation={"bbox": [1, 2, 10**400, 4]}),
        ["labels.json:5: the box is not of finite"],
    ),
    "a number of too many digits": (
        both(
            coco(),
            lambda f: write(
                f / "labels.json", '{"images": [],"annotations":[\n' + "9" * 9000 + '],"categories":[]}'
            ),
        ),
        ["labels.json:2: not JSON that is read"],
    ),
    "no area": (coco(annotation={"bbox": [4, 6, 0, 18]}), ["labels.json:5: the box has no area"]),
    "outside": (
        coco(annotation={"bbox": [40, 6, 8, 18]}),
        ["labels.json:5: the box has no area within the image"],
    ),
    "another size": (
        coco(image={"width": 41, "height": 30}),
        ["labels.json:4: its size is said to be 41 x 30, the image"],
    ),
    "a huge size": (
        coco(image={"width": 1e300, "height": 1e300}),
        ["labels.json:4: its size is said to be 1e+300 x"],
    ),
    "entries that are no objects": (
        coco(images=[3], annotations=["x"]),
        ["labels.json:3: one of the images is no JSON object", "labels.json:3: one of the annotations is no"],
    ),
    "a list that is none": (coco(annotations={}), ["labels.json:4: not JSON that is read: '[' is missing"]),
    "cut off": (
        both(coco(), lambda f: write(f / "labels.json", (f / "labels.json").read_text()[:-9])),
        ["labels.json:5: not JSON that is read"],
    ),
    "nested too deeply": (
        both(
            coco(),
            lambda f: write(
                f / "labels.json", '{"images": [],\n"categories": [], "annotations": [' + "[" * 100_000
            ),
        ),
        ["labels.json:2: not JSON that is read: it is nested too deeply"],
    ),
    "not UTF-8": (
        both(coco(), lambda f: write(f / "labels.json", (f / "labels.json").read_bytes() + b"\n\xff")),
        ["labels.json:6: not UTF-8 text"],
    ),
}


@pytest.mark.parametrize(("make", "expected"), BROKEN_COCO.values(), ids=BROKEN_COCO.keys())
def test_broken_coco_files(tmp_path: Path, make: Make, expected: list[str]) -> None:
    make(tmp_path)
    assert_problems(problems(tmp_path), expected)


def test_cocos_splits_are_told_by_their_files(tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        coco(name="_annotations.coco.json")(tmp_path / split)
    assert {split: len(scenes) for split, scenes in read(tmp_path).splits.items()} == {
        "train": 1,
        "val": 1,
        "test": 1,
    }
