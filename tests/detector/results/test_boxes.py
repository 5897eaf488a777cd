"""Box arithmetic: tables worked out by hand, and properties against slower, plainer definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.results.boxes import areas, clip, intersections, iou, non_max_suppression
from detector.results.detections import FloatArray

NONE = np.empty((0, 4), np.float32)


def array(*boxes: tuple[float, float, float, float]) -> FloatArray:
    return np.array(boxes, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("box", "area"),
    [
        pytest.param((0, 0, 2, 3), 6, id="at the origin"),
        pytest.param((-2, -3, 0, 0), 6, id="negative coordinates"),
        pytest.param((0.5, 0.25, 1, 1.25), 0.5, id="fractions of pixels"),
        pytest.param((5, 5, 5, 9), 0, id="no width"),
        pytest.param((5, 5, 5, 5), 0, id="a point"),
    ],
)
def test_areas(box: tuple[float, float, float, float], area: float) -> None:
    assert areas(array(box)).tolist() == [area]


@pytest.mark.parametrize(
    ("a", "b", "common", "ratio"),
    [
        pytest.param((0, 0, 4, 4), (0, 0, 4, 4), 16, 1, id="equal"),
        pytest.param((0, 0, 4, 4), (2, 0, 6, 4), 8, 1 / 3, id="half over to the right"),
        pytest.param((0, 0, 4, 4), (2, 2, 6, 6), 4, 1 / 7, id="a corner"),
        pytest.param((0, 0, 4, 4), (1, 1, 3, 3), 4, 1 / 4, id="one inside the other"),
        pytest.param((0, 0, 4, 4), (4, 0, 8, 4), 0, 0, id="a common edge is nothing: max is exclusive"),
        pytest.param((0, 0, 4, 4), (4, 4, 8, 8), 0, 0, id="a common corner"),
        pytest.param((0, 0, 4, 4), (6, 6, 8, 8), 0, 0, id="apart on both axes: two negatives make no area"),
        pytest.param((0, 0, 4, 4), (6, 0, 8, 4), 0, 0, id="apart on one axis"),
        pytest.param((0, 0, 6, 2), (2, -2, 4, 4), 4, 1 / 5, id="a cross"),
        pytest.param((-4, -4, 0, 0), (-2, -2, 2, 2), 4, 1 / 7, id="negative coordinates"),
        pytest.param((0, 0, 4, 4), (2, 2, 2, 2), 0, 0, id="a point inside"),
        pytest.param(
            (2, 2, 2, 2), (2, 2, 2, 2), 0, 0, id="two points: no area, so 0 and not a division by it"
        ),
        pytest.param((0, 0, 0.5, 0.5), (0.25, 0, 0.75, 0.5), 0.125, 1 / 3, id="smaller than a pixel"),
    ],
)
def test_iou(
    a: tuple[float, float, float, float], b: tuple[float, float, float, float], common: float, ratio: float
) -> None:
    assert intersections(array(a), array(b)).tolist() == [[common]]
    assert iou(array(a), array(b)) == pytest.approx(ratio, abs=1e-7)
    assert iou(array(b), array(a)) == pytest.approx(ratio, abs=1e-7)


def test_every_box_meets_every_other() -> None:
    a, b = array((0, 0, 2, 2), (2, 0, 4, 2), (0, 0, 4, 2)), array((0, 0, 2, 2), (0, 0, 4, 2))
    assert iou(a, b) == pytest.approx(np.array([[1, 0.5], [0, 0.5], [0.5, 1]]))


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 2), (2, 0)])
def test_nothing_in_nothing_out(n: int, m: int) -> None:
    some = array((0, 0, 2, 2), (1, 1, 3, 3))
    for result in (iou(some[:n], some[:m]), intersections(some[:n], some[:m])):
        assert (result.shape, result.dtype) == ((n, m), np.float32)
    assert areas(NONE).shape == (0,)
    assert clip(NONE, 10, 10).shape == (0, 4)
    assert non_max_suppression(NONE, np.empty(0, np.float32), 0.5).shape == (0,)


@pytest.mark.parametrize(
    ("box", "clipped"),
    [
        pytest.param((1, 2, 8, 9), (1, 2, 8, 9), id="inside stays"),
        pytest.param((-5, -4, 3, 3), (0, 0, 3, 3), id="over the left and the top"),
        pytest.param(
            (15, 8, 25, 14), (15, 8, 20, 10), id="over the right and the bottom: not the same limit"
        ),
        pytest.param((-5, -5, 99, 99), (0, 0, 20, 10), id="larger than the image"),
        pytest.param((30, 30, 40, 40), (20, 10, 20, 10), id="outside: nothing is left, at the corner"),
        pytest.param((-9, 2, -1, 5), (0, 2, 0, 5), id="left of it: no width is left"),
    ],
)
def test_clip(box: tuple[float, float, float, float], clipped: tuple[float, float, float, float]) -> None:
    given_box = array(box)
    assert clip(given_box, 20, 10).tolist() == [list(clipped)]
    assert given_box.tolist() == [list(box)], "the argument is not written to"


TWO = array((0, 0, 10, 10), (0, 5, 10, 15))  # IoU 1/3, half of each in the other
NESTED = array((0, 0, 10, 10), (2, 2, 5, 5))  # IoU 0.09, the second wholly inside


@pytest.mark.parametrize(
    ("boxes", "scores", "threshold", "inside", "kept"),
    [
        pytest.param(TWO, [0.9, 0.8], 0.3, 1, [0], id="the better of two that overlap"),
        pytest.param(TWO, [0.8, 0.9], 0.3, 1, [1], id="by score, not by order"),
        pytest.param(TWO, [0.8, 0.9], 0.4, 1, [1, 0], id="both if they overlap less, best first"),
        pytest.param(TWO, [0.9, 0.9], 0.3, 1, [0], id="of equals the first"),
        pytest.param(TWO[[1, 0]], [0.9, 0.9], 0.4, 1, [0, 1], id="equals keep their order"),
        pytest.param(TWO[[0, 0, 0]], [0.7, 0.9, 0.8], 0.99, 1, [1], id="copies"),
        pytest.param(TWO[[0, 0]], [0.9, 0.8], 1, 1, [0, 1], id="threshold 1 keeps even copies"),
        pytest.param(TWO, [0.9, 0.8], 0, 1, [0], id="threshold 0 forbids any overlap"),
        pytest.param(
            array((0, 0, 4, 4), (4, 0, 8, 4)), [0.9, 0.8], 0, 1, [0, 1], id="a common edge is no overlap"
        ),
        pytest.param(NESTED, [0.9, 0.8], 0.3, 1, [0, 1], id="inside, without the inside rule"),
        pytest.param(NESTED, [0.9, 0.8], 0.3, 0.5, [0], id="inside a better one"),
        pytest.param(NESTED, [0.8, 0.9], 0.3, 0.5, [1], id="around a better one goes too"),
        pytest.param(TWO, [0.9, 0.8], 0.4, 0.5, [0, 1], id="half inside is not more than half"),
        pytest.param(TWO, [0.9, 0.8], 0.4, 0.49, [0], id="half inside is more than 0.49"),
        pytest.param(
            array((0, 0, 10, 10), (4, 0, 14, 10), (8, 0, 18, 10)),
            [0.9, 0.8, 0.7],
            0.3,
            1,
            [0, 2],
            id="what a suppressed box overlaps is not suppressed by it",
        ),
        pytest.param(
            array((3, 3, 3, 3), (3, 3, 3, 3)), [0.9, 0.8], 0.3, 1, [0, 1], id="points overlap nothing"
        ),
        pytest.param(array((1, 1, 2, 2)), [0.0], 0.3, 1, [0], id="one of score 0"),
    ],
)
def test_non_max_suppression(
    boxes: FloatArray, scores: list[float], threshold: float, inside: float, kept: list[int]
) -> None:
    assert non_max_suppression(boxes, np.array(scores, np.float32), threshold, inside).tolist() == kept


edges = st.integers(-50, 50)
box_lists = st.lists(st.tuples(edges, edges, st.integers(0, 40), st.integers(0, 40)), max_size=12).map(
    lambda rows: array(*((x, y, x + w, y + h) for x, y, w, h in rows))
)


@settings(deadline=None)
@given(box_lists, box_lists)
def test_intersections_count_common_pixels(a: FloatArray, b: FloatArray) -> None:
    """Boxes of whole pixels, painted and counted."""

    def painted(box: FloatArray) -> np.ndarray:
        x_min, y_min, x_max, y_max = box.astype(int) + 50
        canvas = np.zeros((145, 145), bool)
        canvas[y_min:y_max, x_min:x_max] = True
        return canvas

    expected = [[(painted(p) & painted(q)).sum() for q in b] for p in a]
    assert intersections(a, b).tolist() == np.reshape(expected, (len(a), len(b))).tolist()


@settings(deadline=None)
@given(box_lists, box_lists)
def test_iou_is_symmetric_and_within_0_and_1(a: FloatArray, b: FloatArray) -> None:
    table = iou(a, b)
    assert ((table >= 0) & (table <= 1)).all()
    assert (table == iou(b, a).T).all()
    assert (np.diag(iou(a, a)) == (areas(a) > 0)).all()


@settings(deadline=None)
@given(box_lists, st.integers(1, 60), st.integers(1, 60))
def test_clip_cuts_to_the_image_and_no_more(boxes: FloatArray, width: int, height: int) -> None:
    cut = clip(boxes, width, height)
    image = array((0, 0, width, height))
    assert (cut[:, :2] <= cut[:, 2:]).all()
    assert ((cut >= 0) & (cut <= image[0, [2, 3, 2, 3]])).all()
    assert (areas(cut) == intersections(boxes, image)[:, 0]).all()
    assert (clip(cut, width, height) == cut).all()


@settings(deadline=None)
@given(st.data(), box_lists, st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.sampled_from([0.5, 1.0]))
def test_what_stays_and_why(data: st.DataObject, boxes: FloatArray, threshold: float, inside: float) -> None:
    scores = np.array(data.draw(st.lists(st.integers(0, 4), min_size=len(boxes), max_size=len(boxes))), float)
    kept = non_max_suppression(boxes, scores, threshold, inside).tolist()

    def too_close(i: int, j: int) -> bool:
        pair = boxes[[i]], boxes[[j]]
        smaller = min(areas(boxes[[i, j]]))
        return bool(iou(*pair) > threshold or intersections(*pair) > inside * smaller)

    rank = {index: place for place, index in enumerate(sorted(range(len(boxes)), key=lambda i: -scores[i]))}
    assert kept == sorted(kept, key=rank.__getitem__), "best first, ties in the order of the input"
    for i in range(len(boxes)):
        better = [k for k in kept if rank[k] < rank[i]]
        assert (i in kept) == (not any(too_close(k, i) for k in better))
