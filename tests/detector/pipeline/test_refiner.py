"""The refiner: windows lie where the boxes are, and what is read in them comes back to the same place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.models.backend import Network
from detector.models.layers import CHANNELS, EDGE_UNIT, REFINER_WINDOW
from detector.models.operating_point import OperatingPoint
from detector.pipeline.cascade import Cascade
from detector.pipeline.refiner import (
    BOX_WEIGHT,
    CROP_WEIGHT,
    DIGIT_HEIGHT,
    LEAST_FIRST_SCORE,
    decode_refined,
    first_score,
    mean_candidates,
    refiner_windows,
)
from detector.pipeline.score_map import Candidates

WIDTH, HEIGHT = 200, 120


def bar(box: tuple[int, int, int, int]) -> np.ndarray:
    """A white bar on black."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[box[1] : box[3], box[0] : box[2]] = 255
    return image


@pytest.mark.parametrize(
    "box",
    [
        pytest.param((100, 40, 112, 64), id="as high as it is shown"),
        pytest.param((60, 30, 66, 42), id="enlarged"),
        pytest.param((60, 10, 110, 110), id="reduced"),
        pytest.param((0, 0, 10, 24), id="in the corner"),
    ],
)
def test_a_digit_is_shown_in_the_middle_at_one_height(box: tuple[int, int, int, int]) -> None:
    (seen,) = refiner_windows(bar(box), np.array([box], np.float32))
    light = seen[..., 0] / 255
    middle = REFINER_WINDOW // 2
    rows = light[:, middle - 1 : middle + 1].mean(axis=1)
    if box[1] > 0:  # else the bar goes on above the image
        assert rows.sum() == pytest.approx(DIGIT_HEIGHT, abs=0.6)
        assert (rows * np.arange(REFINER_WINDOW)).sum() / rows.sum() + 0.5 == pytest.approx(middle, abs=0.4)
    columns = light[middle - 1 : middle + 1].mean(axis=0)
    if box[0] > 0:
        wide = (box[2] - box[0]) * DIGIT_HEIGHT / (box[3] - box[1])
        assert columns.sum() == pytest.approx(wide, abs=0.6)


def test_no_boxes_have_no_windows() -> None:
    none = refiner_windows(bar((0, 0, 9, 9)), np.empty((0, 4), np.float32))
    assert none.shape == (0, REFINER_WINDOW, REFINER_WINDOW, 3)
    assert len(decode_refined(np.empty((0, 15), np.float32), np.empty((0, 4), np.float32), 9, 9).boxes) == 0


@given(st.lists(st.tuples(*[st.floats(-1e4, 1e4, width=32)] * 4), min_size=1, max_size=4))
def test_any_boxes_have_windows(corners: list[tuple[float, ...]]) -> None:
    """The first network may propose boxes without area, and such as leave the image."""
    boxes = np.array([(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in corners], np.float32)
    assert refiner_windows(bar((3, 3, 9, 9)), boxes).shape == (len(boxes), REFINER_WINDOW, REFINER_WINDOW, 3)
    decoded = decode_refined(np.zeros((len(boxes), 15), np.float32), boxes, WIDTH, HEIGHT)
    assert np.isfinite(decoded.boxes).all()


def test_what_is_read_in_a_window_comes_back_to_its_place() -> None:
    """A network that says exactly where the bar's edges are gives back the bar's box, whatever box was proposed."""
    true, proposed = np.array([62.0, 30, 92, 90]), np.array([[58, 24, 98, 96]], np.float32)
    scale = DIGIT_HEIGHT / 72
    centre = np.array([78.0, 60])
    edges = np.array([centre - true[:2], true[2:] - centre]).reshape(4) * scale
    output = np.zeros((1, 15), np.float32)
    output[0, 0], output[0, 1 + 7], output[0, 11:] = 3, 20, np.log(edges / EDGE_UNIT)
    decoded = decode_refined(output, proposed, WIDTH, HEIGHT)
    assert decoded.boxes[0].tolist() == pytest.approx(true.tolist(), abs=1e-3)
    assert decoded.labels.tolist() == [7]
    assert decoded.scores[0] == pytest.approx(1 / (1 + np.exp(-3)), abs=1e-4)


def scored(label: int, score: float, box: tuple[float, ...] = (0, 0, 10, 20)) -> Candidates:
    class_scores = np.zeros((1, 10), np.float32)
    class_scores[0, label] = score
    return Candidates(np.array([box], np.float32), class_scores)


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.55])
def test_both_looks_are_weighed(weight: float) -> None:
    both = mean_candidates(scored(3, 0.4), scored(3, 0.9, (2, 0, 12, 20)), weight)
    assert both.scores[0] == pytest.approx(0.4 ** (1 - weight) * 0.9**weight)
    assert both.boxes[0].tolist() == pytest.approx([2 * BOX_WEIGHT, 0, 10 + 2 * BOX_WEIGHT, 20])


def test_looks_that_contradict_each_other_are_believed_less() -> None:
    assert mean_candidates(scored(3, 0.9), scored(5, 0.9), 0.55).scores[0] < 0.5


class Reads(Network):
    """A network that reads the same digit in every window."""

    parameter_count = 0

    def __init__(self, digit: int) -> None:
        self._output = np.zeros(CHANNELS, np.float32)
        self._output[1 + digit] = 3

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return np.tile(self._output, (len(images), 1, 1, 1))


def test_the_refiner_has_a_weight_of_its_own_in_crops() -> None:
    """It would win by the weight that it has in images."""
    cascade = Cascade(Reads(3), Reads(5), None, OperatingPoint(score_weight=0.75))
    scores = cascade.read_crops(np.zeros((2, 32, 32, 3), np.uint8), refine=True)
    assert scores.argmax(axis=1).tolist() == [3, 3]
    assert scores[0, 3] / scores[0, 5] == pytest.approx(np.exp(3 * (1 - 2 * CROP_WEIGHT)), rel=1e-4)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.02, 1), st.floats(0, 0.9))
def test_nothing_that_both_would_reach_is_left_out_before_the_refiner(
    first: float, second: float, wanted: float, weight: float
) -> None:
    together = mean_candidates(scored(1, first), scored(1, second), weight).scores[0]
    if together >= wanted * (1 + 1e-6) and first >= min(wanted, LEAST_FIRST_SCORE):
        assert first >= first_score(wanted, weight) - 1e-6
