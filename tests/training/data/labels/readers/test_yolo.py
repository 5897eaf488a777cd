"""YOLO folders as tools write them, broken ones and hostile ones."""

from pathlib import Path
from typing import Any

import pytest

from tests.training.data.labels.folders import paint, write
from tests.training.data.labels.odd_folders import (
    DIGIT,
    LINE,
    YAML,
    Make,
    assert_problems,
    both,
    found,
    moved,
    problems,
    read,
    yolo,
)

ODD_YOLO: dict[str, tuple[Make, dict[str, list[Any]]]] = {
    "names in a dictionary, as ultralytics writes them": (
        yolo("train: images\nnames:\n  0: '7'\n  3: '3'\n"),
        {"images/a.png": [DIGIT]},
    ),
    "names that YAML takes for numbers": (
        yolo("train: images\nnames: [0, 1, 2, 3]\n"),
        {"images/a.png": [DIGIT]},
    ),
    "a path, and splits below it": (
        moved(
            "images",
            "set/images/val",
            moved("labels", "set/labels/val", yolo(f"path: set\nval: images/val\n{YAML}")),
        ),
        {"set/images/val/a.png": [DIGIT]},
    ),
    "Roboflow's ../ for what lies beside data.yaml": (
        moved(
            "images", "train/images", moved("labels", "train/labels", yolo(f"train: ../train/images\n{YAML}"))
        ),
        {"train/images/a.png": [DIGIT]},
    ),
    "several folders for a split": (
        both(yolo(f"train: [images, more/images]\n{YAML}"), lambda f: paint(f / "more" / "images" / "b.png")),
        {"images/a.png": [DIGIT], "more/images/b.png": []},
    ),
    "a list of images in a file": (
        both(
            yolo(f"train: train.txt\n{YAML}", **{"train.txt": "./images/a.png\n\n"}),
            lambda f: paint(f / "images" / "b.png"),
        ),
        {"images/a.png": [DIGIT]},
    ),
    "no folder called images: labels lie beside": (
        moved("images/a.png", "all/a.png", moved("labels/a.txt", "all/a.txt", yolo(f"train: all\n{YAML}"))),
        {"all/a.png": [DIGIT]},
    ),
    "no label file: no digits": (
        both(yolo(), lambda f: (f / "labels" / "a.txt").unlink()),
        {"images/a.png": []},
    ),
    "an empty label file: no digits": (yolo(label=""), {"images/a.png": []}),
    "Windows: a byte order mark, CRLF and \\": (
        yolo(
            f"\ufefftrain: .\\images\r\n{YAML}", b"\xef\xbb\xbf" + LINE.encode().replace(b"\n", b"\r\n") * 1
        ),
        {"images/a.png": [DIGIT]},
    ),
    "no newline at the end, tabs, empty lines": (
        yolo(label="\n\n" + LINE.strip().replace(" ", "\t")),
        {"images/a.png": [DIGIT]},
    ),
    "suffixes in capitals": (moved("images/a.png", "images/a.PNG", yolo()), {"images/a.PNG": [DIGIT]}),
    "images are a link to their folder": (
        both(moved("images", "elsewhere", yolo()), lambda f: (f / "images").symlink_to(f / "elsewhere")),
        {"images/a.png": [DIGIT]},
    ),
    "classes.txt without data.yaml, as labelling tools write": (
        both(
            yolo(),
            lambda f: (f / "data.yaml").rename(f / "gone"),
            lambda f: write(f / "classes.txt", "0\n1\n2\n3\n"),
        ),
        {"images/a.png": [DIGIT]},
    ),
    "other texts in folders with like names": (
        moved(
            "images",
            "my labels/images",
            moved(
                "labels",
                "my labels/labels",
                yolo(f"train: my labels/images\n{YAML}", **{"my labels/plan.txt": "to do"}),
            ),
        ),
        {"my labels/images/a.png": [DIGIT]},
    ),
    "notes of a tool among the labels": (
        yolo(**{"labels__classes.txt": "0"}),
        {"images/a.png": [DIGIT]},
    ),
}


@pytest.mark.parametrize(("make", "expected"), ODD_YOLO.values(), ids=ODD_YOLO.keys())
def test_odd_yolo_folders(tmp_path: Path, make: Make, expected: dict[str, Any]) -> None:
    make(tmp_path)
    assert found(tmp_path) == expected


def test_yolos_splits_are_kept_and_an_image_belongs_to_the_first(tmp_path: Path) -> None:
    yolo(f"train: images\nval: [images, valid/images]\ntest: test/images\n{YAML}")(tmp_path)
    paint(tmp_path / "valid" / "images" / "b.png")
    paint(tmp_path / "test" / "images" / "c.png")
    splits = read(tmp_path).splits
    assert {split: [scene.path.name for scene in scenes] for split, scenes in splits.items()} == {
        "train": ["a.png"],
        "val": ["b.png"],
        "test": ["c.png"],
    }


BOMB = "a: &a [x, x]\n" + "".join(
    f"{y}: &{y} [{', '.join([f'*{x}'] * 9)}]\n" for x, y in zip("abcdefghi", "bcdefghij", strict=True)
)

BROKEN_YOLO: dict[str, tuple[Make, list[str]]] = {
    "a column too few": (yolo(label=LINE + "3 0.5 0.5 0.1\n"), ["labels/a.txt:2: 4 columns instead of 5"]),
    "a column too many": (yolo(label="3 0.5 0.5 0.1 0.1 0.9\n"), ["labels/a.txt:1: 6 columns instead of 5"]),
    "a polygon of two and a half points": (
        yolo(label="3 .1 .1 .2 .1 .2 .2 .1\n"),
        ["labels/a.txt:1: 8 columns"],
    ),
    "a polygon of no numbers": (
        yolo(label="3 .1 nan .2 .1 .2 .2\n"),
        ["labels/a.txt:1: the polygon is not of"],
    ),
    "a word": (yolo(label="three 0.5 0.5 0.1 0.1\n"), ["labels/a.txt:1: 'three' is no class number"]),
    "a negative class": (yolo(label="-1 0.5 0.5 0.1 0.1\n"), ["labels/a.txt:1: '-1' is no class number"]),
    "a class of a thousand digits": (yolo(label="9" * 5000 + " 0 0 0 0\n"), ["labels/a.txt:1: '999"]),
    "an undeclared class": (yolo(label="4 0.5 0.5 0.1 0.1\n"), ["labels/a.txt:1: class 4 is not among"]),
    "no number": (yolo(label="3 0.5 x 0.1 0.1\n"), ["labels/a.txt:1: 'x' is no number"]),
    "Python's own numbers": (yolo(label="3 0.5 0.5 1_0 0.1\n"), ["labels/a.txt:1: '1_0' is no number"]),
    "not a number": (yolo(label="3 nan 0.5 0.1 0.1\n"), ["labels/a.txt:1: the box is not of finite numbers"]),
    "infinity": (yolo(label="3 0.5 inf 0.1 0.1\n"), ["labels/a.txt:1: the box is not of finite numbers"]),
    "a huge number": (yolo(label="3 0.5 0.5 1e308 1e999\n"), ["labels/a.txt:1: the box is not of finite"]),
    "no area": (yolo(label="3 0.5 0.5 0 0.1\n"), ["labels/a.txt:1: the box has no area"]),
    "a negative side": (yolo(label="3 0.5 0.5 0.1 -0.1\n"), ["labels/a.txt:1: the box has no area"]),
    "outside": (
        yolo(label="3 1.5 0.5 0.1 0.1\n"),
        ["labels/a.txt:1: the box has no area within the image of 40 x 30"],
    ),
    "at the edge, outside": (
        yolo(label="3 1.05 0.5 0.1 0.1\n"),
        ["labels/a.txt:1: the box has no area within"],
    ),
    "pixels for fractions": (yolo(label="3 20 15 8 18\n"), ["labels/a.txt:1: the box has no area within"]),
    "every problem, not the first": (
        yolo(label="4 0.5 0.5 0.1 0.1\n3 0.5 0.5 0 0.1\n" + LINE + "x\n"),
        ["labels/a.txt:1: class 4", "labels/a.txt:2: the box has no area", "labels/a.txt:4: 1 columns"],
    ),
    "not UTF-8": (yolo(label=LINE.encode() + b"\xff\xfe\n"), ["labels/a.txt:2: not UTF-8 text"]),
    "labels without an image": (
        yolo(**{"labels__b.txt": LINE}),
        ["labels/b.txt:1: no split has an image for these"],
    ),
    "two images with one label file": (
        both(yolo(), lambda f: paint(f / "images" / "a.bmp")),
        ["labels/a.txt:1: it is the label file of both images/a.bmp and images/a.png"],
    ),
    "an image that is none": (
        both(yolo(), lambda f: write(f / "images" / "a.png", "text")),
        ["labels/a.txt:1: the image 'a.png' cannot be used: text, not an image"],
    ),
    "half an image": (
        both(yolo(), lambda f: write(f / "images" / "a.png", (f / "images" / "a.png").read_bytes()[:60])),
        ["labels/a.txt:1: the image 'a.png' cannot be used: the PNG image is truncated"],
    ),
    "an image of a header alone, 65,000 x 65,000": (
        both(
            yolo(),
            lambda f: write(
                f / "images" / "a.png",
                b"BM" + bytes(12) + b"\x28\0\0\0" + b"\xe8\xfd\0\0" * 2 + b"\1\0\x18\0" + bytes(24),
            ),
        ),
        ["labels/a.txt:1: the image 'a.png' cannot be used: the image has 65000 x 65000"],
    ),
    "a list that names the folder above": (
        yolo(f"train: train.txt\n{YAML}", **{"train.txt": "../../etc/passwd\n"}),
        ["train.txt:1: the image '../../etc/passwd' is outside the data folder"],
    ),
    "a list that is not there": (
        yolo(f"{YAML}train: t.txt\n"),
        ["data.yaml:2: the list 't.txt' is not there"],
    ),
    "a folder that is not there": (
        yolo(f"train: no/photos\nval: images\n{YAML}"),
        ["data.yaml:1: no images below 'no/photos'"],
    ),
    "a folder above": (
        yolo(f"train: ../../photos\n{YAML}"),
        ["data.yaml:1: '../../photos' leads out of the data"],
    ),
    "no names": (yolo("train: images\n"), ["data.yaml:1: `names:` is neither a list nor a dictionary"]),
    "names that are none": (
        yolo("train: images\nnames: [[0], {}]\n"),
        ["data.yaml:2: `names:` has to give a name"],
    ),
    "a split that is a number": (yolo(f"train: 7\n{YAML}"), ["data.yaml:1: `train:` has to be the path"]),
    "YAML that is none": (yolo("train: images\nnames: [0\n"), ["data.yaml:3: not YAML that is read"]),
    "YAML that is text": (yolo("hello"), ["data.yaml:1: no `names:`"]),
    "YAML with a tag that runs code": (
        yolo("train: !!python/object/apply:os.system ['touch owned']\n"),
        ["data.yaml:1: not YAML that is read"],
    ),
    "YAML that grows": (yolo(BOMB), ["data.yaml:2: not YAML that is read: it has aliases"]),
    "YAML nested too deeply": (yolo("[" * 60_000), ["data.yaml:1: not YAML that is read: it is nested"]),
    "YAML with control characters": (yolo("\x00\x01"), ["data.yaml:1: not YAML that is read"]),
}


@pytest.mark.parametrize(("make", "expected"), BROKEN_YOLO.values(), ids=BROKEN_YOLO.keys())
def test_broken_yolo_folders(tmp_path: Path, make: Make, expected: list[str]) -> None:
    make(tmp_path)
    assert_problems(problems(tmp_path), expected)
