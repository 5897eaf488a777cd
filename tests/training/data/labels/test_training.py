"""Labels of one's own are learned from and measured on; crops are cut as SVHN's are."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.data.labels.folders import NAMES, Drawn, paint, write, write_yolo
from tests.training.official_files import TEST_DATA, write_tiny_data
from tests.training.painted import Digit, PaintedDigitDetector
from tests.training.painted import paint as painted
from training.cli.main import main, parser
from training.cli.options import label_options
from training.data.detector_data import load_detector_data
from training.data.labels.folder import LabelOptions, read_labels
from training.data.svhn import cut_crop
from training.errors import DataError
from training.evaluation.evaluate import evaluate


def write_own(folder: Path, count: int = 10, split: str = "") -> None:
    marks = [("4", (10.0, 6.0, 16.0, 22.0)), ("2", (20.0, 6.0, 30.0, 22.0))]
    write_yolo(folder, [Drawn(f"{split}{number:02}.png", (40, 30), marks) for number in range(count)])


def test_one_image_in_five_validates_and_the_seed_draws_it(tmp_path: Path) -> None:
    write_own(tmp_path)
    data = load_detector_data(tmp_path, seed=1)
    names = [scene.path.name for scene in data.validation]
    assert (len(names), len(data.sources.scenes)) == (2, 8)
    assert data.counts == {
        "train_images": 8, "validation_images": 2, "digits": 16, "crops": 16, "photos": 0, "letters": 0,
    }  # fmt: skip
    assert data.sources.crop_labels.tolist() == [4, 2] * 8
    assert "labels of one's own (YOLO)" in data.origin
    assert "SVHN" not in data.origin
    assert data.validation_crops.shape == (4, 32, 32, 3)
    assert sorted(line.split("images/")[1] for line in data.files) == [
        f"{number:02}.png" for number in range(10)
    ]
    assert [line for line in data.files if line.startswith("validate")] == [
        f"validate images/{n}" for n in names
    ]
    again, other = (load_detector_data(tmp_path, seed=seed).validation for seed in (1, 2))
    assert [scene.path.name for scene in again] == names
    assert [scene.path.name for scene in other] != names


def test_the_folders_own_splits_are_respected(tmp_path: Path) -> None:
    write_own(tmp_path, 3)
    for split in ("valid", "test"):
        write_own(tmp_path / split, 1, split)
        (tmp_path / split / "data.yaml").unlink()
    write(tmp_path / "data.yaml", f"train: images\nval: valid/images\ntest: test/images\nnames: {NAMES}\n")
    data = load_detector_data(tmp_path)
    assert [scene.path.name for scene in data.validation] == ["valid00.png"]
    assert len(data.sources.scenes) == 3, "test is left alone"


def test_the_other_parts_are_used_beside(tmp_path: Path) -> None:
    write_own(tmp_path)
    paint(tmp_path / "backgrounds" / "train" / "a.png", (80, 80))
    data = load_detector_data(tmp_path)
    assert data.counts["photos"] == 1
    assert data.missing == ["letters"]


def test_images_without_digits_are_learned_as_background(tmp_path: Path) -> None:
    write_own(tmp_path)
    for name in ("x.png", "y.png"):
        paint(tmp_path / "images" / name, (2000, 1000))
    write(tmp_path / "data.yaml", f"train: images\nval: valid/images\nnames: {NAMES}\n")
    write_own(tmp_path / "valid", 1, "v")
    (tmp_path / "valid" / "data.yaml").unlink()
    data = load_detector_data(tmp_path)
    assert (data.counts["train_images"], len(data.sources.scenes), data.counts["photos"]) == (12, 10, 2)
    assert [photo.shape for photo in data.sources.photos] == [(707, 1414, 3)] * 2
    assert {"learn images/x.png", "learn images/y.png"} < set(data.files)


def test_problems_are_refused_or_skipped(tmp_path: Path) -> None:
    write_own(tmp_path)
    write(tmp_path / "labels" / "00.txt", "x\n")
    with pytest.raises(DataError, match="1 problems"):
        load_detector_data(tmp_path)
    data = load_detector_data(tmp_path, LabelOptions(skip_bad=True))
    assert data.counts["train_images"] + data.counts["validation_images"] == 9


@pytest.mark.parametrize(
    ("options", "written"),
    [
        (LabelOptions(), ""),
        (LabelOptions({"zero": 0, "house sign": None}), " --classes zero=0 'house sign=ignore'"),
        (LabelOptions({"one": 1}, skip_bad=True), " --classes one=1 --skip-bad"),
    ],
    ids=["defaults", "a name with a space", "both"],
)
def test_a_manifests_command_reads_labels_as_the_run_did(options: LabelOptions, written: str) -> None:
    assert options.arguments() == written
    parsed = parser().parse_args(shlex.split(f"svhn-fcn --data DIR --out DIR{written}"))
    assert label_options(parsed) == options


def test_a_folder_that_is_not_there_is_no_folder_of_ones_own(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="digitStruct"):
        load_detector_data(tmp_path / "none")
    with pytest.raises(DataError, match="nothing to measure on"):
        evaluate(PaintedDigitDetector(), tmp_path / "none", progress=False)


def test_too_few_images_are_refused(tmp_path: Path) -> None:
    write_own(tmp_path, 1)
    with pytest.raises(DataError, match="too few labelled images"):
        load_detector_data(tmp_path)


@pytest.mark.parametrize(
    "options", [LabelOptions(skip_bad=True), LabelOptions({"zero": 0})], ids=["skip", "classes"]
)
def test_svhns_official_files_need_no_options(tmp_path: Path, options: LabelOptions) -> None:
    write_tiny_data(tmp_path)
    with pytest.raises(DataError, match="labels of your own"):
        load_detector_data(tmp_path, options)
    with pytest.raises(DataError, match="labels of your own"):
        evaluate(PaintedDigitDetector(), tmp_path, "train", progress=False, options=options)


def test_own_labels_beside_svhn_are_ambiguous(tmp_path: Path) -> None:
    write_tiny_data(tmp_path)
    write_own(tmp_path)
    for read in (load_detector_data, lambda folder: evaluate(PaintedDigitDetector(), folder, progress=False)):
        with pytest.raises(DataError, match=r"several formats, SVHN \(svhn\) and YOLO"):
            read(tmp_path)


def test_a_data_set_in_its_own_folder_beside_svhn_is_left_alone(tmp_path: Path) -> None:
    write_tiny_data(tmp_path)
    alone = load_detector_data(tmp_path).counts
    write_own(tmp_path / "photographs")
    assert load_detector_data(tmp_path).counts == alone
    assert read_labels(tmp_path / "photographs", LabelOptions()).format == "YOLO"


def test_evaluation_of_ones_own_labels(tmp_path: Path) -> None:
    """A painted 4 is found and the painted 2 is not, since its score is low."""
    digits = [Digit(4, 10, 6, 16, 22), Digit(2, 20, 6, 30, 22, score=0.3)]
    write_own(tmp_path, 2)
    write_own(tmp_path / "valid", 1, "v")
    (tmp_path / "valid" / "data.yaml").unlink()
    write(tmp_path / "data.yaml", f"train: images\nval: valid/images\nnames: {NAMES}\n")
    for path in [*tmp_path.glob("images/*"), *tmp_path.glob("valid/images/*")]:
        Image.fromarray(painted(40, 30, digits)).save(path)
    whole = evaluate(PaintedDigitDetector(), tmp_path, progress=False)
    assert whole.scenes is not None
    assert whole.crops is not None
    assert (whole.split, whole.scenes.at_50.truths, whole.missing) == ("all", 4, []), "v00 is a copy of 00"
    assert (whole.scenes.at_50.precision, whole.scenes.at_50.recall) == (1, 0.5)
    assert (whole.crops.count, whole.crops.error) == (4, 0)
    paint(tmp_path / "images" / "without digits.png")
    more = evaluate(PaintedDigitDetector(), tmp_path, progress=False).scenes
    assert more is not None
    assert (len(more.observations.scenes), more.at_50) == (3, whole.scenes.at_50)
    part = evaluate(PaintedDigitDetector(), tmp_path, "val", progress=False)
    assert part.scenes is not None
    assert (part.split, part.scenes.at_50.truths) == ("val", 2)
    with pytest.raises(DataError, match="no images of 'test'; it has train, val"):
        evaluate(PaintedDigitDetector(), tmp_path, "test", progress=False)


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((-5, -5, 3, 60), "it leaves the image"),
        ((39.6, 29.6, 40, 30), "less than a pixel in the corner"),
        ((0, 0, 40, 30), "the whole image"),
        ((3, 3, 3.2, 3.2), "a fraction of a pixel"),
    ],
)
def test_a_crop_can_be_cut_of_any_box(box: tuple[float, ...], reason: str) -> None:
    pixels = np.full((30, 40, 3), 77, np.uint8)
    crop = cut_crop(pixels, np.array(box, np.float32))
    assert crop.shape == (32, 32, 3)
    assert (crop == 77).all(), reason


def test_a_crop_is_the_square_around_the_box() -> None:
    pixels = np.asarray(Image.open(TEST_DATA / "svhn_train_5.png").convert("RGB"))
    crop = cut_crop(pixels, np.array([52, 7, 73, 53], np.float32))
    square = Image.fromarray(pixels[7:53, 40:86]).resize((32, 32), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(crop, np.asarray(square))


@pytest.mark.slow
def test_the_command_trains_on_ones_own_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_own(tmp_path / "data")
    yaml = tmp_path / "data" / "data.yaml"
    yaml.write_text(yaml.read_text().replace("'2'", "'two'"))
    write(tmp_path / "data" / "labels" / "00.txt", "x\n")
    command = ["svhn-fcn", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out"), "--steps", "1"]
    assert main(command) == 2
    assert "labels/00.txt:1: 1 columns" in capsys.readouterr().err
    assert main([*command, "--skip-bad", "--classes", "two=2"]) == 0
    said = capsys.readouterr().out
    assert "left out: 1 images with problems (1 in all)" in said
    assert "7 train images, 2 validation images, 14 digits" in said
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["training_data"].startswith("pictures with labels of one's own (YOLO)")
