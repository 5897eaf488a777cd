"""From many views of a digit to one: tables worked out by hand."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.pipeline.fusion import best_candidates, fuse_candidates
from detector.pipeline.score_map import Candidates

Box = tuple[float, float, float, float]
View = tuple[Box, int, float]


def candidates(*views: View) -> Candidates:
    class_scores = np.zeros((len(views), 10), np.float32)
    for row, (_, label, score) in enumerate(views):
        class_scores[row, label] = score
    boxes = np.array([box for box, _, _ in views], np.float32).reshape(-1, 4)
    return Candidates(boxes, class_scores)


HERE: Box = (0, 0, 10, 20)


@pytest.mark.parametrize(
    ("views", "threshold", "expected"),
    [
        pytest.param([], 0.3, [], id="nothing"),
        pytest.param([(HERE, 7, 0.9)], 0.3, [(HERE, 7, 0.9)], id="one view stays as it is"),
        pytest.param([(HERE, 7, 0.6), (HERE, 7, 0.9)], 0.3, [(HERE, 7, 0.9)], id="copies: the best score"),
        pytest.param(
            [(HERE, 7, 0.8), ((1, 0, 11, 20), 7, 0.4)],
            0.3,
            [((0.2, 0, 10.2, 20), 7, 0.8)],
            id="boxes are averaged, weights 0.64 to 0.16",
        ),
        pytest.param(
            [(HERE, 1, 0.6), (HERE, 7, 0.5), (HERE, 7, 0.5)],
            0.3,
            [(HERE, 7, 0.6)],
            id="two good views outvote the best one's label",
        ),
        pytest.param(
            [(HERE, 1, 0.9), (HERE, 7, 0.5), (HERE, 7, 0.5)],
            0.3,
            [(HERE, 1, 0.9)],
            id="but not a much better one's",
        ),
        pytest.param(
            [(HERE, 7, 0.9), ((5, 0, 15, 20), 1, 0.8)],
            0.3,
            [(HERE, 7, 0.9)],
            id="IoU 1/3: the same digit, too far off to be averaged",
        ),
        pytest.param(
            [(HERE, 7, 0.9), ((5, 0, 15, 20), 1, 0.8)],
            0.4,
            [(HERE, 7, 0.9), ((5, 0, 15, 20), 1, 0.8)],
            id="IoU 1/3 below the threshold: two digits",
        ),
        pytest.param(
            [(HERE, 7, 0.8), ((10, 0, 20, 20), 5, 0.9)],
            0.0,
            [((10, 0, 20, 20), 5, 0.9), (HERE, 7, 0.8)],
            id="neighbours that touch stay, best first",
        ),
        pytest.param(
            [(HERE, 0, 0.9), ((2, 2, 6, 8), 1, 0.8)],
            0.3,
            [(HERE, 0, 0.9)],
            id="a stroke read as a digit inside a better one goes",
        ),
        pytest.param(
            [((0, 0, 22, 20), 4, 0.7), (HERE, 1, 0.9), ((12, 0, 22, 20), 1, 0.8)],
            0.3,
            [(HERE, 1, 0.9), ((12, 0, 22, 20), 1, 0.8)],
            id="two digits read as one go when the two are better",
        ),
        pytest.param(
            [(HERE, 7, 0.9), ((0, 16, 4, 26), 1, 0.8)],
            0.3,
            [(HERE, 7, 0.9), ((0, 16, 4, 26), 1, 0.8)],
            id="two fifths inside: another digit",
        ),
        pytest.param(
            [((40, 0, 50, 20), 3, 0.5), (HERE, 7, 0.5)],
            0.3,
            [((40, 0, 50, 20), 3, 0.5), (HERE, 7, 0.5)],
            id="equal scores keep their order",
        ),
        pytest.param([((5, 5, 5, 5), 2, 0.5)], 0.3, [((5, 5, 5, 5), 2, 0.5)], id="a point"),
        pytest.param([(HERE, 0, 0.0)], 0.3, [(HERE, 0, 0.0)], id="score 0 keeps its place"),
        pytest.param([((0, 0, 1e-3, 2e-3), 7, 1e-12)], 0.3, [((0, 0, 1e-3, 2e-3), 7, 1e-12)], id="tiny"),
    ],
)
def test_merge(views: list[View], threshold: float, expected: list[View]) -> None:
    merged = fuse_candidates(candidates(*views), threshold)
    assert merged.labels.tolist() == [label for _, label, _ in expected]
    assert merged.scores.tolist() == pytest.approx([score for _, _, score in expected])
    assert merged.boxes.tolist() == [pytest.approx(box, abs=1e-5) for box, _, _ in expected]


def test_threshold_1_still_removes_what_lies_inside() -> None:
    merged = fuse_candidates(candidates((HERE, 7, 0.9), (HERE, 7, 0.8)), 1.0)
    assert merged.scores.tolist() == pytest.approx([0.9])


places = st.integers(0, 40)
views_of_digits = st.lists(
    st.tuples(places, places, st.integers(1, 20), st.integers(1, 20), st.integers(0, 9), st.integers(1, 99)),
    max_size=15,
    unique_by=lambda view: view[5],
).map(lambda rows: [((x, y, x + w, y + h), label, score / 100) for x, y, w, h, label, score in rows])


@settings(deadline=None)  # a busy machine is no defect
@given(views_of_digits, st.randoms(use_true_random=False))
def test_merging_invents_nothing_and_order_does_not_matter(views: list[View], random: object) -> None:
    merged = fuse_candidates(candidates(*views), 0.3)
    assert set(merged.labels.tolist()) <= {label for _, label, _ in views}
    assert set(merged.scores.tolist()) <= {float(np.float32(score)) for _, _, score in views}
    assert merged.scores.tolist() == sorted(merged.scores.tolist(), reverse=True)
    if views:
        hull = np.array([box for box, _, _ in views])
        assert (merged.boxes[:, :2] >= hull[:, :2].min(axis=0) - 1e-4).all()
        assert (merged.boxes[:, 2:] <= hull[:, 2:].max(axis=0) + 1e-4).all()
        assert merged.scores[0] == pytest.approx(max(score for _, _, score in views))
    shuffled = list(views)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = fuse_candidates(candidates(*shuffled), 0.3)
    assert again.labels.tolist() == merged.labels.tolist()
    np.testing.assert_allclose(again.boxes, merged.boxes, atol=1e-4)


def grid(count: int) -> Candidates:
    """Digits that do not overlap, each a little less sure than the one before."""
    places = 12.0 * np.stack(np.divmod(np.arange(count), 80), axis=1)[:, ::-1]
    class_scores = np.zeros((count, 10), np.float32)
    class_scores[:, 5] = np.linspace(0.9, 0.5, count)
    return Candidates(
        np.concatenate([places, places + np.array([6, 10])], axis=1).astype(np.float32), class_scores
    )


@pytest.mark.slow
def test_the_best_5000_candidates_are_enough_and_cost_little_memory() -> None:
    many = grid(6000)
    tracemalloc.start()
    merged = fuse_candidates(many, 0.3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert merged.scores.tolist() == many.scores[:5000].tolist()
    np.testing.assert_allclose(merged.boxes, many.boxes[:5000], rtol=1e-5)
    assert peak < 200e6


def test_the_best_of_the_best_parts_are_the_best_of_all() -> None:
    """So candidates may be cut to the best while they come in; equal scores keep their order all the same."""
    rng = np.random.default_rng(0)
    class_scores = rng.integers(0, 20, (12000, 10)).astype(np.float32) / 20
    boxes = np.arange(4 * 12000, dtype=np.float32).reshape(-1, 4)
    whole = best_candidates([Candidates(boxes, class_scores)])
    kept = Candidates(boxes[:0], class_scores[:0])
    for start in range(0, 12000, 1000):
        part = slice(start, start + 1000)
        kept = best_candidates([kept, Candidates(boxes[part], class_scores[part])])
    assert len(whole.boxes) == 5000
    np.testing.assert_array_equal(kept.boxes, whole.boxes)
    np.testing.assert_array_equal(kept.class_scores, whole.class_scores)
