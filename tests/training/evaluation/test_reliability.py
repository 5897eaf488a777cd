"""What scores mean, on digits whose chance of being right is known."""

import numpy as np
import pytest

from detector.models.operating_point import Calibration
from training.evaluation.reliability import (
    ScoredDigits,
    expected_calibration_error,
    fit_calibration,
    reliability_bins,
)


def digits(scores: list[float], right: list[int]) -> ScoredDigits:
    return ScoredDigits(np.array(scores, np.float64), np.array(right, bool))


def drawn(count: int, chance: Calibration, seed: int = 0) -> ScoredDigits:
    """Digits of all scores that are right as often as `chance` says."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0.25, 1, count)
    return ScoredDigits(scores, rng.random(count) < chance(scores))


STEEP = Calibration((0.0, 0.5, 0.7, 1.0), (0.0, 0.05, 0.9, 0.98))


@pytest.mark.parametrize(
    ("found", "error"),
    [
        pytest.param(digits([0.75] * 4, [1, 1, 1, 0]), 0.0, id="three of four at 0.75"),
        pytest.param(digits([0.95, 0.95], [0, 0]), 0.95, id="sure and wrong"),
        pytest.param(digits([0.15, 0.15], [1, 1]), 0.85, id="unsure and right"),
        pytest.param(digits([0.95, 0.15], [1, 0]), 0.1, id="bins weigh by their counts"),
        pytest.param(digits([1.0, 0.0], [1, 0]), 0.0, id="the ends are in bins, too"),
        pytest.param(digits([], []), 0.0, id="no digits"),
    ],
)
def test_expected_calibration_error(found: ScoredDigits, error: float) -> None:
    assert expected_calibration_error(found) == pytest.approx(error)


def test_bins_that_are_empty_are_left_out() -> None:
    score, right, count = reliability_bins(digits([0.12, 0.18, 0.9], [0, 1, 1]))
    assert score.tolist() == pytest.approx([0.15, 0.9])
    assert (right.tolist(), count.tolist()) == ([0.5, 1], [2, 1])


def test_calibration_mends_scores_that_it_has_not_seen() -> None:
    calibration = fit_calibration([drawn(4000, STEEP)])
    others = drawn(4000, STEEP, seed=1)
    assert expected_calibration_error(others) > 0.1
    assert expected_calibration_error(others.mapped(calibration)) < 0.03


def test_sets_weigh_the_same_whatever_their_sizes() -> None:
    """Of digits scored 0.55 none is right in one set and all are in the other."""
    small = digits([0.55] * 20, [1] * 20)
    large = digits([0.55] * 2000, [0] * 2000)
    assert fit_calibration([small, large])(0.55) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    "sets",
    [
        pytest.param([], id="no sets"),
        pytest.param([digits([], [])], id="no digits"),
        pytest.param([digits([0.5], [1])], id="too few for a knot"),
        pytest.param([digits([0.0] * 20, [0] * 20), digits([1.0] * 20, [1] * 20)], id="the ends alone"),
    ],
)
def test_nothing_to_fit_changes_nothing(sets: list[ScoredDigits]) -> None:
    assert fit_calibration(sets) == Calibration()


@pytest.mark.parametrize("right", [0, 1], ids=["all wrong", "all right"])
def test_the_map_stays_strictly_monotone(right: int) -> None:
    """A flat fit is what isotonic regression gives here."""
    scores = np.linspace(0.05, 0.95, 300)
    calibration = fit_calibration([ScoredDigits(scores, np.full(300, bool(right)))])
    assert (np.diff(calibration(scores)) > 0).all()
