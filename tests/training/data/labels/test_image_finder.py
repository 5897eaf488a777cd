"""Images under other paths than the labels say, images that are there twice, and polygons for boxes."""

import shutil
from pathlib import Path

import pytest

from tests.training.data.labels.folders import paint, write
from tests.training.data.labels.odd_folders import (
    DIGIT,
    HEADER,
    LINE,
    YAML,
    Make,
    assert_problems,
    both,
    coco,
    csv_file,
    found,
    moved,
    problems,
    read,
    voc,
    yolo,
)
from training.data.labelled_data import read_own_data
from training.data.labels.folder import LabelOptions
from training.data.labels.image_finder import ImageFinder
from training.data.labels.tree import FileTree, MissingImageError

NAMED: dict[str, tuple[str, str]] = {
    "Label Studio on Windows": (
        "..\\..\\label-studio\\media\\upload\\4\\cb0618f6-a.png",
        "images/cb0618f6-a.png",
    ),
    "Label Studio's folder": ("images/1/cb0618f6-a.png", "images/cb0618f6-a.png"),
    "Label Studio's name of a file that was uploaded": ("/data/upload/1/cb0618f6-a.png", "images/a.png"),
    "Label Studio's local files": ("/data/local-files/?d=photos/a.png", "images/a.png"),
    "Label Studio's local files with their server": (
        "http://localhost:8080/data/local-files/?d=a.png",
        "a.png",
    ),
    "an address": ("https://example.org/set/a.png?size=full", "images/a.png"),
    "another machine": ("/home/me/set/a.png", "images/a.png"),
    "another drive": ("C:\\photos\\a.png", "images/a.png"),
    "percent signs": ("d%C3%A9cor%201.png", "décor 1.png"),
    "percent signs and folders": ("set/d%C3%A9cor%201.png", "images/décor 1.png"),
    "another Unicode form": ("de\u0301cor.png", "images/décor.png"),
    "another case": ("A.PNG", "a.png"),
    "converted since": ("a.jpg", "images/a.png"),
    "without suffix": ("a", "images/a.png"),
}


@pytest.mark.parametrize(("name", "path"), NAMED.values(), ids=NAMED.keys())
def test_an_image_is_found_by_its_name(tmp_path: Path, name: str, path: str) -> None:
    moved("a.png", path, coco(image={"file_name": name}))(tmp_path)
    paint(tmp_path / "images" / "other.png")
    assert found(tmp_path) == {path: [DIGIT]}


def test_how_many_were_found_so_is_said(tmp_path: Path) -> None:
    moved("a.png", "images/a.png", coco(image={"file_name": "/home/me/a.png"}))(tmp_path)
    assert read(tmp_path).notes == [
        "found by name: 1 images that are not where the labels say ('/home/me/a.png' is images/a.png)"
    ]


def test_a_path_that_is_right_says_nothing(tmp_path: Path) -> None:
    coco()(tmp_path)
    assert read(tmp_path).notes == []


@pytest.mark.parametrize(
    ("name", "images", "path"),
    [
        ("z/2/a.png", ["1/a.png", "2/a.png"], "2/a.png"),
        ("x/val/a.png", ["val/a.png", "train/a.png"], "val/a.png"),
        ("a.png", ["1/a.png", "a.png"], "a.png"),
        ("1/a.png", ["a.png", "1/a.png"], "1/a.png"),
    ],
    ids=["the nearest folder", "the split", "the root", "the right one"],
)
def test_which_of_several_is_meant(tmp_path: Path, name: str, images: list[str], path: str) -> None:
    for image in images:
        paint(tmp_path / image)
    assert ImageFinder(FileTree(tmp_path)).find(name, [""]).path == tmp_path / path


@pytest.mark.parametrize(
    ("name", "images", "said"),
    [
        ("z/a.png", ["1/a.png", "2/a.png"], "not there; 2 images elsewhere have this name"),
        ("train/a.png", ["val/a.png"], "not there"),
        ("a.jpg", ["1/a.png", "2/a.png"], "not there; 2 images"),
        ("/etc/passwd", ["a.png"], "outside the data folder"),
        ("..", ["a.png"], "outside the data folder"),
        ("", ["a.png"], "not there"),
        ("\0", ["a.png"], "not there"),
        ("a" * 10_000, ["a.png"], "not there"),
    ],
    ids=[
        "ambiguous",
        "of another split",
        "ambiguous stem",
        "a file of the system",
        "above",
        "none",
        "null",
        "long",
    ],
)
def test_what_is_not_found(tmp_path: Path, name: str, images: list[str], said: str) -> None:
    for image in images:
        paint(tmp_path / image)
    with pytest.raises(MissingImageError) as missing:
        ImageFinder(FileTree(tmp_path)).find(name, [""])
    assert said in str(missing.value)


@pytest.mark.parametrize("filename", ["IMG_0001.jpg", "a.jpg", "", "/home/me/IMG_0001.jpg"])
def test_vocs_image_is_found_by_the_files_own_name(tmp_path: Path, filename: str) -> None:
    voc(filename=filename, image="photos/a.png")(tmp_path)
    assert found(tmp_path) == {"photos/a.png": [DIGIT]}


def test_an_image_belongs_to_the_labels_that_give_its_path(tmp_path: Path) -> None:
    """1/a.png is gone, and 2/a.png, of the same name, has labels of its own."""
    annotations = [{"id": n, "image_id": n, "category_id": 5, "bbox": [4, 6, 8, 18]} for n in (1, 2)]
    images = [{"id": 1, "file_name": "1/a.png"}, {"id": 2, "file_name": "2/a.png"}]
    moved("a.png", "2/a.png", coco(images=images, annotations=annotations))(tmp_path)
    assert problems(tmp_path) == [
        f"labels.json:4: the image '1/a.png' is not there; the one of this name is labelled at {tmp_path}/labels.json:5"
    ]
    assert [scene.path for scene in read(tmp_path).scenes] == [tmp_path / "2" / "a.png"]


def test_a_list_with_paths_of_another_machine(tmp_path: Path) -> None:
    yolo(f"train: train.txt\n{YAML}", **{"train.txt": "data/images/a.png\r\n/gone/b.png\n"})(tmp_path)
    labels = read(tmp_path)
    assert_problems(problems(tmp_path), ["train.txt:2: the image '/gone/b.png' is outside"])
    assert [scene.path.name for scene in labels.scenes] == ["a.png"]


POLYGONS: dict[str, Make] = {
    "YOLO's segments": yolo(label="3 0.1 0.2 0.3 0.2 0.3 0.8 0.2 0.8\n"),
    "COCO without bbox": coco(annotation={"bbox": None, "segmentation": [[4, 6, 12, 6, 12, 24]]}),
    "COCO with an empty bbox, in two parts": coco(
        annotation={"bbox": [], "segmentation": [[4, 6, 6, 6, 4, 9], [8, 20, 12, 24, 8, 24]]}
    ),
    "COCO, not nested": coco(annotation={"bbox": None, "segmentation": [4, 6, 12, 6, 12, 24]}),
}


@pytest.mark.parametrize("make", POLYGONS.values(), ids=POLYGONS.keys())
def test_a_polygons_bounds_are_its_box(tmp_path: Path, make: Make) -> None:
    make(tmp_path)
    assert list(found(tmp_path).values()) == [[DIGIT]]
    assert read(tmp_path).notes == ["polygons: 1 digits; the bounds of each are its box"]


@pytest.mark.parametrize(
    ("segmentation", "said"),
    [
        ({"counts": "x", "size": [30, 40]}, "its segmentation is a mask"),
        ([[4, 6, 12, 6]], "a polygon needs three points or more"),
        ([[4, 6, 12, 6, 12]], "a polygon needs three points or more"),
        ([[4, 6, 12, 6, 12, "x"]], "its segmentation is not"),
        ([["x"]], "its segmentation is not"),
        ("x", "its segmentation is not"),
        ([[4, 6, 12, 6, float("nan"), 24]], "the polygon is not of finite numbers"),
        ([[4, 6, 12, 6, 14, 6]], "the box has no area"),
    ],
    ids=["a mask", "two points", "half a point", "a word", "no numbers", "text", "not a number", "a line"],
)
def test_polygons_that_are_none(tmp_path: Path, segmentation: object, said: str) -> None:
    coco(annotation={"bbox": None, "segmentation": segmentation})(tmp_path)
    assert said in problems(tmp_path)[0]


def test_keypoints_after_a_box_are_no_polygon(tmp_path: Path) -> None:
    yolo(f"train: images\nkpt_shape: [2, 2]\n{YAML}", label="3 0.2 0.5 0.2 0.6 0.9 0.9 0.1 0.1\n")(tmp_path)
    assert found(tmp_path) == {"images/a.png": [DIGIT]}


TWICE: dict[str, Make] = {
    "YOLO": yolo(label=LINE * 2),
    "COCO": coco(
        annotations=[{"id": n, "image_id": 1, "category_id": 5, "bbox": [4, 6, 8, 18]} for n in (1, 2)]
    ),
    "CSV": csv_file(HEADER + "a.png,3,4,6,12,24\n" * 2),
    "CSV, by two names": csv_file(HEADER + "a.png,3,4,6,12,24\n./a.png,3.0,4,6,12,24\n"),
}


@pytest.mark.parametrize("make", TWICE.values(), ids=TWICE.keys())
def test_the_same_box_twice_counts_once(tmp_path: Path, make: Make) -> None:
    make(tmp_path)
    assert list(found(tmp_path).values()) == [[DIGIT]]
    assert read(tmp_path).notes == ["duplicate boxes: 1, which count once"]


def test_an_image_with_the_same_labels_in_two_splits_stays_in_the_first(tmp_path: Path) -> None:
    both(*(csv_file(HEADER + "a.png,3,4,6,12,24\n"),))(tmp_path)
    (tmp_path / "l.csv").rename(tmp_path / "val.csv")
    write(tmp_path / "train.csv", HEADER + "a.png,3,4,6,12,24\n")
    labels = read(tmp_path)
    assert (labels.problems, list(labels.splits)) == ([], ["train"])
    assert labels.notes == [
        "listed again: 1 images with the same labels, kept in the first split (a.png, val)"
    ]
    write(tmp_path / "train.csv", HEADER + "a.png,4,4,6,12,24\n")
    assert_problems(problems(tmp_path), ["val.csv:2: the image 'a.png' is labelled already, at"])
    assert read(tmp_path).scenes == [], "neither has all labels for certain"


def copied(folder: Path) -> None:
    """Split "val" has a copy of an image of "train", and an image of its own."""
    yolo(f"train: train/images\nval: val/images\n{YAML}")(folder)
    for name in ("train/images/a", "train/images/c", "val/images/d"):
        paint(folder / f"{name}.png")
    shutil.copy(folder / "train" / "images" / "a.png", folder / "val" / "images" / "b.png")
    for name in ("train/labels/a", "train/labels/c", "val/labels/d", "val/labels/b"):
        write(folder / f"{name}.txt", LINE)
    shutil.rmtree(folder / "images")
    shutil.rmtree(folder / "labels")


def test_copies_are_told_by_their_pixels_and_measured_once(tmp_path: Path) -> None:
    copied(tmp_path)
    labels = read(tmp_path)
    assert labels.problems == []
    assert labels.notes == [
        "duplicate images: 1 of val that train has, too (val/images/b.png shows what train/images/a.png does)"
    ]
    assert [scene.path.name for scene in labels.measured(None)] == ["a.png", "c.png", "d.png"]
    assert [scene.path.name for scene in labels.measured("val")] == ["b.png", "d.png"]


def test_what_validates_is_not_learned_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copied(tmp_path)
    data = read_own_data(tmp_path, LabelOptions(), 1)
    assert [scene.path.name for scene in data.learned] == ["c.png"]
    assert "not learned from: 1 images of which validation or test has a copy" in capsys.readouterr().out
    (tmp_path / "train" / "images" / "c.png").unlink()
    (tmp_path / "train" / "labels" / "c.txt").unlink()
    data = read_own_data(tmp_path, LabelOptions(), 1)
    assert [scene.path.name for scene in data.learned] == ["a.png"], "there is nothing else to learn from"
    assert "neither says anything about new images" in capsys.readouterr().out


def test_copies_of_test_images_are_not_learned_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    yolo(f"train: train/images\nval: val/images\ntest: test/images\n{YAML}")(tmp_path)
    for name in ("train/images/a", "train/images/c", "val/images/d"):
        paint(tmp_path / f"{name}.png")
    (tmp_path / "test" / "images").mkdir(parents=True)
    shutil.copy(tmp_path / "train" / "images" / "a.png", tmp_path / "test" / "images" / "b.png")
    for name in ("train/labels/a", "train/labels/c", "val/labels/d", "test/labels/b"):
        write(tmp_path / f"{name}.txt", LINE)
    shutil.rmtree(tmp_path / "images")
    shutil.rmtree(tmp_path / "labels")
    data = read_own_data(tmp_path, LabelOptions(), 1)
    assert [scene.path.name for scene in data.learned] == ["c.png"]
    said = capsys.readouterr().out
    assert "not learned from: 1 images of which validation or test has a copy" in said
