"""Where tools put settings, images and lists: paths that lead elsewhere, layouts that are common, and near misses."""

from pathlib import Path

import pytest

from tests.training.data.labels.folders import paint, write
from tests.training.data.labels.odd_folders import (
    DIGIT,
    HEADER,
    LINE,
    YAML,
    Make,
    both,
    csv_file,
    found,
    moved,
    problems,
    read,
    yolo,
)
from training.errors import DataError

ROW = "a.png,3,4,6,12,24\n"
NAMES = "0\n1\n2\n3\n"
SPLIT = moved("images", "train/images", moved("labels", "train/labels", yolo("")))
"""As Roboflow lays a split out; without its data.yaml."""


def with_yaml(text: str, make: Make = SPLIT) -> Make:
    return both(make, lambda f: write(f / "data.yaml", text.replace("HERE", f.absolute().as_posix()) + YAML))


PATHS: dict[str, str] = {
    "as it is": "train: train/images\n",
    "Roboflow's": "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n",
    "the roboflow package's": "train: Numbers-1/train/images\nval: Numbers-1/valid/images\n",
    "Colab's": "train: /content/Numbers-1/train/images\nval: /content/Numbers-1/valid/images\n",
    "of Windows": "train: C:\\Users\\me\\Numbers-1\\train\\images\n",
    "absolute, to this very folder": "path: HERE\ntrain: train/images\n",
    "absolute, with a slash more": "path: HERE/\ntrain: ./train/images/\n",
    "absolute, into this folder": "train: HERE/train/images\nval: HERE/valid/images\n",
    "a folder that is not here": "path: /content/set\ntrain: train/images\n",
    "a folder of the same name": "path: ../datasets/digits\ntrain: train/images\n",
    "splits that are left open": "train: train/images\nval:\ntest: ''\n",
    "in another case": "train: Train/Images\n",
}


@pytest.mark.parametrize("paths", PATHS.values(), ids=PATHS.keys())
def test_paths_of_data_yaml(tmp_path: Path, paths: str) -> None:
    with_yaml(paths)(tmp_path)
    assert found(tmp_path) == {"train/images/a.png": [DIGIT]}


def test_a_split_without_images_is_said_in_a_line(tmp_path: Path) -> None:
    with_yaml("train: ../train/images\nval: ../valid/images\ntest: ../test/images\n")(tmp_path)
    assert [note.removeprefix(f"{tmp_path}/") for note in read(tmp_path).notes] == [
        "data.yaml:2: note: no images below '../valid/images': the split 'val' is left out",
        "data.yaml:3: note: no images below '../test/images': the split 'test' is left out",
    ]


def test_a_path_that_is_found_elsewhere_is_said_in_a_line(tmp_path: Path) -> None:
    with_yaml("train: Numbers-1/train/images\n")(tmp_path)
    (note,) = read(tmp_path).notes
    assert note.endswith(
        "data.yaml:1: note: 'Numbers-1/train/images' is not here: 'train/images' is taken for it"
    )


@pytest.mark.parametrize("path", ["../valid/images", "/content/valid/images", "more/images"])
def test_no_split_takes_the_folder_of_another(tmp_path: Path, path: str) -> None:
    yolo(f"train: images\nval: {path}\n{YAML}")(tmp_path)
    labels = read(tmp_path)
    assert (labels.problems, list(labels.splits)) == ([], ["train"])
    assert "the split 'val' is left out" in labels.notes[0]


def without_yaml(*files: tuple[str, str], make: Make | None = None) -> Make:
    def write_all(folder: Path) -> None:
        (folder / "data.yaml").unlink()
        for name, text in files:
            write(folder / name, text)

    return both(make or yolo(), write_all)


DATA = (
    "classes = 4\ntrain = data/train.txt\nvalid = data/valid.txt\nnames = data/obj.names\nbackup = backup/\n"
)
BESIDE = moved("images/a.png", "a.png", moved("labels/a.txt", "a.txt", yolo()))
DARKNET = moved("images/a.png", "obj_train_data/a.png", moved("labels/a.txt", "obj_train_data/a.txt", yolo()))

LAYOUTS: dict[str, tuple[Make, str]] = {
    "labelImg's one folder": (without_yaml(("classes.txt", NAMES), make=BESIDE), "a.png"),
    "labelImg's classes among the labels": (without_yaml(("labels/classes.txt", NAMES)), "images/a.png"),
    "CVAT's YOLO": (
        without_yaml(
            ("obj.data", DATA),
            ("obj.names", NAMES),
            ("train.txt", "data/obj_train_data/a.png\n"),
            make=DARKNET,
        ),
        "obj_train_data/a.png",
    ),
    "Roboflow's Darknet": (
        without_yaml(
            ("train/_darknet.labels", NAMES),
            make=moved("images/a.png", "train/a.png", moved("labels/a.txt", "train/a.txt", yolo())),
        ),
        "train/a.png",
    ),
    "another name of data.yaml": (
        without_yaml(("numbers.yaml", f"train: images\n{YAML}"), ("hyp.yaml", "lr: 3\n")),
        "images/a.png",
    ),
    "supervision's yaml": (yolo(f"{YAML}nc: 4\n"), "images/a.png"),
    "YAML in UTF-16": (
        both(yolo(), lambda f: write(f / "data.yaml", f"train: images\n{YAML}".encode("utf-16"))),
        "images/a.png",
    ),
    "labels in UTF-16": (yolo(label=LINE.encode("utf-16")), "images/a.png"),
    "semicolons": (csv_file((HEADER + ROW).replace(",", ";")), "a.png"),
    "semicolons and decimal commas": (
        csv_file(HEADER.replace(",", ";") + "a.png;3;4,0;6,00;1,2e+01;24\n"),
        "a.png",
    ),
    "tabs in UTF-16, as Excel's Unicode text": (
        csv_file((HEADER + ROW).replace(",", "\t").encode("utf-16")),
        "a.png",
    ),
    "UTF-16 without a mark": (csv_file((HEADER + ROW).encode("utf-16-le")), "a.png"),
    "Excel's line for itself": (csv_file("sep=,\r\n" + HEADER + ROW), "a.png"),
    "another line for itself": (csv_file('"sep=;"\n' + (HEADER + ROW).replace(",", ";")), "a.png"),
    "lines of empty cells, as spreadsheets end": (csv_file(HEADER + ROW + ",,,,,\n"), "a.png"),
}


@pytest.mark.parametrize(("make", "image"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_common_layouts_are_read(tmp_path: Path, make: Make, image: str) -> None:
    make(tmp_path)
    assert found(tmp_path) == {image: [DIGIT]}


def test_lines_are_counted_with_the_one_for_excel(tmp_path: Path) -> None:
    csv_file("sep=;\n" + (HEADER + ROW + ROW.replace("4", "x")).replace(",", ";"))(tmp_path)
    assert problems(tmp_path) == ["l.csv:4: 'x' is no number"]


NEAR: dict[str, tuple[Make, str]] = {
    "no class list": (without_yaml(), "labels/a.txt:1: note: images/a.png has labels as YOLO writes them"),
    "a folder too high": (lambda f: yolo()(f / "set"), "set/data.yaml:1: note: a YOLO folder below this one"),
    "other columns": (
        csv_file("image,number\na.png,3\n"),
        "l.csv:1: note: not read: no column digit, x_min, y_min, x_max, y_max; its first line is 'image, number'",
    ),
    "no header": (csv_file(ROW), "l.csv:1: note: not read: no column image"),
    "a spreadsheet": (
        lambda f: write(f / "labels.xlsx", "PK"),
        "labels.xlsx:1: note: not read: save it as CSV",
    ),
    "LabelMe": (
        lambda f: write(f / "a.json", '{"shapes": []}'),
        "a.json:1: note: not read, it seems to be LabelMe",
    ),
    "Label Studio": (lambda f: write(f / "a.json", '[{"result": []}]'), "it seems to be Label Studio's own"),
    "COCO's results": (
        lambda f: write(f / "a.json", '[{"category_id": 1}]'),
        "a bare list of COCO's results",
    ),
    "half a file": (
        lambda f: write(f / "a.json", '{"info": {},\n"lic'),
        "a.json:2: note: not JSON that is read",
    ),
    "CVAT's XML": (lambda f: write(f / "a.xml", "<annotations><version/></annotations>"), "CVAT's own XML"),
    "nothing": (lambda f: paint(f / "a.png"), "its files: 1 .png"),
}


@pytest.mark.parametrize(("make", "said"), NEAR.values(), ids=NEAR.keys())
def test_what_comes_near_is_named(tmp_path: Path, make: Make, said: str) -> None:
    make(tmp_path)
    with pytest.raises(DataError) as refusal:
        read(tmp_path)
    assert said in str(refusal.value)


def test_two_files_with_classes_are_ambiguous(tmp_path: Path) -> None:
    without_yaml(("a.yaml", f"train: images\n{YAML}"), ("b.yaml", f"train: images\n{YAML}"))(tmp_path)
    assert problems(tmp_path) == ["b.yaml:1: a.yaml says, too, what the classes are: leave one of them there"]
