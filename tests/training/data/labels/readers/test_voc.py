"""Pascal VOC folders as tools write them, broken ones and hostile ones."""

from pathlib import Path
from typing import Any

import pytest

from tests.training.data.labels.folders import write
from tests.training.data.labels.odd_folders import (
    DIGIT,
    Make,
    assert_problems,
    both,
    document,
    found,
    problems,
    read,
    voc,
)

LAUGHS = '<!DOCTYPE annotation [\n<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {y} "{f"&{x};" * 9}">' for x, y in zip("abcdefghi", "bcdefghij", strict=True)
)

ODD_VOC: dict[str, tuple[Make, dict[str, list[Any]]]] = {
    "in JPEGImages/": (voc(), {"JPEGImages/a.png": [DIGIT]}),
    "beside": (voc(image="a.png", path="a.xml"), {"a.png": [DIGIT]}),
    "a name without suffix": (voc(filename="a"), {"JPEGImages/a.png": [DIGIT]}),
    "folders below both": (
        voc(image="JPEGImages/x/a.png", path="Annotations/x/a.xml"),
        {"JPEGImages/x/a.png": [DIGIT]},
    ),
    "the folder's name": (
        voc(image="photos/a.png", more="<folder>photos</folder>"),
        {"photos/a.png": [DIGIT]},
    ),
    "VOCdevkit's folders": (
        voc(image="VOC2012/JPEGImages/a.png", path="VOC2012/Annotations/a.xml"),
        {"VOC2012/JPEGImages/a.png": [DIGIT]},
    ),
    "fractions of pixels": (
        voc("<xmin>5.0</xmin><ymin>7.0</ymin><xmax>12.5</xmax><ymax>24</ymax>"),
        {"JPEGImages/a.png": [(3, [4.0, 6.0, 12.5, 24.0])]},
    ),
    "parts of an object": (
        voc(name="3</name><part><name>stroke</name><bndbox><xmin>1</xmin></bndbox></part><name>4"),
        {"JPEGImages/a.png": [DIGIT]},
    ),
    "a size that tools do not know": (
        voc(more="<size><width>0</width><height>0</height></size>"),
        {"JPEGImages/a.png": [DIGIT]},
    ),
    "a byte order mark": (
        document("\ufeff<annotation><filename>a.png</filename></annotation>"),
        {"JPEGImages/a.png": []},
    ),
    "files of macOS": (
        both(voc(), lambda f: write(f / "Annotations" / "._a.xml", "<annotation")),
        {"JPEGImages/a.png": [DIGIT]},
    ),
}


@pytest.mark.parametrize(("make", "expected"), ODD_VOC.values(), ids=ODD_VOC.keys())
def test_odd_voc_folders(tmp_path: Path, make: Make, expected: dict[str, Any]) -> None:
    make(tmp_path)
    assert found(tmp_path) == expected


BROKEN_VOC: dict[str, tuple[Make, list[str]]] = {
    "an image that is not there": (
        voc(filename="b.png", image="JPEGImages/c.png"),
        ["Annotations/a.xml:1: the image 'b.png' is not there"],
    ),
    "no name": (voc(filename="", image="c.png"), ["Annotations/a.xml:1: the image '' is not there"]),
    "a name above": (
        voc(filename="../../../a.png", image="c.png"),
        ["Annotations/a.xml:1: the image '../../../a.png' is outside"],
    ),
    "a class that nobody knows": (
        voc(name="plate"),
        ["Annotations/a.xml:4: the class 'plate' is no digit: say which"],
    ),
    "no class": (voc(name=""), ["Annotations/a.xml:4: the object has no name"]),
    "no box": (voc("<xmin>1</xmin>"), ["Annotations/a.xml:4: the object has no ymin, xmax, ymax"]),
    "no number": (
        voc("<xmin>5</xmin><ymin>7</ymin><xmax>wide</xmax><ymax>24</ymax>"),
        ["Annotations/a.xml:4: 'wide' is no number"],
    ),
    "no area": (
        voc("<xmin>5</xmin><ymin>7</ymin><xmax>4</xmax><ymax>24</ymax>"),
        ["Annotations/a.xml:4: the box has no area"],
    ),
    "another size": (
        voc(more="<size><width>30</width><height>40</height></size>"),
        [
            "Annotations/a.xml:1: its size is said to be 30 x 40, the image is displayed with 40 x 30; is it turned by"
        ],
    ),
    "cut off": (document("<annotation>\n<object>"), ["Annotations/a.xml:2: not XML that is read"]),
    "cut off in its root": (document("<annot"), ["Annotations/a.xml:1: not XML that is read"]),
    "another document": (
        document("<!-- <annotation> -->\n<html/>"),
        ["Annotations/a.xml:2: the document is a <html>"],
    ),
    "a billion laughs": (
        document(f"{LAUGHS}]>\n<annotation><filename>&j;</filename></annotation>"),
        ["Annotations/a.xml:1: not XML that is read: it has"],
    ),
    "a file of the system": (
        document('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>'),
        ["Annotations/a.xml:1: not XML that is read: it has a document type or entities"],
    ),
    "nested too deeply": (
        document("<annotation>" * 50_000),
        ["Annotations/a.xml:1: not XML that is read: it is nested"],
    ),
    "an unknown encoding": (
        document('<?xml version="1.0" encoding="klingon"?><annotation/>'),
        ["Annotations/a.xml:1: not XML that is read"],
    ),
}


@pytest.mark.parametrize(("make", "expected"), BROKEN_VOC.values(), ids=BROKEN_VOC.keys())
def test_broken_voc_folders(tmp_path: Path, make: Make, expected: list[str]) -> None:
    make(tmp_path)
    assert_problems(problems(tmp_path), expected)


def devkit(folder: Path, lists: dict[str, str], top: str = "") -> None:
    """Pictures a, b and c, and lists of them in ImageSets/Main."""
    for name in "abc":
        voc(
            filename=f"{name}.png",
            image=f"{top}JPEGImages/{name}.png",
            path=f"{top}Annotations/{name}.xml",
        )(folder)
    for name, text in lists.items():
        write(folder / top / "ImageSets" / "Main" / f"{name}.txt", text)


@pytest.mark.parametrize(
    ("lists", "top", "expected"),
    [
        pytest.param({"train": "a\n", "test": "b\nc\n"}, "", {"train": "a", "test": "bc"}, id="two lists"),
        pytest.param(
            {"train": "a\n", "val": "b\n", "trainval": "a\nb\n", "test": "c\n"},
            "VOCdevkit/VOC2012/",
            {"train": "a", "val": "b", "test": "c"},
            id="as downloaded",
        ),
        pytest.param({"train": "a.png\nC.PNG\n", "val": "\n b "}, "", {"train": "ac", "val": "b"}, id="as tools do"),
        pytest.param({"trainval": "a\n", "3_train": "b -1\n"}, "", {"train": "abc"}, id="no list of one split"),
        pytest.param({"test": "c\n"}, "", {"train": "ab", "test": "c"}, id="the others by their folders"),
        pytest.param({}, "valid/", {"val": "abc"}, id="no lists"),
    ],
)  # fmt: skip
def test_the_lists_of_image_sets_are_splits(
    tmp_path: Path, lists: dict[str, str], top: str, expected: dict[str, str]
) -> None:
    devkit(tmp_path, lists, top)
    labels = read(tmp_path)
    assert labels.problems == []
    named = {split: "".join(scene.path.stem for scene in scenes) for split, scenes in labels.splits.items()}
    assert named == expected


def test_what_lists_and_annotations_do_not_share_is_noted(tmp_path: Path) -> None:
    devkit(tmp_path, {"train": "a\nx\ny\n", "val": "b\n"})
    train = tmp_path / "ImageSets" / "Main" / "train.txt"
    notes = [note for note in read(tmp_path).notes if "ImageSets" in note]
    assert notes == [
        f"{train}:1: note: annotations that no list in ImageSets/Main/ has: 1 (Annotations/c.xml); "
        "their folders tell the split",
        f"{train}:2: note: names in ImageSets/Main/ without an annotation: 2, the first one here",
    ]


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ({"train": "a\n", "val": "b\na\n"}, ["ImageSets/Main/val.txt:2: 'a' is in train.txt, too"]),
        ({"train": "a\nb\nc\n\xff\udc80"}, ["ImageSets/Main/train.txt:4: not UTF-8 text"]),
    ],
    ids=["in two lists", "no text"],
)
def test_broken_lists_are_problems(tmp_path: Path, lists: dict[str, str], expected: list[str]) -> None:
    devkit(tmp_path, {})
    for name, text in lists.items():
        write(tmp_path / "ImageSets" / "Main" / f"{name}.txt", text.encode(errors="surrogateescape"))
    assert_problems(problems(tmp_path), expected)
