"""Score maps made by hand, and the boxes that they must become."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.models.layers import CHANNELS, EDGE_UNIT, STRIDE
from detector.pipeline.score_map import GRID, Candidates, concatenate, decode_hits, logit, sigmoid, softmax
from detector.pipeline.tiles import Hits
from detector.results.detections import FloatArray

SURE = 50.0
EDGES = (8.0, 8.0, 8.0, 8.0)


def decode(
    score_map: FloatArray, scale: tuple[float, float], origin: tuple[int, int], min_score: float
) -> Candidates:
    """What a score map says, whose first window's upper left pixel is at `origin` in its level."""
    rows, columns = np.nonzero(score_map[..., 0] >= logit(min_score))
    first_column, first_row = (np.array(origin) + GRID.border) // STRIDE
    hits = Hits(np.zeros(len(rows), int), rows + first_row, columns + first_column, score_map[rows, columns])
    return decode_hits(hits, np.array([scale], np.float64))


def score_map_with(
    row: int,
    column: int,
    objectness: float = SURE,
    label: int = 3,
    edges: tuple[float, float, float, float] = EDGES,
) -> FloatArray:
    """4 x 6 windows, one of which is asked to see a digit with edges so many px from its centre."""
    score_map = np.zeros((4, 6, CHANNELS), np.float32)
    score_map[..., 0] = -SURE
    score_map[row, column, 0] = objectness
    score_map[row, column, 1 + label] = SURE
    score_map[row, column, 11:] = np.log(np.array(edges) / EDGE_UNIT)
    return score_map


@pytest.mark.parametrize(
    ("cell", "edges", "scale", "origin", "box"),
    [
        pytest.param((0, 0), EDGES, (1, 1), (0, 0), (8, 8, 24, 24), id="the first window's centre is (16, 16)"),
        pytest.param((0, 1), EDGES, (1, 1), (0, 0), (12, 8, 28, 24), id="a column is 4 px along x"),
        pytest.param((1, 0), EDGES, (1, 1), (0, 0), (8, 12, 24, 28), id="a row is 4 px along y"),
        pytest.param((2, 5), (1, 2, 3, 4), (1, 1), (0, 0), (35, 22, 39, 28), id="left, top, right, bottom"),
        pytest.param((0, 0), EDGES, (1, 1), (-16, -16), (-8, -8, 8, 8), id="a tile that begins in the edge"),
        pytest.param((0, 0), EDGES, (1, 1), (996, 40), (1004, 48, 1020, 64), id="origin is (x, y)"),
        pytest.param((0, 0), EDGES, (2, 2), (0, 0), (4, 4, 12, 12), id="an enlarged level"),
        pytest.param((0, 0), EDGES, (0.25, 0.25), (0, 0), (32, 32, 96, 96), id="a shrunk level"),
        pytest.param((0, 0), EDGES, (2, 0.5), (0, 0), (4, 16, 12, 48), id="scale is (x, y)"),
        pytest.param((1, 2), EDGES, (2, 2), (100, 60), (58, 36, 66, 44), id="the origin is in the level's px"),
        pytest.param((0, 0), (1e9, 8, 8, 8), (1, 1), (0, 0), (-81.46, 8, 24, 24), id="over three windows"),
        pytest.param((0, 0), (1e-30, 1e-30, 1e-30, 1e-30), (1, 1), (0, 0), (16, 16, 16, 16), id="a point"),
    ],
)  # fmt: skip
def test_the_frame_of_boxes(
    cell: tuple[int, int],
    edges: tuple[float, float, float, float],
    scale: tuple[float, float],
    origin: tuple[int, int],
    box: tuple[float, float, float, float],
) -> None:
    found = decode(score_map_with(*cell, edges=edges), scale, origin, 0.5)
    assert found.boxes.dtype == np.float32
    assert found.boxes == pytest.approx(np.array([box]), abs=1e-3)
    assert found.labels.tolist() == [3]


@pytest.mark.parametrize(
    ("output", "least", "kept"),
    [
        pytest.param(0.0, 0.5, True, id="as much as asked for is enough"),
        pytest.param(-0.001, 0.5, False, id="a little less is not"),
        pytest.param(-4.0, 0.01, True, id="0.018 at 0.01"),
        pytest.param(-5.0, 0.01, False, id="0.0067 at 0.01"),
        pytest.param(-1e4, 0.0, True, id="0 asks for nothing"),
        pytest.param(20.0, 1.0, False, id="1 is never reached"),
    ],
)
def test_least_score(output: float, least: float, kept: bool) -> None:
    found = decode(score_map_with(2, 2, objectness=output), (1, 1), (0, 0), least)
    others = 4 * 6 - 1 if least == 0 else 0
    assert len(found.boxes) == kept + others


def test_a_score_is_objectness_times_class() -> None:
    score_map = score_map_with(0, 0, objectness=1.0)
    score_map[0, 0, 1:11] = np.log([0.1, 0.5, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05])
    found = decode(score_map, (1, 1), (0, 0), 0.5)
    objectness = 1 / (1 + np.exp(-1.0))
    assert found.scores == pytest.approx(np.array([0.5 * objectness]), abs=1e-6)
    assert found.labels.tolist() == [1]
    assert found.class_scores.sum() == pytest.approx(objectness, abs=1e-6)


def test_nothing_in_nothing_out() -> None:
    for found in (
        decode(np.full((3, 3, CHANNELS), -SURE, np.float32), (1, 1), (0, 0), 0.5),
        concatenate([]),
    ):
        assert (found.boxes.shape, found.class_scores.shape) == ((0, 4), (0, 10))
        assert (found.scores.shape, found.labels.shape) == ((0,), (0,))


def test_parts_are_put_together_in_order() -> None:
    parts = [decode(score_map_with(i, i, label=i), (1, 1), (0, 0), 0.5) for i in range(3)]
    together = concatenate([parts[0], Candidates(parts[1].boxes[:0], parts[1].class_scores[:0]), *parts[1:]])
    assert together.labels.tolist() == [0, 1, 2]
    assert together.boxes[:, 0].tolist() == [8, 12, 16]


@settings(deadline=None)  # a busy machine is no defect
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 1.0, 30.0, 1e4]))
def test_any_output_of_a_network_decodes_to_sane_candidates(seed: int, spread: float) -> None:
    score_map = np.random.default_rng(seed).normal(0, spread, (3, 4, CHANNELS)).astype(np.float32)
    found = decode(score_map, (1.3, 0.7), (-16, 40), 0.0)
    assert len(found.boxes) == 12
    assert np.isfinite(found.boxes).all()
    assert (found.boxes[:, :2] <= found.boxes[:, 2:]).all()
    objectness = sigmoid(score_map[..., 0].ravel())
    np.testing.assert_allclose(found.class_scores.sum(axis=1), objectness, atol=1e-5)
    assert ((found.class_scores >= 0) & (found.scores[:, None] <= 1)).all()


def test_sigmoid_and_softmax_do_not_overflow() -> None:
    extreme = np.array([-1e30, -100, 0, 100, 1e30], np.float32)
    assert sigmoid(extreme) == pytest.approx(np.array([0, 0, 0.5, 1, 1]), abs=1e-6)
    assert softmax(extreme[None]) == pytest.approx(np.array([[0, 0, 0, 0, 1]]), abs=1e-6)
