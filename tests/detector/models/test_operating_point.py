"""What scores mean and which count: maps that are none are refused, the others go there and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.models.operating_point import Calibration, OperatingPoint, Thresholds
from detector.system.json_records import read_record

STEEP = Calibration((0, 0.5, 0.6, 1), (0, 0.1, 0.9, 1))

ascending = st.lists(st.integers(1, 999), unique=True, max_size=8).map(
    lambda knots: [k / 1000 for k in sorted(knots)]
)


@st.composite
def calibrations(draw: st.DrawFn) -> Calibration:
    inner = draw(ascending)
    count = len(inner) + 2
    heights = sorted(draw(st.lists(st.integers(0, 1000), unique=True, min_size=count, max_size=count)))
    return Calibration((0.0, *inner, 1.0), tuple(height / 1000 for height in heights))


def test_the_default_changes_nothing() -> None:
    scores = np.linspace(0, 1, 101).astype(np.float32)
    assert Calibration()(scores).tolist() == scores.tolist()
    assert read_record(OperatingPoint, b"{}") == OperatingPoint()


@pytest.mark.parametrize(
    ("score", "probability"),
    [
        pytest.param(0.0, 0.0, id="the lowest"),
        pytest.param(0.25, 0.05, id="between knots"),
        pytest.param(0.5, 0.1, id="a knot"),
        pytest.param(0.55, 0.5, id="where it is steep"),
        pytest.param(1.0, 1.0, id="the highest"),
    ],
)
def test_scores_become_probabilities_and_back(score: float, probability: float) -> None:
    assert STEEP(np.array([[score]], np.float32)).tolist() == [[pytest.approx(probability)]]
    assert STEEP.inverse([probability]).tolist() == [pytest.approx(score)]


@given(calibrations(), st.lists(st.integers(0, 1000), unique=True, min_size=2))
def test_no_two_digits_change_their_order(calibration: Calibration, thousandths: list[int]) -> None:
    scores = np.array(sorted(thousandths), np.float32) / 1000
    probabilities = calibration(scores)
    assert (np.diff(probabilities) > 0).all()
    assert probabilities.dtype == np.float32
    assert calibration.inverse(probabilities).tolist() == pytest.approx(scores.tolist(), abs=1e-3)


@pytest.mark.parametrize(
    ("scores", "probabilities"),
    [
        pytest.param((0,), (0,), id="one knot"),
        pytest.param((), (), id="no knots"),
        pytest.param((0, 0.5, 1), (0, 1), id="more scores than probabilities"),
        pytest.param((0, 0.5, 0.5, 1), (0, 0.1, 0.2, 1), id="a score twice"),
        pytest.param((0, 0.5, 1), (0, 0.5, 0.5), id="a probability twice: two scores would be one"),
        pytest.param((0, 1), (1, 0), id="falling"),
        pytest.param((0, 1), (0, 1.5), id="above 1"),
        pytest.param((-0.5, 1), (0, 1), id="below 0"),
        pytest.param((0.1, 1), (0, 1), id="not from score 0"),
        pytest.param((0, 0.9), (0, 1), id="not to score 1"),
        pytest.param((0, float("nan"), 1), (0, 0.5, 1), id="not a number"),
    ],
)
def test_what_is_no_map_is_refused(scores: tuple[float, ...], probabilities: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="calibration"):
        Calibration(scores, probabilities)


@pytest.mark.parametrize("weight", [-0.1, 1.0, float("nan")])
def test_a_weight_is_below_1(weight: float) -> None:
    with pytest.raises(ValueError, match="score_weight"):
        OperatingPoint(weight)


@pytest.mark.parametrize("high", [-0.1, 1.1, float("nan")])
def test_thresholds_are_scores(high: float) -> None:
    with pytest.raises(ValueError, match="thresholds"):
        Thresholds(high=high)
