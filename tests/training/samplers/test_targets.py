"""What the network is asked for: worked out by hand on the grid of windows, whose centres are 16, 20, 24 ..."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.models.layers import CHANNELS, EDGE_UNIT, RECEPTIVE_FIELD, STRIDE
from detector.pipeline.score_map import read_windows
from detector.results.detections import FloatArray
from training.samplers.targets import TargetConfig, window_targets

SIZE = 72
Digit = tuple[float, float, float, float, int]
"""Centre x and y, width, height, label."""


def targets(*digits: Digit) -> FloatArray:
    boxes = [(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for x, y, w, h, _ in digits]
    labels = [label for *_, label in digits]
    return window_targets(
        SIZE, np.array(boxes, np.float32).reshape(-1, 4), np.array(labels, np.int32), TargetConfig()
    )


def cells(mask: np.ndarray) -> set[tuple[int, int]]:
    return {(int(row), int(column)) for row, column in np.argwhere(mask)}


def around(row: int, column: int, reach: int = 1) -> set[tuple[int, int]]:
    steps = range(-reach, reach + 1)
    return {(row + i, column + j) for i in steps for j in steps}


NARROW = (10.0, 20.0)  # reaches 2.5 px along x and 3.3 px along y; 1.8 times that is ignored


@pytest.mark.parametrize(
    ("digit", "positive", "ignored"),
    [
        pytest.param((36, 36, *NARROW, 7), {(5, 5)}, around(5, 5), id="under a window's centre"),
        pytest.param(
            (38, 36, *NARROW, 7),
            {(5, 5), (5, 6)},
            {(row, column) for row in (4, 5, 6) for column in (5, 6)},
            id="between two windows: both",
        ),
        pytest.param((36, 20, *NARROW, 7), {(1, 5)}, around(1, 5), id="y is the row"),
        pytest.param((36, 36, 6, 16, 1), {(5, 5)}, around(5, 5), id="a narrow digit: reach 2.3 px at least"),
        pytest.param((36, 36, 24, 34, 8), around(5, 5), around(5, 5, 2), id="large: reach 6 and 5.7 px"),
        pytest.param((36, 36, 8, 15.4, 7), set(), around(5, 5), id="a little too low to be asked for: ignored"),
        pytest.param((36, 36, 8, 15.5, 7), {(5, 5)}, around(5, 5), id="high enough"),
        pytest.param((36, 36, 5, 10.9, 7), set(), set(), id="so low that it is background"),
        pytest.param((36, 36, 20, 51, 7), set(), set(), id="so high that it is background"),
        pytest.param((200, 36, *NARROW, 7), set(), set(), id="outside the patch"),
        pytest.param((-20, -20, *NARROW, 7), set(), set(), id="outside on the other side"),
    ],
)  # fmt: skip
def test_one_digit(digit: Digit, positive: set[tuple[int, int]], ignored: set[tuple[int, int]]) -> None:
    target = targets(digit)
    assert target.shape == (11, 11, 9)
    assert cells(target[..., 0] == 1) == positive
    assert cells(target[..., 1] == 0) == ignored - positive
    assert cells(target[..., 3] == 1) == cells(target[..., 4] == 1) == positive, "digit and box are asked for"
    assert set(np.unique(target[..., [0, 1, 3, 4]])) <= {0, 1}
    for row, column in positive:
        assert target[row, column, 2] == digit[4]


def test_edges_are_distances_from_the_windows_centre() -> None:
    target = targets((38, 35, 10, 20, 7))  # x 33 to 43, y 25 to 45
    assert target[5, 5, 5:].tolist() == [36 - 33, 36 - 25, 43 - 36, 45 - 36]
    assert target[5, 6, 5:].tolist() == [40 - 33, 36 - 25, 43 - 40, 45 - 36]


def test_each_window_is_asked_for_the_digit_nearest_to_it() -> None:
    target = targets((34, 36, 10, 20, 3), (43, 36, 10, 20, 9))
    assert target[5, 5, [0, 2]].tolist() == [1, 3]
    assert target[5, 7, [0, 2]].tolist() == [1, 9]
    assert target[5, 5, 5] == 36 - 29


def test_a_positive_window_counts_even_in_anothers_ring() -> None:
    target = targets((36, 36, 10, 20, 3), (40, 36, 5, 12, 9))
    assert target[5, 5, :3].tolist() == [1, 1, 3]
    assert target[5, 6, :2].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("width", "height", "asked"),
    [
        pytest.param(34, 30, True, id="a little wider than high"),
        pytest.param(38, 30, False, id="too wide for the window, though not too high"),
        pytest.param(18, 14, True, id="low, but wide enough for this level of the pyramid"),
        pytest.param(7, 14, False, id="as low and narrow: the next level's"),
    ],
)
def test_a_digit_goes_by_its_longer_side(width: float, height: float, asked: bool) -> None:
    assert targets((36, 36, width, height, 0))[..., 0].any() == asked


def test_without_digits_everything_is_background() -> None:
    target = targets()
    assert (target[..., 1] == 1).all()
    assert not target[..., [0, 2, 3, 4]].any()


inside = st.floats(16, SIZE - 16)


@settings(deadline=None)
@given(inside, inside, st.floats(15.6, 34.9), st.floats(0.2, 1), st.integers(0, 9))
def test_the_decoder_gives_back_every_digit_that_is_asked_for(
    x: float, y: float, height: float, aspect: float, label: int
) -> None:
    """Wherever it stands some window is asked for it, and a network that obeys yields the very box."""
    target = targets((x, y, aspect * height, height, label))
    obedient = np.zeros((11, 11, CHANNELS), np.float32)
    obedient[..., 0] = np.where(target[..., 0] == 1, 50, -50)
    obedient[..., 1:11] = 50 * (target[..., 2, None] == np.arange(10))
    obedient[..., 11:] = np.log(np.maximum(target[..., 5:], 1e-3) / EDGE_UNIT)
    rows, columns = np.nonzero(obedient[..., 0] > 0)
    centres = STRIDE * np.stack([columns, rows], axis=1) + RECEPTIVE_FIELD / 2
    found = read_windows(obedient[rows, columns], centres, np.ones((1, 2)))
    assert len(found.boxes) >= 1
    assert set(found.labels.tolist()) == {label}
    box = [x - aspect * height / 2, y - height / 2, x + aspect * height / 2, y + height / 2]
    for decoded, edges in zip(found.boxes, target[target[..., 0] == 1][:, 5:], strict=True):
        if (edges > 0).all():  # else the centre lies beside a very narrow digit
            assert decoded == pytest.approx(box, abs=0.01)
