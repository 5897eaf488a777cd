"""Every format, read by its own reader: csv, pycocotools, an XML parser, and what trainers check of YOLO labels."""

import csv
import json
import os
import re
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from detector import DigitDetector
from detector.cli.convert import _FORMATS
from detector.cli.main import main
from detector.folders import FolderJob, detect_folder, plan_folder
from detector.folders.formats import FORMATS, Conversion, convert
from detector.folders.formats.label_files import LabelPaths, _pixels
from detector.folders.formats.single_files import DIGIT_COLUMNS, NUMBER_COLUMNS
from detector.folders.results_file import FoundRow, ResultsFile
from detector.results.errors import InvalidOptionError

NAMES = ["street/31.png", 'two\nlines, and "quotes".png', "=1+1.png", "straße 日本.png", "ü/<b>&.png"]


@pytest.fixture(scope="module")
def results(
    tmp_path_factory: pytest.TempPathFactory, embedded: DigitDetector, real_images: dict[str, Path]
) -> ResultsFile:
    """What the detector found in real images under difficult names, in one without digits and in none."""
    folder = tmp_path_factory.mktemp("formats")
    photos = folder / "photos"
    for name, image in zip(NAMES, [*real_images.values(), next(iter(real_images.values()))], strict=True):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(image.read_bytes())
    (photos / "a wall.bmp").write_bytes(grey_bmp(64, 48))
    (photos / "broken.jpg").write_bytes(b"no image")
    detect_folder(plan_folder(FolderJob(photos, folder / "digits.jsonl")), embedded)
    return ResultsFile(folder / "digits.jsonl")


def grey_bmp(width: int, height: int) -> bytes:
    header = b"BM" + bytes(8) + (54).to_bytes(4, "little") + (40).to_bytes(4, "little")
    size = width.to_bytes(4, "little") + height.to_bytes(4, "little")
    return header + size + b"\1\0\x18\0" + bytes(24) + b"\x80" * (width * height * 3)


@pytest.fixture(scope="module")
def found(results: ResultsFile) -> list[FoundRow]:
    rows = [row for row in results if isinstance(row, FoundRow)]
    assert sum(len(row.digits) for row in rows) > 8, "real digits were there to find"
    assert [row.image for row in rows if not row.digits] == ["a wall.bmp"]
    return rows


def read_csv(path: Path) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file, strict=True)
        return tuple(reader.fieldnames or ()), list(reader)


def same_file(a: str, b: str) -> bool:
    return os.path.normpath(a) == os.path.normpath(b)


def test_csv_of_digits(results: ResultsFile, found: list[FoundRow], tmp_path: Path) -> None:
    assert convert(results, "csv-digits", tmp_path / "a.csv") == Conversion(images=6, left_out=1)
    columns, lines = read_csv(tmp_path / "a.csv")
    assert columns == DIGIT_COLUMNS
    expected = [
        (row, number, position, row.digits[index])
        for row in found
        for number in row.numbers
        for position, index in enumerate(number.digits, start=1)
    ]
    assert len(lines) == len(expected) == sum(len(row.digits) for row in found), "every digit, once"
    for line, (row, number, position, digit) in zip(lines, expected, strict=True):
        assert same_file(line["image"], row.image)
        assert line["number"] == number.text
        assert int(line["position"]) == position
        assert int(line["digit"]) == digit.label == int(number.text[position - 1])
        assert float(line["score"]) == digit.score
        assert tuple(float(line[edge]) for edge in columns[-4:]) == digit.box
        assert (int(line["width_px"]), int(line["height_px"])) == (row.width_px, row.height_px)


def test_csv_of_numbers(results: ResultsFile, found: list[FoundRow], tmp_path: Path) -> None:
    convert(results, "csv-numbers", tmp_path / "a.csv")
    columns, lines = read_csv(tmp_path / "a.csv")
    assert columns == NUMBER_COLUMNS
    expected = [(row, number) for row in found for number in row.numbers]
    for line, (row, number) in zip(lines, expected, strict=True):
        assert same_file(line["image"], row.image)
        assert (line["number"], float(line["score"])) == (number.text, number.score)
        assert tuple(float(line[edge]) for edge in columns[-4:]) == number.box


@pytest.mark.parametrize("target", ["csv-digits", "csv-numbers"])
def test_no_name_is_a_formula_to_a_spreadsheet(results: ResultsFile, tmp_path: Path, target: str) -> None:
    convert(results, target, tmp_path / "a.csv")
    names = {line["image"] for line in read_csv(tmp_path / "a.csv")[1]}
    assert "./=1+1.png" in names
    assert not [name for name in names if name.startswith(("=", "+", "-", "@"))]


def test_coco_dataset_and_results_load_in_pycocotools(
    results: ResultsFile, found: list[FoundRow], tmp_path: Path
) -> None:
    convert(results, "coco", tmp_path / "dataset.json")
    convert(results, "coco-results", tmp_path / "results.json")
    dataset = COCO(str(tmp_path / "dataset.json"))
    assert {image["id"]: image["file_name"] for image in dataset.loadImgs(dataset.getImgIds())} == {
        row.line: row.image for row in found
    }
    assert [(category["id"], category["name"]) for category in dataset.loadCats(dataset.getCatIds())] == [
        (digit, str(digit)) for digit in range(10)
    ]
    for row in found:
        image = dataset.loadImgs([row.line])[0]
        assert (image["width"], image["height"]) == (row.width_px, row.height_px)
        for source in (dataset, dataset.loadRes(str(tmp_path / "results.json"))):
            entries = source.loadAnns(source.getAnnIds(imgIds=[row.line]))
            assert [(entry["category_id"], entry["score"]) for entry in entries] == [
                (digit.label, digit.score) for digit in row.digits
            ]
            corners = [[x, y, x + w, y + h] for x, y, w, h in (entry["bbox"] for entry in entries)]
            assert np.allclose(
                np.reshape(corners, (-1, 4)), np.reshape([d.box for d in row.digits], (-1, 4)), atol=0.011
            )
            assert [e["area"] for e in entries] == pytest.approx(
                [e["bbox"][2] * e["bbox"][3] for e in entries], abs=0.01
            )


def test_results_score_full_marks_against_themselves(results: ResultsFile, tmp_path: Path) -> None:
    """An end-to-end use of both files: ids agree, and none of them is one that pycocotools takes for nothing."""
    convert(results, "coco", tmp_path / "dataset.json")
    convert(results, "coco-results", tmp_path / "results.json")
    dataset = COCO(str(tmp_path / "dataset.json"))
    evaluation = COCOeval(dataset, dataset.loadRes(str(tmp_path / "results.json")), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1.0)


def read_yolo(path: Path) -> np.ndarray:
    """(N, 5) class and box of a label file, with the checks that ultralytics' trainer makes of it."""
    lines = [line.split() for line in path.read_text(encoding="utf-8").strip().splitlines() if line]
    labels = np.array(lines, np.float32).reshape(-1, 5)
    assert all(len(line) == 5 for line in lines), "five columns each"
    assert (labels >= 0).all(), "no negative values"
    assert (labels[:, 1:] <= 1).all(), "not outside the image"
    assert (labels[:, 0] <= 9).all(), "no class but those named"
    assert len(np.unique(labels, axis=0)) == len(labels), "no label twice"
    return labels


def test_yolo_labels(results: ResultsFile, found: list[FoundRow], tmp_path: Path) -> None:
    assert convert(results, "yolo", tmp_path / "yolo").left_out == 1
    labels = tmp_path / "yolo" / "labels"
    for row in found:
        # ultralytics looks for the labels where the images are, with the last /images/ as /labels/ and as .txt
        image = f"{tmp_path}/yolo/images/{row.image}"
        path = Path("/labels/".join(image.rsplit("/images/", 1)).rsplit(".", 1)[0] + ".txt")
        values = read_yolo(path)
        assert values[:, 0].tolist() == [digit.label for digit in row.digits]
        size = np.array([row.width_px, row.height_px] * 2)
        centre, extent = values[:, 1:3] * size[:2], values[:, 3:] * size[:2]
        corners = np.hstack([centre - extent / 2, centre + extent / 2])
        assert np.allclose(corners, np.reshape([d.box for d in row.digits], (-1, 4)), atol=0.01)
    assert len([path for path in labels.rglob("*") if path.is_file()]) == len(found)
    assert (labels / "a wall.txt").read_bytes() == b"", "an image without digits teaches what no digit is"
    assert (tmp_path / "yolo" / "classes.txt").read_text().split() == [str(digit) for digit in range(10)]
    names = re.findall(r'^  (\d): "(\d)"$', (tmp_path / "yolo" / "data.yaml").read_text(), re.MULTILINE)
    assert names == [(str(digit), str(digit)) for digit in range(10)]


VOC_FIELDS = ["folder", "filename", "source", "size", "segmented"]
VOC_OBJECT_FIELDS = ["name", "pose", "truncated", "difficult", "bndbox"]


def test_pascal_voc(results: ResultsFile, found: list[FoundRow], tmp_path: Path) -> None:
    convert(results, "voc", tmp_path / "voc")
    for row in found:
        path = (tmp_path / "voc" / "Annotations" / row.image).with_suffix(".xml")
        root = ElementTree.parse(path).getroot()
        assert root.tag == "annotation"
        assert [child.tag for child in root] == VOC_FIELDS + ["object"] * len(row.digits)
        assert root.findtext("filename") == row.image.rpartition("/")[2].replace("\n", "\\n")
        assert [root.findtext(f"size/{field}") for field in ("width", "height", "depth")] == [
            str(row.width_px),
            str(row.height_px),
            "3",
        ]
        for entry, digit in zip(root.findall("object"), row.digits, strict=True):
            assert [child.tag for child in entry] == VOC_OBJECT_FIELDS
            assert entry.findtext("name") == str(digit.label)
            left, top, right, bottom = (
                int(entry.findtext(f"bndbox/{edge}") or "") for edge in ("xmin", "ymin", "xmax", "ymax")
            )
            assert 1 <= left <= right <= row.width_px
            assert 1 <= top <= bottom <= row.height_px
            assert np.allclose([left - 1, top - 1, right, bottom], digit.box, atol=0.51)


@given(
    size=st.integers(1, 10_000),
    edges=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_voc_pixels_are_in_the_image_and_the_nearest(size: int, edges: tuple[float, float]) -> None:
    low, high = (edge * size for edge in sorted(edges))
    first, last = _pixels(low, high, size)
    assert 1 <= first <= last <= size
    assert abs(first - 1 - low) <= 1
    assert abs(last - high) <= 1
    if high - low >= 1:
        assert max(abs(first - 1 - low), abs(last - high)) <= 0.5


CONTROL = "esc \x1b[2J \x01 \ufffe ]]> <a>.png"


def one_row(path: Path, *names: str) -> ResultsFile:
    rows: list[dict[str, Any]] = [
        {"image": name, "width_px": 9, "height_px": 9, "digits": [], "numbers": []} for name in names
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return ResultsFile(path)


def test_xml_holds_any_name(tmp_path: Path) -> None:
    convert(one_row(tmp_path / "a", CONTROL), "voc", tmp_path / "voc")
    (written,) = (tmp_path / "voc" / "Annotations").iterdir()
    name = ElementTree.parse(written).getroot().findtext("filename")
    assert name == "esc \\x1b[2J \\x01 \\ufffe ]]> <a>.png"


@pytest.mark.parametrize(
    ("image", "path", "reason"),
    [
        ("a.jpg", "a.txt", "the image's own name"),
        ("street/b.c.JPEG", "street/b.c.txt", "only the last ending is one"),
        ("/data/a.jpg", "data/a.txt", "absolute names stay inside"),
        ("../../a.jpg", "a.txt", "nothing leads out"),
        ("x/../../y/./a.jpg", "y/a.txt", "nor in the middle"),
        ("//a.jpg", "a.txt", "two slashes are a root too"),
        (".hidden/.jpg", ".hidden/.jpg.txt", "a name that is all ending"),
    ],
)
def test_label_paths(image: str, path: str, reason: str) -> None:
    assert str(LabelPaths(".txt").of(image)) == path, reason


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_no_name_leads_a_label_out_of_its_folder(name: str) -> None:
    assume(os.path.normpath(f"/{name}").strip("/"))  # the rest names no file
    path = LabelPaths(".txt").of(name)
    assert not path.is_absolute()
    assert ".." not in path.parts
    assert path.name.endswith(".txt")


@pytest.mark.parametrize("name", ["", ".", "..", "/", "a/.."])
def test_a_name_that_names_no_file_is_refused(name: str) -> None:
    with pytest.raises(InvalidOptionError, match="names no file"):
        LabelPaths(".txt").of(name)


@pytest.mark.parametrize("target", ["yolo", "voc"])
def test_two_images_that_would_share_a_label_are_refused_and_nothing_is_left(
    tmp_path: Path, target: str
) -> None:
    rows = one_row(tmp_path / "a.jsonl", "x/1.jpg", "x/1.png")
    with pytest.raises(InvalidOptionError, match=r"x/1\.jpg and x/1\.png would share.*convert to coco"):
        convert(rows, target, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def spoiled(path: Path) -> ResultsFile:
    rows = one_row(path, "a.png", "b.png")
    path.write_text(path.read_text() + "no row\n")
    return ResultsFile(rows.path)


@pytest.mark.parametrize("target", FORMATS)
def test_bad_results_leave_nothing_and_an_earlier_file_as_it_was(tmp_path: Path, target: str) -> None:
    results = spoiled(tmp_path / "a.jsonl")
    with pytest.raises(InvalidOptionError, match="line 3 is not a row"):
        convert(results, target, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
    if target not in ("yolo", "voc"):
        (tmp_path / "out").write_text("earlier")
        with pytest.raises(InvalidOptionError):
            convert(results, target, tmp_path / "out")
        assert (tmp_path / "out").read_text() == "earlier"


@contextmanager
def small_files_only(limit: int) -> Iterator[None]:
    """As on a full disk: no file gets larger than `limit` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_nothing_and_an_earlier_file_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = one_row(tmp_path / "a.jsonl", *(f"{index}.png" for index in range(2000)))
    (tmp_path / "out.json").write_text("earlier")
    with small_files_only(50_000), pytest.raises(SystemExit, match="3"):
        main(["convert", str(rows.path), "--to", "coco", "--out", str(tmp_path / "out.json")])
    assert "nothing was written" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "out.json"]
    assert (tmp_path / "out.json").read_text() == "earlier"


def a_full_folder(path: Path) -> None:
    path.mkdir()
    (path / "mine.txt").touch()


def a_linked_pipe(path: Path) -> None:
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")


def a_loop(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize(
    ("target", "prepare", "reason"),
    [
        ("coco", Path.mkdir, "is a folder: name a file"),
        ("coco", os.mkfifo, "is not a regular file"),
        ("gpx", a_linked_pipe, "is not a regular file"),
        ("coco", a_loop, "is not a regular file"),
        ("yolo", Path.touch, "is there already"),
        ("voc", a_full_folder, "is there already"),
    ],
)
def test_outputs_that_cannot_be(
    tmp_path: Path, target: str, prepare: Callable[[Path], None], reason: str
) -> None:
    prepare(tmp_path / "out")
    with pytest.raises(InvalidOptionError, match=reason):
        convert(one_row(tmp_path / "a.jsonl", "a.png"), target, tmp_path / "out")


def test_a_linked_output_is_written_where_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out.json").symlink_to("elsewhere/dataset.json")
    for name in ("a.png", "b.png"):
        convert(one_row(tmp_path / "a.jsonl", name), "coco", tmp_path / "out.json")
        assert (tmp_path / "out.json").is_symlink()
        assert name in (tmp_path / "elsewhere" / "dataset.json").read_text()


def test_results_are_never_overwritten(tmp_path: Path) -> None:
    rows = one_row(tmp_path / "a.jsonl", "a.png")
    before = rows.path.read_bytes()
    (tmp_path / "link.csv").symlink_to(rows.path)
    for out in (rows.path, tmp_path / "link.csv"):
        with pytest.raises(InvalidOptionError, match="holds the results themselves"):
            convert(rows, "csv-numbers", out)
    assert rows.path.read_bytes() == before


@pytest.mark.parametrize("target", FORMATS)
def test_the_command_writes_the_same_as_the_function(
    results: ResultsFile, tmp_path: Path, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    convert(results, target, tmp_path / "a")
    assert main(["convert", str(results.path), "--to", target, "--out", str(tmp_path / "new" / "b")]) == 0
    assert "6 images (1 that were not read are left out)" in capsys.readouterr().err
    assert contents(tmp_path / "a") == contents(tmp_path / "new" / "b") != {}


def contents(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}


def test_the_command_knows_every_format() -> None:
    assert _FORMATS == FORMATS


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--to", "excel", "--out", "x"], "invalid choice: 'excel'"),
        (["--out", "x"], "required: --to"),
    ],
)
def test_wrong_usage(
    results: ResultsFile, arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["convert", str(results.path), *arguments])
    assert complaint in capsys.readouterr().err


def test_results_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(tmp_path / "none"), "--to", "coco", "--out", str(tmp_path / "x")]) == 2
    assert "error: argument RESULTS: " in capsys.readouterr().err
