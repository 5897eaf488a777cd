"""Known numbers in candidates: the likeliest chain that spells them, and none where nothing is credible."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.pipeline.score_map import Candidates
from detector.results.detections import FloatArray
from training.data.align_labels import Credible, _likeliest_chain, viterbi_alignment

Reading = dict[int, float]
"""Digits and their scores."""

ANY = Credible(0.0, 0.0)


def at(*places: tuple[float, float, Reading]) -> Candidates:
    """Candidates 10 px wide and 20 px high at (x, y), each with what it may be."""
    boxes = np.array([[x, y, x + 10, y + 20] for x, y, _ in places], np.float32).reshape(-1, 4)
    scores = np.zeros((len(places), 10), np.float32)
    for row, (_, _, reading) in zip(scores, places, strict=True):
        for digit, score in reading.items():
            row[digit] = score
    return Candidates(boxes, scores)


@pytest.mark.parametrize(
    ("candidates", "number", "lefts"),
    [
        pytest.param(at((30, 0, {2: 0.9}), (10, 0, {1: 0.9})), "12", [10, 30], id="from left to right"),
        pytest.param(at((10, 0, {1: 0.6, 4: 0.3})), "4", [10], id="what it is not taken for alone"),
        pytest.param(
            at((10, 0, {7: 0.9}), (25, 0, {7: 0.2, 1: 0.7}), (40, 0, {1: 0.9})), "771", [10, 25, 40], id="a digit twice"
        ),
        pytest.param(at((10, 0, {3: 0.9}), (22, 9, {5: 0.9})), "35", [10, 22], id="a line that rises"),
        pytest.param(
            at((10, 0, {3: 0.9}), (12, 30, {5: 0.9}), (24, 0, {5: 0.4})), "35", [10, 24], id="no line that stands"
        ),
        pytest.param(at((10, 0, {3: 0.5}), (100, 0, {3: 0.8})), "3", [100], id="the likelier of two"),
        pytest.param(at((10, 0, {3: 0.9}), (100, 0, {5: 0.9})), "35", None, id="too far apart"),
        pytest.param(at((10, 0, {3: 0.9})), "33", None, id="too few"),
        pytest.param(at((10, 0, {3: 0.9}), (11, 0, {3: 0.8})), "33", None, id="one digit seen twice is one"),
        pytest.param(at((10, 0, {3: 0.9}), (22, 0, {5: 0.07})), "35", None, id="a digit that is hardly seen"),
        pytest.param(at((10, 0, {3: 0.2}), (22, 0, {5: 0.2})), "35", None, id="all of it faint"),
        pytest.param(at(), "1", None, id="nothing"),
    ],
)  # fmt: skip
def test_a_known_number_is_located(candidates: Candidates, number: str, lefts: list[float] | None) -> None:
    boxes = viterbi_alignment(candidates, number)
    assert (boxes if boxes is None else boxes[:, 0].tolist()) == lefts


def test_digits_of_any_height_may_be_a_lone_one() -> None:
    boxes = viterbi_alignment(
        Candidates(np.array([[0, 0, 1, 2]], np.float32), np.eye(10, dtype=np.float32)[:1]), "0"
    )
    assert boxes is not None
    assert boxes.dtype == np.float32


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 10_000))
def test_no_chain_is_likelier(digits: int, count: int, seed: int) -> None:
    """Against trying all chains."""
    rng = np.random.default_rng(seed)
    likely = np.log(rng.uniform(0.01, 1, (count, digits)))
    follows = np.triu(rng.random((count, count)) < 0.6, 1)
    chains = [
        chain
        for chain in itertools.product(range(count), repeat=digits)
        if all(follows[a, b] for a, b in itertools.pairwise(chain))
    ]
    found = _likeliest_chain(likely, follows)
    if found is None:
        assert not chains
    else:
        assert tuple(found) in chains
        best = max(likely[list(chain), range(digits)].sum() for chain in chains)
        assert likely[found, range(digits)].sum() == pytest.approx(best)


PLACES = st.tuples(st.floats(0, 60), st.floats(0, 30), st.integers(0, 9))


@given(st.lists(PLACES, max_size=8), st.text("0123456789", min_size=1, max_size=4))
def test_what_is_located_is_among_the_candidates_and_stands_from_left_to_right(
    places: list[tuple[float, float, int]], number: str
) -> None:
    candidates = at(*((x, y, {digit: 0.5}) for x, y, digit in places))
    boxes: FloatArray | None = viterbi_alignment(candidates, number, ANY)
    if boxes is not None:
        assert len(boxes) == len(number)
        assert (np.diff(boxes[:, 0]) >= 0).all()
        assert {tuple(box) for box in boxes.tolist()} <= {tuple(box) for box in candidates.boxes.tolist()}
