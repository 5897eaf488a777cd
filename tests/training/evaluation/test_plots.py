"""The pictures of an evaluation: which ones there are, that they are pictures, and what they count."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.training.painted import (
    Digit,
    PaintedDigitDetector,
    paint,
    write_painted_crops,
    write_png,
    write_truth,
)
from training.evaluation import contact_sheets
from training.evaluation.evaluate import evaluate
from training.evaluation.evaluation_plots import digit_confusion, write_evaluation_plots
from training.evaluation.figures import Evaluation

SEVEN, FIVE = Digit(7, 20, 10, 30, 30), Digit(5, 32, 10, 42, 30)
MADE_UP = Digit(1, 60, 5, 66, 25, 0.8)
SCENE_PICTURES = {
    "precision_recall",
    "digit_confusion",
    "reliability",
    "recall",
    "misses",
    "numbers_missed",
    "false_alarms",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A 7 is right, a 5 is read as 6, another 5 is not found; a 1 is made up, another one in a photograph."""
    write_painted_crops(tmp_path / "svhn" / "test_32x32.mat", [1, 2], [1, 7])
    folder = tmp_path / "svhn" / "test"
    write_truth(folder, [[SEVEN, FIVE], [FIVE]])
    write_png(folder / "1.png", paint(80, 40, [SEVEN, FIVE._replace(label=6), MADE_UP]))
    write_png(folder / "2.png", paint(80, 40, []))
    write_png(tmp_path / "backgrounds" / "test" / "0.png", paint(90, 60, [MADE_UP]))
    return tmp_path


@pytest.fixture
def evaluation(data: Path) -> Evaluation:
    return evaluate(PaintedDigitDetector(), data, progress=False)


@pytest.mark.slow
def test_every_picture_is_written_and_shows_something(evaluation: Evaluation, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "plots"
    written = write_evaluation_plots(evaluation, folder)
    assert {path.stem for path in written} == SCENE_PICTURES | {"crop_confusion"}
    assert sorted(folder.iterdir()) == sorted(written), "and nothing else is left there"
    for path in written:
        picture = cv2.imread(str(path))
        assert picture is not None
        assert min(picture.shape[:2]) > 200
        assert picture.std() > 5


def test_pictures_without_matter_are_left_out(data: Path, tmp_path: Path) -> None:
    (data / "svhn" / "test" / "digitStruct.mat").unlink()
    crops_only = evaluate(PaintedDigitDetector(), data, progress=False)
    assert [p.stem for p in write_evaluation_plots(crops_only, tmp_path / "plots")] == ["crop_confusion"]


@pytest.mark.slow
def test_a_detector_that_finds_nothing_has_pictures_too(data: Path, tmp_path: Path) -> None:
    blind = evaluate(PaintedDigitDetector(max_pixels=1), data, progress=False)
    assert {p.stem for p in write_evaluation_plots(blind, tmp_path / "plots")} >= SCENE_PICTURES


def test_digit_confusion(evaluation: Evaluation) -> None:
    assert evaluation.scenes is not None
    expected = np.zeros((11, 11), int)
    expected[7, 7] = 1
    expected[5, 6] = 1
    expected[5, 10] = 1
    expected[10, 1] = 1
    assert digit_confusion(evaluation.scenes.observations).tolist() == expected.tolist()


def test_contact_sheets_count_what_they_show(evaluation: Evaluation) -> None:
    assert evaluation.scenes is not None
    observed = evaluation.scenes.observations
    missed = contact_sheets.misses(observed)
    assert "(2 of 2)" in missed.get_suptitle()
    alarms = contact_sheets.false_alarms(observed, evaluation.photos)
    assert [axes.get_title() for axes in alarms.axes if axes.get_title()] == ["6, 90%", "1, 80%", "1, 80%"]
    assert "(2 of 2)" in contact_sheets.false_alarms(observed, None).get_suptitle()
