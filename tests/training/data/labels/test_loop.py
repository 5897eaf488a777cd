"""The loop by which people label with the model: detect, convert, correct, read back."""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import detector.cli.main
import training.cli.main
from detector import DigitDetector
from detector.folders import FolderJob, detect_folder, plan_folder
from detector.folders.results_file import FoundRow, ResultsFile
from training.data.detector_data import load_detector_data
from training.data.labels.folder import LabelOptions, survey

CORRECTED = "street/1.png"


@pytest.fixture(scope="module")
def found(
    tmp_path_factory: pytest.TempPathFactory, embedded: DigitDetector, real_images: dict[str, Path]
) -> ResultsFile:
    """What the model finds in real photographs, in folders."""
    folder = tmp_path_factory.mktemp("loop")
    for number, image in enumerate(real_images.values()):
        path = folder / "photos" / ("street" if number % 2 else "road") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image.read_bytes())
    detect_folder(plan_folder(FolderJob(folder / "photos", folder / "digits.jsonl")), embedded)
    return ResultsFile(folder / "digits.jsonl")


def correct_coco(folder: Path, label: int) -> None:
    """A tool writes the whole file anew, in its own order, with what it adds to every object."""
    path = folder / "labels.json"
    document = json.loads(path.read_text())
    image = next(entry["id"] for entry in document["images"] if entry["file_name"] == CORRECTED)
    first = next(entry for entry in document["annotations"] if entry["image_id"] == image)
    first["category_id"] = label
    first["attributes"] = {"occluded": False}
    path.write_text(json.dumps(dict(sorted(document.items())), indent=1))


def correct_yolo(folder: Path, label: int) -> None:
    path = (folder / "labels" / CORRECTED).with_suffix(".txt")
    first, *others = path.read_text().splitlines()
    path.write_bytes("\r\n".join([" ".join([str(label), *first.split()[1:]]), *others]).encode())


def correct_voc(folder: Path, label: int) -> None:
    path = (folder / "Annotations" / CORRECTED).with_suffix(".xml")
    document = ElementTree.parse(path)
    name = document.find("object/name")
    assert name is not None
    name.text = str(label)
    document.write(path, encoding="utf-8", xml_declaration=True)


def correct_csv(folder: Path, label: int) -> None:
    path = folder / "digits.csv"
    with path.open(newline="") as file:
        header, *rows = list(csv.reader(file))
    first = next(row for row in rows if row[0] == CORRECTED)
    first[header.index("digit")] = str(label)
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([header, *rows])


@dataclass(frozen=True)
class Way:
    to: str
    out: str
    images: str
    correct: Callable[[Path, int], None]
    tolerance: float
    """px that a box may be off."""


WAYS = {
    "COCO": Way("coco", "labels.json", "images", correct_coco, 0.011),
    "YOLO": Way("yolo", "", "images", correct_yolo, 0.001),
    "Pascal VOC": Way("voc", "", "JPEGImages", correct_voc, 0.501),
    "CSV": Way("csv-digits", "digits.csv", "images", correct_csv, 0.001),
}


@pytest.mark.parametrize("name", WAYS)
def test_what_a_person_corrects_is_what_is_learned(
    name: str, found: ResultsFile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    way, folder = WAYS[name], tmp_path / "mine"
    target = ["--to", way.to, "--out", str(folder / way.out)]
    assert detector.cli.main.main(["convert", str(found.path), *target]) == 0
    (folder / way.images).symlink_to(found.path.parent / "photos")
    expected = {row.image: row for row in found if isinstance(row, FoundRow)}
    order = sorted(
        range(len(expected[CORRECTED].digits)),
        key=lambda i: expected[CORRECTED].digits[i].box[0] if way.to == "csv-digits" else i,
    )  # CSV has the digits as they are read
    wrong = expected[CORRECTED].digits[order[0]].label
    way.correct(folder, (wrong + 1) % 10)

    assert training.cli.main.main(["check", "--data", str(folder)]) == 0, capsys.readouterr().out
    labels = survey(folder, LabelOptions(), progress=False)
    assert (labels.format, labels.problems) == (name, [])
    scenes = {scene.path.relative_to(folder / way.images).as_posix(): scene for scene in labels.scenes}
    assert scenes.keys() == expected.keys()
    for image, row in expected.items():
        digits = {tuple(digit.box): digit.label for digit in row.digits}
        if image == CORRECTED:
            digits[tuple(row.digits[order[0]].box)] = (wrong + 1) % 10
        scene = scenes[image]
        assert len(scene.labels) == len(digits) > 0
        for box, label in digits.items():
            off = np.abs(scene.boxes - np.array(box, np.float32)).max(axis=1)
            assert off.min() <= way.tolerance
            assert scene.labels[off.argmin()] == label, image
    data = load_detector_data(folder)
    assert data.counts["train_images"] + data.counts["validation_images"] == len(expected)
