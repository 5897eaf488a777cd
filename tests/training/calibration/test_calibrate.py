"""`calibrate` on real images: what it chooses goes into the manifest, and the model works by it."""

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.images.decode import decode_image
from detector.models.model_files import EMBEDDED, Manifest, load_model, write_manifest
from detector.models.operating_point import OperatingPoint, Thresholds
from detector.pipeline.detector import DigitDetector
from detector.pipeline.loading import load_checked
from detector.results.detections import Detections
from tests.training.official_files import REAL, write_tiny_data
from training.calibration import observations
from training.calibration.observations import read_validation_set, recorded_seeds
from training.calibration.search import Goal, ScoredImage, ScoredSet, choose_thresholds
from training.cli.main import main
from training.data.detector_data import load_detector_data
from training.data.labelled_data import is_validation
from training.data.labels.folder import LabelOptions
from training.data.scenes import Scene
from training.data.svhn import read_scenes
from training.errors import DataError
from training.evaluation.sequences import TrueNumber


def write_coco(folder: Path, pictures: dict[str, Path], split: str = "val") -> Path:
    """Real images of numbers as COCO: a file name for each image."""
    images, annotations = [], []
    (folder / "images").mkdir(parents=True)
    for identity, (name, path) in enumerate(pictures.items()):
        shutil.copy(path, folder / "images" / name)
        height, width = decode_image(path.read_bytes()).shape[:2]
        images.append({"id": identity, "file_name": name, "width": width, "height": height})
        for digit, x, y, w, h in REAL[path.name.removeprefix("svhn_train_")]:
            bbox = [x, y, min(w, width - x), min(h, height - y)]
            annotations.append(
                {"id": len(annotations), "image_id": identity, "category_id": digit, "bbox": bbox}
            )
    categories = [{"id": digit, "name": str(digit)} for digit in range(10)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / f"instances_{split}.json").write_text(json.dumps(content))
    return folder


@pytest.mark.slow
def test_what_is_chosen_is_what_the_model_then_does(
    tmp_path: Path, real_images: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    model = shutil.copytree(EMBEDDED, tmp_path / "model")
    strict = OperatingPoint(thresholds=Thresholds(0.95, 0.95, 0.95))
    write_manifest(model, replace(load_model(model)[1], operating_point=strict))
    data = write_coco(tmp_path / "own", {path.name: path for path in real_images.values()})
    command = ["calibrate", "--model", str(model), "--data", str(data), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "own, after" in said
    point = load_model(model)[1].operating_point
    assert point.thresholds.isolated < 0.95
    assert load_checked(model).manifest.operating_point == point, "its self check is recorded anew"
    found = [DigitDetector.load(model).detect(path.read_bytes()) for path in real_images.values()]
    numbers = sum(
        any(number.text == text for number in result.numbers)
        for text, result in zip(real_images, found, strict=True)
    )
    assert f"{numbers} of {len(real_images)}" in said.split("own, after")[1].splitlines()[0]
    assert (tmp_path / "out" / "reliability.png").stat().st_size > 10_000
    kept = list((tmp_path / "out").glob("own-*.safetensors"))
    assert len(kept) == 1
    kept[0].write_bytes(kept[0].read_bytes()[:100])  # damaged: it is made anew
    assert main(command) == 0
    assert kept[0].stat().st_size > 1000
    assert load_model(model)[1].sha256 == load_model(EMBEDDED)[1].sha256, "the weights are as they were"


def test_of_svhn_only_what_validates_trainings_is_read(tmp_path: Path) -> None:
    data = write_tiny_data(tmp_path)
    train = read_scenes(data / "svhn" / "train")
    chosen = read_validation_set(data)
    assert [scene.path for scene in chosen.scenes] == [s.path for s in train if is_validation(s)]
    assert [[number.digits for number in numbers] for numbers in chosen.numbers] == [
        [scene.number] for scene in chosen.scenes
    ]


def test_of_own_labels_the_split_val_is_read_and_test_never(
    tmp_path: Path, real_images: dict[str, Path]
) -> None:
    path = real_images["68"]
    data = write_coco(tmp_path / "own", {"v.png": path})
    assert [scene.path.name for scene in read_validation_set(data).scenes] == ["v.png"]
    (data / "instances_val.json").rename(data / "instances_test.json")
    with pytest.raises(DataError, match="no labelled digits to validate on"):
        read_validation_set(data)


def test_without_val_it_is_what_a_training_would_hold_out(
    tmp_path: Path, real_images: dict[str, Path]
) -> None:
    data = write_coco(tmp_path / "own", {f"{index}.png": real_images["68"] for index in range(10)}, "train")
    chosen = {seed: paths(read_validation_set(data, seeds=[seed]).scenes) for seed in range(4)}
    assert chosen == {seed: paths(load_detector_data(data, seed=seed).validation) for seed in range(4)}
    assert len(set().union(*chosen.values())) > 2, "they depend on the seed"
    assert paths(read_validation_set(data).scenes) == chosen[1], "a training's default"


def paths(scenes: Sequence[Scene]) -> frozenset[Path]:
    return frozenset(scene.path for scene in scenes)


def test_seeds_that_draw_different_images_are_refused(tmp_path: Path, real_images: dict[str, Path]) -> None:
    data = write_coco(tmp_path / "own", {f"{index}.png": real_images["68"] for index in range(10)}, "train")
    with pytest.raises(DataError, match=r"no split 'val'.*with the seeds 1 and 5: choose with --seed"):
        read_validation_set(data, seeds=[5, 1, 5])
    named = write_coco(tmp_path / "named", {"v.png": real_images["68"]})
    assert len(read_validation_set(named, seeds=[5, 1]).scenes) == 1


@pytest.mark.parametrize(
    ("training", "seeds"),
    [
        ({"fcn": {"recipe": {"seed": 5}}, "refiner": {"recipe": {"seed": 7}}}, {"fcn": 5, "refiner": 7}),
        ({"recipe": {"seed": 3}}, {"fcn": 3}),
        ({"fcn": {"recipe": {"seed": 2}}, "gate": {"recipe": {"seed": 9}}}, {"fcn": 2}),
        ({}, {}),
    ],
    ids=["both networks", "an FCN alone", "the gate scores nothing", "nothing recorded"],
)
def test_the_seeds_are_those_of_the_manifest(training: dict[str, Any], seeds: dict[str, int]) -> None:
    assert recorded_seeds(Manifest("a", "", "", "", training)) == seeds
    assert set(recorded_seeds(load_model(EMBEDDED)[1]).values()) == {5}


@pytest.mark.parametrize(
    ("options", "seeds"), [([], {5}), (["--seed", "2"], {2})], ids=["the manifest's", "the given one"]
)
def test_the_command_reads_what_the_models_training_drew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], seeds: set[int]
) -> None:
    asked: list[set[int]] = []

    def read(folder: Path, _: LabelOptions, seeds: Iterable[int]) -> None:
        asked.append(set(seeds))
        raise DataError(str(folder))

    monkeypatch.setattr(observations, "read_validation_set", read)
    assert main(["calibrate", "--model", str(EMBEDDED), "--data", str(tmp_path), *options]) == 2
    assert asked == [seeds]


def image(scores: list[float], true: int) -> ScoredImage:
    """Lone digits far apart, of which the first `true` ones are there."""
    boxes = np.array([(100 * i, 0, 100 * i + 10, 20) for i in range(len(scores))], np.float32).reshape(-1, 4)
    labels = np.zeros(len(scores), np.int32)
    scene = Scene(Path("x.png"), boxes[:true], labels[:true])
    numbers = [TrueNumber("0", tuple(box)) for box in boxes[:true].tolist()]
    return ScoredImage(scene, numbers, Detections(boxes, labels, np.array(scores, np.float32)))


def test_thresholds_move_to_where_right_and_wrong_part() -> None:
    low = ScoredSet("low", [image([0.5, 0.3], 1)] * 3)
    start = Thresholds(0.6, 0.55, 0.7)
    chosen, score = choose_thresholds([low], start, Goal((0.0,)))
    assert score == 1
    assert 0.3 < max(chosen.high, chosen.isolated) <= 0.5


def test_every_set_weighs_the_same() -> None:
    """Many images whose false digits score 0.6, and one whose true digit does: each counts half."""
    false, true = ScoredSet("false", [image([0.9, 0.6], 1)] * 50), ScoredSet("true", [image([0.6], 1)])
    chosen, _ = choose_thresholds([false, true], Thresholds(), Goal((0.0, 0.0)))
    assert chosen.isolated <= 0.6, (
        "a half lost is worth more than a third gained, however many images there are"
    )


def test_no_set_falls_below_its_floor() -> None:
    false, true = ScoredSet("false", [image([0.9, 0.6], 1)] * 50), ScoredSet("true", [image([0.6], 1)])
    chosen, score = choose_thresholds([false, true], Thresholds(), Goal((1.0, 0.0)))
    assert chosen.isolated > 0.6
    assert score == 0.5


def test_what_may_be_a_digit_is_counted_once_by_score() -> None:
    found = ScoredSet("set", [image([0.9, 0.4], 1), image([], 0)]).scored_digits()
    assert found.scores.tolist() == pytest.approx([0.9, 0.4])
    assert found.right.tolist() == [True, False]
