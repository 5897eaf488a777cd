"""Evaluation on a small data folder in the official formats, with figures worked out by hand."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest

from detector.images.decode import decode_image
from detector.pipeline.cascade import CascadeOutput
from detector.pipeline.detector import DigitDetector
from detector.results.interface import DetectOptions
from tests.training.official_files import REAL, TEST_DATA
from tests.training.painted import (
    Digit,
    PaintedDigitDetector,
    paint,
    write_painted_crops,
    write_png,
    write_truth,
)
from training.data.scenes import Image
from training.errors import DataError
from training.evaluation.evaluate import CANDIDATE_OPTIONS, evaluate
from training.evaluation.evaluation_report import format_table, to_json

SEVEN, FIVE = Digit(7, 20, 10, 30, 30), Digit(5, 32, 10, 42, 30)
WIDTH, HEIGHT = 80, 40

ITEM_KEYS = {"crop_error", "f1_50", "f1_30", "ap_50", "map", "sequence_accuracy", "false_per_mp"}
SCENE_KEYS = {
    "f1_50",
    "f1_30",
    "ap_50",
    "map",
    "sequence_accuracy",
    "numbers_found",
    "recall_by_height",
    "images",
}
"""Some of the keys that need whole images."""


def write_scenes(data: Path, truths: list[list[Digit]], painted: list[list[Digit]]) -> None:
    folder = data / "svhn" / "test"
    write_truth(folder, truths)
    for i, digits in enumerate(painted):
        write_png(folder / f"{i + 1}.png", paint(WIDTH, HEIGHT, digits))


def write_photos(data: Path, false: list[list[Digit]]) -> None:
    for i, digits in enumerate(false):
        write_png(data / "backgrounds" / "test" / f"{i}.png", paint(500, 200, digits))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Everything is there and everything is found."""
    write_painted_crops(tmp_path / "svhn" / "test_32x32.mat", [1, 2, 3, 0], [1, 2, 3, 0])
    write_scenes(tmp_path, [[SEVEN, FIVE], [SEVEN]], [[SEVEN, FIVE], [SEVEN]])
    write_photos(tmp_path, [[], []])
    return tmp_path


def figures(data: Path, detector: PaintedDigitDetector | None = None) -> dict[str, object]:
    evaluation = evaluate(detector or PaintedDigitDetector(), data, progress=False)
    return json.loads(json.dumps(to_json(evaluation), allow_nan=False))


def test_all_right(data: Path) -> None:
    found = figures(data)
    assert (
        found
        | {
            "crop_error": 0,
            "crops": 4,
            "f1_50": 1,
            "precision_30": 1,
            "recall_30": 1,
            "f1_30": 1,
            "ap_50": 1,
            "map": 1,
            "sequence_accuracy": 1,
            "numbers_exact": 1,
            "numbers_found": 1,
            "numbers_spurious": 0,
            "false_per_mp": 0,
            "pasted_recall_30": 1,
            "unpasted_recall_30": 1,
            "images": 2,
            "digits": 3,
            "detections": 3,
            "missing": [],
        }
        == found
    )
    assert found.keys() >= ITEM_KEYS


def test_crop_error_counts_wrong_crops(data: Path) -> None:
    write_painted_crops(data / "svhn" / "test_32x32.mat", [1, 2, 3, 0, 9], [1, 2, 4, 0, 0])
    assert figures(data)["crop_error"] == pytest.approx(2 / 5)


def test_the_fcn_alone_is_measured_beside_both(data: Path) -> None:
    write_painted_crops(data / "svhn" / "test_32x32.mat", [1, 2, 9], [1, 2, 9])
    found = figures(data)
    assert (found["crop_error"], found["crop_error_fcn"]) == (0, pytest.approx(1 / 3))


class CountingDetector(PaintedDigitDetector):
    runs = 0

    def run_networks(self, pixels: Image, options: DetectOptions | None = None) -> CascadeOutput:
        self.runs += 1
        return super().run_networks(pixels, options)


def test_the_networks_run_once_on_each_labelled_image(data: Path) -> None:
    rmtree(data / "backgrounds")
    detector = CountingDetector()
    assert figures(data, detector)["images"] == detector.runs == 2


@pytest.mark.parametrize("name", sorted(REAL))
def test_digits_chosen_among_candidates_are_those_of_detect(name: str) -> None:
    detector, image = DigitDetector.load(), (TEST_DATA / f"svhn_train_{name}").read_bytes()
    pixels = decode_image(image)
    height, width = pixels.shape[:2]
    output = detector.run_networks(pixels, CANDIDATE_OPTIONS)
    for options in (DetectOptions(), CANDIDATE_OPTIONS):
        chosen, found = detector.decide(output, width, height, options), detector.detect(image, options)
        np.testing.assert_array_equal(chosen.digits.labels, found.digits.labels)
        np.testing.assert_allclose(chosen.digits.scores, found.digits.scores, atol=1e-6)
        np.testing.assert_allclose(chosen.digits.boxes, found.digits.boxes, atol=1e-3)
        assert [number.text for number in chosen.numbers] == [number.text for number in found.numbers]


@pytest.mark.slow
def test_rendered_plates_and_signs_are_measured_when_asked(data: Path) -> None:
    """The stand-in for a detector finds painted digits alone: it misses what is rendered."""
    assert figures(data)["rendered"] is None
    evaluation = evaluate(PaintedDigitDetector(), data, progress=False, rendered=5)
    found = to_json(evaluation)["rendered"]
    assert (found["plates"], found["signs"]) == (3, 2)
    assert (found["plates_found"], found["signs_found"]) == (0, 0)
    assert "of 3 rendered pictures of a number alone" in format_table(evaluation)


def test_wrong_digits(data: Path) -> None:
    """Of four true digits: one right, one read wrongly, one boxed too low (IoU 1/3), one weak; one is false."""
    truths = [[SEVEN, FIVE], [SEVEN, FIVE]]
    false = Digit(3, 60, 0, 66, 10, 0.6)
    low, weak = Digit(7, 20, 20, 30, 40), FIVE._replace(score=0.1)
    write_scenes(data, truths, [[SEVEN, FIVE._replace(label=6), false], [low, weak]])
    found = figures(data)
    assert (found["precision_50"], found["recall_50"]) == pytest.approx((1 / 4, 1 / 4))
    assert (found["precision_30"], found["recall_30"]) == pytest.approx((2 / 4, 2 / 4))
    assert (found["f1_50"], found["f1_30"]) == pytest.approx((1 / 4, 2 / 4))
    # AP knows the weak 5 too. Both 7s have one score, the first image's comes first: recall 1/2 at precision 1.
    # Of the two 5s the weak one alone is found.
    assert found["ap_50"] == pytest.approx(51 / 101)
    assert found["map"] == pytest.approx(51 / 101)
    assert (found["sequence_accuracy"], found["numbers_exact"], found["numbers_found"]) == (0, 0, 0)
    assert found["numbers_spurious"] == pytest.approx(3 / 2), "76 and 3; 7"
    assert found["recall_by_digit"][7] == {"name": "7", "digits": 2, "recall_30": 1}
    assert found["recall_by_digit"][5] == {"name": "5", "digits": 2, "recall_30": 0}
    assert found["recall_by_digit"][0] == {"name": "0", "digits": 0, "recall_30": None}


def test_recall_by_height(data: Path) -> None:
    small = Digit(1, 2, 2, 6, 16)
    write_scenes(data, [[SEVEN, small]], [[SEVEN]])
    assert {row["name"]: row["recall_30"] for row in figures(data)["recall_by_height"] if row["digits"]} == {
        "12-16 px": 0,
        "16-24 px": 1,
    }


def test_numbers_in_two_lines(data: Path) -> None:
    """Read by x_min alone the digits of both lines mix; the true number is among those reported all the same."""
    write_scenes(
        data, [[SEVEN, FIVE]], [[Digit(7, 20, 0, 30, 18), Digit(5, 32, 0, 42, 18), Digit(1, 22, 21, 26, 39)]]
    )
    found = figures(data)
    assert (found["sequence_accuracy"], found["numbers_exact"]) == (0, 0)
    assert (found["numbers_found"], found["numbers_spurious"]) == (1, 1)


def test_true_boxes_that_leave_the_image_are_clipped(data: Path) -> None:
    outside = Digit(7, -12, 5, 8, 45)
    write_scenes(data, [[outside]], [[outside]])
    assert figures(data)["recall_50"] == 1


def test_a_hundred_candidates_an_image(data: Path) -> None:
    """The weak 7 is beyond the best hundred."""
    many = [Digit(3, x, y, x + 3, y + 3, 0.4) for y in range(0, 40, 4) for x in range(0, 40, 4)]
    write_scenes(data, [[Digit(7, 60, 5, 70, 25)]], [[*many, Digit(7, 60, 5, 70, 25, 0.2)]])
    assert figures(data)["ap_50"] == 0
    write_scenes(data, [[Digit(7, 60, 5, 70, 25)]], [[*many[1:], Digit(7, 60, 5, 70, 25, 0.2)]])
    assert figures(data)["ap_50"] == 1


def test_false_digits_per_megapixel(data: Path) -> None:
    """Three in two photographs of 0.1 megapixels each; one is below the default threshold."""
    spread = [Digit(1, 10, 10, 20, 40), Digit(2, 200, 10, 210, 40), Digit(3, 400, 10, 410, 40)]
    write_photos(data, [[*spread, Digit(4, 300, 100, 310, 130, 0.4)], []])
    found = figures(data)
    assert found["false_per_mp"] == pytest.approx(3 / 0.2)
    assert (found["false_digits"], found["false_numbers"], found["photos"]) == (3, 3, 2)


def test_pasting_reveals_a_detector_that_minds_the_image_size(data: Path) -> None:
    found = figures(data, PaintedDigitDetector(max_pixels=200_000))
    assert (found["unpasted_recall_30"], found["pasted_recall_30"], found["pasted_images"]) == (1, 0, 2)
    assert found["f1_50"] == 1


def test_images_larger_than_any_photograph_are_not_pasted(data: Path) -> None:
    folder = data / "svhn" / "test"
    write_png(folder / "1.png", paint(3000, 40, [SEVEN, FIVE]))
    assert figures(data)["pasted_images"] == 1
    write_png(folder / "2.png", paint(3000, 40, [SEVEN]))
    found = figures(data)
    assert (found["pasted_images"], found["pasted_recall_30"]) == (None, None)
    assert found["f1_50"] == 1


def remove(*parts: str) -> Callable[[Path], None]:
    def act(data: Path) -> None:
        path = data.joinpath(*parts)
        rmtree(path) if path.is_dir() else path.unlink()

    return act


@pytest.mark.parametrize(
    ("take_away", "nulls", "named"),
    [
        pytest.param(
            remove("svhn", "test_32x32.mat"),
            {"crop_error", "crop_error_fcn", "crops"},
            "test_32x32.mat",
            id="crops",
        ),
        pytest.param(
            remove("svhn", "test"), SCENE_KEYS | {"pasted_recall_30"}, "digitStruct.mat", id="whole images"
        ),
        pytest.param(
            remove("backgrounds"),
            {"false_per_mp", "photos", "pasted_recall_30", "unpasted_recall_30"},
            "backgrounds",
            id="photographs",
        ),
    ],
)
def test_what_is_missing_is_null_and_named(
    data: Path, take_away: Callable[[Path], None], nulls: set[str], named: str
) -> None:
    whole = figures(data)
    take_away(data)
    evaluation = evaluate(PaintedDigitDetector(), data, progress=False)
    found = to_json(evaluation)
    assert found.keys() == whole.keys()
    assert {key for key in nulls if found[key] is None} == nulls
    assert {key for key in ITEM_KEYS - nulls if found[key] is None} == set()
    assert [named in path for path in found["missing"]] == [True]
    assert f"not measured: {found['missing'][0]} is missing" in format_table(evaluation)


def test_an_empty_folder_is_an_error_that_names_what_it_wants(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"test_32x32\.mat.*digitStruct\.mat.*backgrounds"):
        evaluate(PaintedDigitDetector(), tmp_path, progress=False)


@pytest.mark.parametrize(
    "path", ["svhn/test/1.png", "backgrounds/test/0.png"], ids=["a labelled image", "a photograph"]
)
def test_a_damaged_image_is_named(data: Path, path: str) -> None:
    (data / path).write_bytes((data / path).read_bytes()[:60])
    with pytest.raises(DataError, match=path):
        evaluate(PaintedDigitDetector(), data, progress=False)


def test_a_folder_without_photographs_is_an_error(data: Path) -> None:
    for path in (data / "backgrounds" / "test").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="no photographs"):
        evaluate(PaintedDigitDetector(), data, progress=False)


def test_the_split_is_respected(data: Path) -> None:
    with pytest.raises(DataError, match="train_32x32"):
        evaluate(PaintedDigitDetector(), data, "train", progress=False)
    (data / "svhn" / "test").rename(data / "svhn" / "train")
    evaluation = evaluate(PaintedDigitDetector(), data, "train", progress=False)
    assert evaluation.scenes is not None
    assert evaluation.scenes.at_50.f1 == 1
    assert evaluation.photos is None, "the photographs of another split"


def test_the_table_defines_every_figure(data: Path) -> None:
    evaluation = evaluate(PaintedDigitDetector(), data, progress=False)
    lines = format_table(evaluation).splitlines()
    assert lines[0] == "split: test"
    names = [line.split("  ")[0] for line in lines[1:]]
    for name in (
        *("crop error", "precision@0.5", "recall@0.5", "F1@0.5", "F1@0.3", "AP@0.5", "mAP@[.5:.95]"),
        *("recall 16-24 px", "sequence accuracy", "numbers exact", "numbers found", "numbers spurious"),
        *("false digits per MP", "recall@0.3 pasted"),
    ):
        assert name in names
    starts = {line.index(line.split(None, 1)[0]) for line in lines[1:]}
    assert starts == {0}
    assert min(len(line) for line in lines[1:]) > max(map(len, names)) + 20, "a definition beside each"


def test_the_same_again(data: Path) -> None:
    assert figures(data) == figures(data)


def test_progress_is_shown_on_stderr_alone_and_only_if_wanted(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)  # in a log, what is done so soon has no line
    evaluate(PaintedDigitDetector(), data, progress=False)
    assert capsys.readouterr() == ("", "")
    evaluate(PaintedDigitDetector(), data)
    out, err = capsys.readouterr()
    assert out == ""
    assert "2/2" in err


def test_confusion_rows_are_the_truth(data: Path) -> None:
    write_painted_crops(data / "svhn" / "test_32x32.mat", [1, 1, 0], [1, 7, 0])
    crops = evaluate(PaintedDigitDetector(), data, progress=False).crops
    assert crops is not None
    expected = np.zeros((10, 10), int)
    expected[1, 1] = expected[7, 1] = expected[0, 0] = 1
    assert crops.confusion.tolist() == expected.tolist()
