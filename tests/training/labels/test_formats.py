"""Every reader against good files, odd ones that tools write, broken ones, and hostile ones."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.training.labels.folders import WRITERS, Drawn, paint, write
from tests.training.official_files import write_tiny_data
from training.errors import DataError
from training.labels import json_lists, table, tree
from training.labels.folder import LabelOptions, Labels, read_labels, survey

Make = Callable[[Path], object]


def read(folder: Path, options: LabelOptions | None = None) -> Labels:
    return survey(folder, options or LabelOptions(), progress=False)


def found(folder: Path, options: LabelOptions | None = None) -> dict[str, list[tuple[int, list[float]]]]:
    """The digits and boxes of each image, by its path in the folder; there are no problems."""
    labels = read(folder, options)
    assert [str(problem) for problem in labels.problems] == []
    return {
        scene.path.relative_to(folder).as_posix(): list(
            zip(scene.labels.tolist(), scene.boxes.round(3).tolist(), strict=True)
        )
        for scene in labels.scenes
    }


def problems(folder: Path, options: LabelOptions | None = None) -> list[str]:
    """The problems without the folder's path."""
    return [str(problem).removeprefix(f"{folder}/") for problem in read(folder, options).problems]


PICTURES = [
    Drawn("a.png", (40, 30), [("3", (4, 5, 12, 25)), ("0", (14, 5, 22, 25))]),
    Drawn("b.png", (64, 48), [("9", (0, 0, 64, 48))]),
    Drawn("c.png", (20, 20), []),
]


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_scenes(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path, PICTURES)
    labels = read(tmp_path)
    assert (labels.format, labels.problems, labels.clipped, dict(labels.ignored)) == (name, [], 0, {})
    assert list(labels.splits) == ["train"]
    for scene, picture in zip(labels.scenes, PICTURES, strict=True):
        assert scene.path.name == picture.name
        assert scene.path.is_file()
        assert scene.boxes.tolist() == [list(box) for _, box in picture.marks]
        assert scene.labels.tolist() == [int(digit) for digit, _ in picture.marks]
        assert (scene.boxes.dtype, scene.boxes.shape[1:], scene.labels.dtype) == (np.float32, (4,), np.int32)


def test_svhns_own_format(tmp_path: Path) -> None:
    labels = read(write_tiny_data(tmp_path))
    assert (labels.format, labels.problems, len(labels.splits["train"])) == ("SVHN", [], 6)
    assert labels.splits["train"][-1].number == "68"
    lone = read(tmp_path / "svhn" / "train")
    assert [scene.number for scene in lone.scenes] == [scene.number for scene in labels.scenes]


@st.composite
def drawn(draw: st.DrawFn) -> list[Drawn]:
    pictures = []
    for number in range(draw(st.integers(1, 3))):
        width, height = draw(st.integers(1, 60)), draw(st.integers(1, 60))
        marks = []
        for _ in range(draw(st.integers(0, 3))):
            x1, y1 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
            x2, y2 = draw(st.integers(x1 + 1, width)), draw(st.integers(y1 + 1, height))
            marks.append((str(draw(st.integers(0, 9))), (x1, y1, x2, y2)))
        pictures.append(Drawn(f"{number}.bmp", (width, height), marks))
    return pictures


@pytest.mark.parametrize("name", WRITERS)
@given(pictures=drawn())
@settings(max_examples=25)
def test_what_is_written_is_read(name: str, pictures: list[Drawn]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        WRITERS[name](Path(folder), pictures)
        labels = read(Path(folder))
        assert (labels.problems, labels.clipped) == ([], 0)
        for scene, picture in zip(labels.scenes, pictures, strict=True):
            boxes = [box for _, box in picture.marks]
            np.testing.assert_allclose(scene.boxes, np.reshape(boxes, (-1, 4)), atol=1e-4)
            assert scene.labels.tolist() == [int(digit) for digit, _ in picture.marks]


LINE = "3 0.2 0.5 0.2 0.6\n"
"""On 40 x 30 pixels: a 3 at 4, 6, 12, 24."""

DIGIT = (3, [4.0, 6.0, 12.0, 24.0])
YAML = 'names: ["0", "1", "2", "3"]\n'


def yolo(yaml: str = f"train: images\n{YAML}", label: str | bytes = LINE, **files: str) -> Make:
    """A folder with one image."""

    def make(folder: Path) -> None:
        paint(folder / "images" / "a.png")
        write(folder / "labels" / "a.txt", label)
        write(folder / "data.yaml", yaml)
        for name, text in files.items():
            write(folder / name.replace("__", "/"), text)

    return make


def moved(source: str, target: str, make: Make) -> Make:
    def make_and_move(folder: Path) -> None:
        make(folder)
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        (folder / source).rename(folder / target)

    return make_and_move


def both(*makes: Make) -> Make:
    return lambda folder: [make(folder) for make in makes]


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
    "notes of a tool among the labels": (
        yolo(labels__classes="", **{"labels__classes.txt": "0"}),
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
    "an outline": (yolo(label="3 .1 .1 .2 .1 .2 .2 .1 .2\n"), ["labels/a.txt:1: 9 columns instead of 5"]),
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
        ["labels/a.txt:1: the image 'a.png' cannot be used: not an image"],
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
        ["data.yaml:1: train.txt: the image '../../etc/passwd' is outside the data folder"],
    ),
    "a list that is not there": (
        yolo(f"{YAML}train: t.txt\n"),
        ["data.yaml:2: the list 't.txt' is not there"],
    ),
    "a folder that is not there": (
        yolo(f"train: images\nval: no/images\n{YAML}"),
        ["data.yaml:2: no images below 'no/images'"],
    ),
    "a folder above": (
        yolo(f"train: ../../photos\n{YAML}"),
        ["data.yaml:1: '../../photos' leads out of the data"],
    ),
    "a path on another machine": (
        yolo(f"train: images\npath: /content/set\n{YAML}"),
        ["data.yaml:2: '/content/set' leads out of the data"],
    ),
    "no names": (yolo("train: images\n"), ["data.yaml:1: `names:` is neither a list nor a dictionary"]),
    "names that are none": (
        yolo("train: images\nnames: [[0], {}]\n"),
        ["data.yaml:2: `names:` has to give a name"],
    ),
    "no splits": (yolo(YAML), ["data.yaml:1: no `train:`, no `val:`, no `test:`"]),
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


def assert_problems(said: list[str], expected: list[str]) -> None:
    assert len(said) == len(expected), said
    for text, start in zip(said, expected, strict=True):
        assert text.startswith(start), said
        assert "\n" not in text


BOX = [4, 6, 8, 18]


def coco(
    image: dict[str, Any] | None = None,
    annotation: dict[str, Any] | None = None,
    name: str = "labels.json",
    **lists: Any,
) -> Make:
    """A file with one image and one annotation, one object a line."""

    def make(folder: Path) -> None:
        paint(folder / "a.png")
        document = {
            "categories": [{"id": 5, "name": "3"}, {"id": 80, "name": "plate"}],
            "images": [{"id": 1, "file_name": "a.png"} | (image or {})],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 5, "bbox": BOX} | (annotation or {})],
        } | lists  # fmt: skip
        write(folder / name, json.dumps(document).replace("[{", "[\n{").replace("}, {", "},\n{"))

    return make


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
        coco(image={"file_name": "../../a.png"}),
        ["labels.json:4: the image '../../a.png' is outside"],
    ),
    "an absolute name": (
        coco(image={"file_name": "/etc/passwd"}),
        ["labels.json:4: the image '/etc/passwd' is outside"],
    ),
    "an empty name": (coco(image={"file_name": ""}), ["labels.json:4: the image '' is not there"]),
    "a name with a null character": (
        coco(image={"file_name": "a.png\0"}),
        ["labels.json:4: the image 'a.png\\x00' is"],
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
        ["labels.json:5: no image has the id 9"],
    ),
    "no bbox": (coco(annotation={"bbox": None}), ["labels.json:5: bbox is not [x, y, width, height]"]),
    "three numbers": (
        coco(annotation={"bbox": [1, 2, 3]}),
        ["labels.json:5: bbox is not [x, y, width, height]"],
    ),
    "text for a number": (coco(annotation={"bbox": ["1", 2, 3, 4]}), ["labels.json:5: bbox is not"]),
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


def voc(
    box: str = "<xmin>5</xmin><ymin>7</ymin><xmax>12</xmax><ymax>24</ymax>",
    filename: str = "a.png",
    name: str = "3",
    more: str = "",
    image: str = "JPEGImages/a.png",
    path: str = "Annotations/a.xml",
) -> Make:
    def make(folder: Path) -> None:
        paint(folder / image)
        write(
            folder / path,
            f"<annotation>\n<filename>{filename}</filename>\n{more}\n"
            f"<object>\n<name>{name}</name>\n<bndbox>{box}</bndbox></object></annotation>",
        )

    return make


def document(text: str | bytes) -> Make:
    return both(voc(), lambda folder: write(folder / "Annotations" / "a.xml", text))


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
        voc(filename="b.png"),
        ["Annotations/a.xml:1: the image 'b.png' is not there"],
    ),
    "no name": (voc(filename=""), ["Annotations/a.xml:1: the image '' is not there"]),
    "a name above": (
        voc(filename="../../../a.png"),
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
            "Annotations/a.xml:1: its size is said to be 30 x 40, the image is displayed with 40 x 30; it is turned by"
        ],
    ),
    "cut off": (document("<annotation>\n<object>"), ["Annotations/a.xml:2: not XML that is read"]),
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


HEADER = "image,digit,x_min,y_min,x_max,y_max\n"


def csv_file(text: str | bytes) -> Make:
    return both(lambda folder: paint(folder / "a.png"), lambda folder: write(folder / "l.csv", text))


ODD_CSV: dict[str, tuple[Make, dict[str, list[Any]]]] = {
    "our own columns": (
        csv_file(
            "image,width_px,height_px,number,position,digit,score,x_min,y_min,x_max,y_max\n"
            "./a.png,40,30,3,1,3,0.9,4,6,12,24\n"
        ),
        {"a.png": [DIGIT]},
    ),
    "TensorFlow's columns": (
        csv_file("filename,width,height,class,xmin,ymin,xmax,ymax\na.png,40,30,3,4,6,12,24\n"),
        {"a.png": [DIGIT]},
    ),
    "Excel's byte order mark and CRLF": (
        csv_file(("\ufeff" + HEADER + "a.png,3,4,6,12,24\n").replace("\n", "\r\n").encode()),
        {"a.png": [DIGIT]},
    ),
    "an image without digits": (csv_file(HEADER + "a.png,,,,,\n\n"), {"a.png": []}),
    "lines of an image apart": (
        both(
            csv_file(HEADER + "a.png,3,4,6,12,24\nb.png,,,,,\na.png,3,4,6,12,24\n"),
            lambda f: paint(f / "b.png"),
        ),
        {"a.png": [DIGIT, DIGIT], "b.png": []},
    ),
}


@pytest.mark.parametrize(("make", "expected"), ODD_CSV.values(), ids=ODD_CSV.keys())
def test_odd_csv_files(tmp_path: Path, make: Make, expected: dict[str, Any]) -> None:
    make(tmp_path)
    assert found(tmp_path) == expected


BROKEN_CSV: dict[str, tuple[Make, list[str]]] = {
    "an image that is not there": (
        csv_file(HEADER + "b.png,3,4,6,12,24\n"),
        ["l.csv:2: the image 'b.png' is not there"],
    ),
    "a name above": (
        csv_file(HEADER + "../a.png,3,4,6,12,24\n"),
        ["l.csv:2: the image '../a.png' is outside"],
    ),
    "no image": (csv_file(HEADER + ",3,4,6,12,24\n"), ["l.csv:2: no image is named"]),
    "no digit": (csv_file(HEADER + "a.png,,4,6,12,24\n"), ["l.csv:2: no digit is given"]),
    "ten": (csv_file(HEADER + "a.png,10,4,6,12,24\n"), ["l.csv:2: the class '10' is no digit"]),
    "a short line": (csv_file(HEADER + "a.png,3,4\n"), ["l.csv:2: '' is no number"]),
    "decimal commas": (csv_file(HEADER + 'a.png,3,"4,5",6,12,24\n'), ["l.csv:2: '4,5' is no number"]),
    "no area": (csv_file(HEADER + "a.png,3,4,6,4,24\n"), ["l.csv:2: the box has no area"]),
    "not a number": (
        csv_file(HEADER + "a.png,3,nan,6,12,24\n"),
        ["l.csv:2: the box is not of finite numbers"],
    ),
    "lines are counted where names have some": (
        csv_file(HEADER + '"a\nb.png",3,4,6,12,24\na.png,3,x,6,12,24\n'),
        ["l.csv:2: the image 'a\\nb.png' is not there", "l.csv:4: 'x' is no number"],
    ),
    "a quote that does not end": (
        csv_file(HEADER + 'a.png,3,4,6,12,24\n"a.png,3\n'),
        ["l.csv:3: not CSV that is read"],
    ),
    "a huge cell": (csv_file(HEADER + "a" * 200_000 + ",3,4,6,12,24\n"), ["l.csv:2: not CSV that is read"]),
    "another size": (
        csv_file(HEADER.replace("digit", "width_px,height_px,digit") + "a.png,9,9,3,4,6,12,24\n"),
        ["l.csv:2: its size is said to be 9 x 9"],
    ),
}


@pytest.mark.parametrize(("make", "expected"), BROKEN_CSV.values(), ids=BROKEN_CSV.keys())
def test_broken_csv_files(tmp_path: Path, make: Make, expected: list[str]) -> None:
    make(tmp_path)
    assert_problems(problems(tmp_path), expected)


def test_broken_svhn_files(tmp_path: Path) -> None:
    write_tiny_data(tmp_path)
    (tmp_path / "svhn" / "train" / "5.png").unlink()
    paint(tmp_path / "svhn" / "train" / "74.png", (41, 50))
    assert_problems(
        problems(tmp_path),
        [
            "svhn/train/digitStruct.mat:3: the image '5.png' is not beside it",
        ],
    )
    labels = read(tmp_path)
    assert (labels.left_out, labels.clipped) == (1, 1), "the 3 from x 40 to 52 is cut at 41"
    write(tmp_path / "svhn" / "train" / "digitStruct.mat", "garbage")
    assert_problems(problems(tmp_path), ["svhn/train/digitStruct.mat:1: not an official digitStruct.mat"])


@pytest.mark.parametrize(
    ("line", "box", "clipped", "reason"),
    [
        ("3 0.1 0.5 0.2 0.6", [0, 6, 8, 24], 0, "it ends at the image's edge"),
        ("3 0.0999995 0.5 0.2 0.6", [0, 6, 8, 24], 0, "rounding of 1e-6 is no error"),
        ("3 0.099 0.5 0.2 0.6", [0, 6, 7.96, 24], 1, "it leaves the image in part"),
        ("3 0.5 0.5 3 3", [0, 0, 40, 30], 1, "it leaves the image on all sides"),
    ],
)
def test_boxes_are_clipped_and_counted(
    tmp_path: Path, line: str, box: list[float], clipped: int, reason: str
) -> None:
    yolo(label=line)(tmp_path)
    labels = read(tmp_path)
    assert (labels.problems, labels.clipped) == ([], clipped), reason
    assert labels.scenes[0].boxes[0].tolist() == pytest.approx(box, abs=1e-4)


def test_classes_are_digits_by_name_or_as_told(tmp_path: Path) -> None:
    marks = "".join(f"{index} 0.2 0.5 0.2 0.6\n" for index in (0, 1, 2, 3, 3))
    yolo("train: images\nnames: [zero, '1', '2', plate]\n", marks)(tmp_path)
    plain = read(tmp_path)
    assert plain.scenes[0].labels.tolist() == [1, 2]
    assert plain.ignored == {"zero": 1, "plate": 2}
    told = read(tmp_path, LabelOptions({"zero": 0, "1": 7, "2": None}))
    assert told.scenes[0].labels.tolist() == [0, 7]
    assert told.ignored == {"2": 1, "plate": 2}


def test_formats_without_declarations_are_told_what_to_ignore(tmp_path: Path) -> None:
    voc(name="plate")(tmp_path)
    labels = read(tmp_path, LabelOptions({"plate": None}))
    assert (labels.problems, labels.ignored) == ([], {"plate": 1})


def test_an_image_turned_by_its_camera_has_the_size_that_is_displayed(tmp_path: Path) -> None:
    coco(image={"width": 40, "height": 30})(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 40)).save(tmp_path / "a.png", exif=exif)
    assert found(tmp_path) == {"a.png": [DIGIT]}
    coco(image={"width": 30, "height": 40})(tmp_path)
    Image.new("RGB", (30, 40)).save(tmp_path / "a.png", exif=exif)
    assert "turned by its EXIF orientation" in problems(tmp_path)[0]


@pytest.mark.parametrize(
    ("makes", "reason", "wanted"),
    [
        ([], "an empty folder", ["no labels", "YOLO", "COCO", "Pascal VOC", "CSV", "SVHN"]),
        ([lambda f: paint(f / "a.png")], "pictures alone", ["no labels", "data.yaml"]),
        (
            [lambda f: write(f / "results.json", "[{}]")],
            "COCO's results are no dataset",
            ["no labels", "results"],
        ),
        ([lambda f: write(f / "n.csv", "image,number\n")], "numbers alone", ["no labels", "x_min"]),
        ([lambda f: write(f / "a.xml", "<svg/>")], "another XML", ["no labels"]),
        ([yolo(), csv_file(HEADER)], "two formats", ["YOLO (data.yaml) and CSV (l.csv)", "leave one"]),
        (
            [write_tiny_data, yolo()],
            "SVHN and another",
            ["YOLO (data.yaml) and SVHN (svhn/train/digitStruct.mat)"],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_folder_of_no_one_format_is_refused(
    tmp_path: Path, makes: list[Make], reason: str, wanted: list[str]
) -> None:
    for make in makes:
        make(tmp_path)
    with pytest.raises(DataError) as refusal:
        read(tmp_path)
    assert not [text for text in [str(tmp_path), *wanted] if text not in str(refusal.value)], reason


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder"):
        read(tmp_path / "none")


def test_other_files_do_not_disturb(tmp_path: Path) -> None:
    """What lies about in a real folder: settings, results, pictures' own XML, loops of links, pipes."""
    yolo()(tmp_path)
    write(tmp_path / "digits.jsonl.settings.json", '{"images": []}')
    write(tmp_path / "results.csv", "epoch,loss\n1,2\n")
    write(tmp_path / "icon.xml", "<svg/>")
    (tmp_path / "images" / "loop").symlink_to(tmp_path)
    (tmp_path / "images" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert found(tmp_path) == {"images/a.png": [DIGIT]}


def test_reading_to_work_with_is_strict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    yolo(label="\n".join(["x"] * 7))(tmp_path)
    paint(tmp_path / "images" / "b.png")
    with pytest.raises(DataError) as refusal:
        read_labels(tmp_path, LabelOptions(), progress=False)
    text = str(refusal.value)
    assert f"{tmp_path} has 7 problems:" in text
    assert [line for line in text.splitlines() if f"{tmp_path}/labels/a.txt:5: 1 columns" in line]
    assert "check --data" in text
    assert "--skip-bad" in text
    labels = read_labels(tmp_path, LabelOptions(skip_bad=True), progress=False)
    assert [scene.path.name for scene in labels.scenes] == ["b.png"], (
        "the image with problems is left out whole"
    )
    said = capsys.readouterr().out
    assert "labels: YOLO (data.yaml), 1 images" in said
    assert "left out: 1 images with problems (7 in all)" in said


def test_large_files_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    yolo()(tmp_path)
    with (tmp_path / "labels" / "a.txt").open("r+b") as file:
        file.truncate(tree.MAX_IMAGE_LABEL_BYTES + 1)
    (said,) = problems(tmp_path)
    assert said == "labels/a.txt:1: the file has 1,048,577 bytes; at most 1,048,576 are read"


def test_endless_lists_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lists, "MAX_ENTRIES", 2)
    monkeypatch.setattr(table, "MAX_ENTRIES", 2)
    coco(annotations=[{}, {}])(tmp_path / "coco")
    assert_problems(problems(tmp_path / "coco"), ["labels.json:4: more than 2 elements"])
    csv_file(HEADER + "a.png,,,,,\n" * 2)(tmp_path / "csv")
    assert_problems(problems(tmp_path / "csv"), ["l.csv:3: more than 2 lines"])


def test_a_file_that_is_no_label_file_at_all_is_not_read_to_its_end(tmp_path: Path) -> None:
    yolo(label="x\n" * 30_000)(tmp_path)
    paint(tmp_path / "images" / "b.png")
    labels = read(tmp_path)
    assert "reading stops here" in labels.problems[-1].text
    assert len(labels.scenes) == 0
