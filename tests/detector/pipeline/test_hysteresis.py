"""Which digits are returned, alone and beside others; digits here are 10 x 20 px."""

import tracemalloc

import numpy as np
import pytest

from detector.models.operating_point import Thresholds
from detector.pipeline.fusion import hysteresis_mask
from detector.results.detections import FloatArray

THRESHOLDS = Thresholds(high=0.6, low=0.45, isolated=0.68)
FIRST, SECOND, THIRD, FAR = 0.0, 14.0, 28.0, 200.0


Digits = tuple[FloatArray, FloatArray]
"""Their (N, 4) boxes and (N,) scores."""


def digits(*found: tuple[float, float], heights: tuple[float, ...] = ()) -> Digits:
    """Digits at (x_min, score) in one line, 20 px high unless said otherwise."""
    boxes = [
        (x, 0, x + height / 2, height)
        for (x, _), height in zip(found, heights or (20.0,) * len(found), strict=True)
    ]
    return np.array(boxes, np.float32).reshape(-1, 4), np.array([score for _, score in found], np.float32)


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([(FIRST, 0.7)], [True], id="a lone digit above the lone threshold"),
        pytest.param([(FIRST, 0.65)], [False], id="a lone digit between the seed and the lone threshold"),
        pytest.param([(FIRST, 0.5)], [False], id="a lone weak digit"),
        pytest.param([(FIRST, 0.65), (SECOND, 0.65)], [True, True], id="two fair ones vouch for each other"),
        pytest.param([(FIRST, 0.65), (SECOND, 0.5)], [True, True], id="a weak one beside a fair one"),
        pytest.param([(FIRST, 0.65), (SECOND, 0.4)], [False, False], id="too weak a one helps nobody"),
        pytest.param([(FIRST, 0.9), (SECOND, 0.4)], [True, False], id="too weak beside a sure one"),
        pytest.param([(FIRST, 0.55), (SECOND, 0.55)], [False, False], id="two weak ones without a seed"),
        pytest.param(
            [(FIRST, 0.9), (SECOND, 0.5), (THIRD, 0.5)],
            [True, True, True],
            id="belief spreads along the line",
        ),
        pytest.param(
            [(THIRD, 0.5), (FIRST, 0.9), (SECOND, 0.5)], [True, True, True], id="in whatever order they come"
        ),
        pytest.param(
            [(FIRST, 0.9), (SECOND, 0.4), (THIRD, 0.5)], [True, False, False], id="but not over a gap"
        ),
        pytest.param([(FIRST, 0.65), (FAR, 0.65)], [False, False], id="far apart is alone"),
        pytest.param([(FIRST, 0.9), (FAR, 0.5)], [True, False], id="far from a sure one"),
    ],
)
def test_believed(found: list[tuple[float, float]], kept: list[bool]) -> None:
    assert hysteresis_mask(*digits(*found), THRESHOLDS).tolist() == kept


def test_another_height_is_no_neighbour() -> None:
    mixed = digits((FIRST, 0.9), (SECOND, 0.5), heights=(20, 60))
    assert hysteresis_mask(*mixed, THRESHOLDS).tolist() == [True, False]


@pytest.mark.parametrize(
    ("scores", "kept"),
    [
        pytest.param((0.75,), [True], id="lone"),
        pytest.param((0.5, 0.25), [True, True], id="seed and linked"),
    ],
)
def test_a_score_equal_to_the_threshold_is_enough(scores: tuple[float, ...], kept: list[bool]) -> None:
    found = digits(*zip((FIRST, SECOND), scores, strict=False))
    assert hysteresis_mask(*found, Thresholds(high=0.5, low=0.25, isolated=0.75)).tolist() == kept


def test_equal_thresholds_are_one_plain_threshold() -> None:
    found = digits((FIRST, 0.5), (SECOND, 0.49), (FAR, 0.5))
    assert hysteresis_mask(*found, Thresholds(0.5, 0.5, 0.5)).tolist() == [True, False, True]


def test_least_is_below_all() -> None:
    assert Thresholds(0.6, 0.45, 0.68).least == 0.45
    assert Thresholds(0.6, 0.7, 0.3).least == 0.3


@pytest.mark.slow
def test_thousands_of_digits_cost_little_memory() -> None:
    """5,000 digits, the most that merging returns, in rows of neighbours."""
    columns, rows = np.meshgrid(np.arange(100) * 14.0, np.arange(50) * 40.0)
    low = np.stack([columns.ravel(), rows.ravel()], axis=1)
    boxes = np.concatenate([low, low + np.array([10, 20])], axis=1).astype(np.float32)
    scores = np.full(5000, 0.65, np.float32)
    tracemalloc.start()
    kept = hysteresis_mask(boxes, scores, THRESHOLDS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert kept.all()
    assert peak < 200e6
