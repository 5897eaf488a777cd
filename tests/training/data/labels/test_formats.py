"""What holds for every format: good folders, one rule for boxes, classes and images, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.data.labels.folders import WRITERS, Drawn, paint, write
from tests.training.data.labels.odd_folders import (
    DIGIT,
    HEADER,
    LINE,
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
from tests.training.official_files import write_tiny_data
from training.data.labels import tree
from training.data.labels.folder import LabelOptions, read_labels
from training.data.labels.readers import csv_table, json_lists
from training.errors import DataError
from training.evaluation.label_survey import report

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
    assert labels.ignored == {"plate": 1}
    assert_problems(
        problems(tmp_path, LabelOptions({"plate": None})), ["Annotations/a.xml:1: no digit is left"]
    )


def test_an_image_turned_by_its_camera_has_the_size_that_is_displayed(tmp_path: Path) -> None:
    coco(image={"width": 40, "height": 30})(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 40)).save(tmp_path / "a.png", exif=exif)
    assert found(tmp_path) == {"a.png": [DIGIT]}
    coco(image={"width": 30, "height": 40})(tmp_path)
    Image.new("RGB", (30, 40)).save(tmp_path / "a.png", exif=exif)
    assert "is it turned by its EXIF orientation" in problems(tmp_path)[0]


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
    write(tmp_path / "labels" / "b.txt", LINE)
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
    monkeypatch.setattr(csv_table, "MAX_ENTRIES", 2)
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


@pytest.mark.parametrize("name", WRITERS)
def test_no_damage_escapes(tmp_path: Path, name: str) -> None:
    """Random bytes changed in label files: what is wrong is told, or the folder refused; nothing else happens."""
    WRITERS[name](tmp_path, PICTURES)
    files = [path for path in sorted(tmp_path.rglob("*")) if path.is_file() and path.suffix != ".png"]
    whole = {path: content for path in files if (content := path.read_bytes())}
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        for path, content in whole.items():
            damaged = np.frombuffer(content, np.uint8).copy()
            damaged[rng.integers(0, len(damaged), 2)] = rng.integers(0, 256, 2)
            path.write_bytes(damaged.tobytes()[: int(rng.integers(len(damaged) // 2, len(damaged) + 1))])
        try:
            refused += bool(read(tmp_path).problems)
        except DataError:
            refused += 1
    assert refused > 50


def test_names_that_no_terminal_takes_are_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    coco(annotation={"category_id": 80})(tmp_path)
    path = tmp_path / "labels.json"
    path.write_text(path.read_text().replace("plate", "\\ud800\\u001b[2J"))
    path.rename(tmp_path / "new\nline.json")
    print(report(read(tmp_path)))
    said = capsys.readouterr().out
    assert "new\\nline.json" in said
    assert "\\ud800\\x1b[2J 1" in said
