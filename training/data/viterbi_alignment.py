"""Where the digits of a number stand that is known: the best chain of candidates that spells it.

What no detector reads surely it may still see: a blurred 4 that might be a 1 is a 4 if the number says so. The chain
is the likeliest of all that spell the number from left to right, each digit a possible neighbour of the one before
it; it is found by dynamic programming (Viterbi 1967).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.pipeline.numbers import LineRule, fitting_pairs
from detector.pipeline.score_map import Candidates
from detector.results import boxes as box_arithmetic
from detector.results.detections import FloatArray

_RULE = LineRule(pitch=2.0, gap=1.4)
"""Since the number says which digits belong together they may be further apart than in one that is read."""

_SAME_DIGIT_IOU = 0.5
_INSIDE = 0.7
"""Two readings of one digit overlap by so much, or one lies in the other by so much."""

_LEAST_SCORE = 1e-6


@dataclass(frozen=True)
class Credible:
    """The scores, 0..1, that a chain must reach.

    Attributes:
        weakest: each of its digits.
        mean: the geometric mean of them.
    """

    weakest: float = 0.08
    mean: float = 0.25


def viterbi_alignment(
    candidates: Candidates, number: str, credible: Credible | None = None
) -> FloatArray | None:
    """Return the boxes of a number's digits.

    Args:
        candidates: what may be a digit in the image, at scores far below those of digits that are believed.
        number: one digit or more, from left to right.
        credible: what is asked of the chain.

    Returns:
        (N, 4) float32 xyxy in the frame of the candidates, a box for each digit of the number; None if no chain is
        credible.
    """
    credible = credible or Credible()
    seen = candidates.class_scores.sum(axis=1)
    distinct = box_arithmetic.non_max_suppression(candidates.boxes, seen, _SAME_DIGIT_IOU, _INSIDE)
    from_left = distinct[np.argsort(candidates.boxes[distinct, 0], kind="stable")]
    boxes, scores = candidates.boxes[from_left], candidates.class_scores[from_left]
    if not len(boxes):
        return None
    likely = np.log(np.maximum(scores[:, [int(digit) for digit in number]].astype(np.float64), _LEAST_SCORE))
    chain = _likeliest_chain(likely, np.triu(fitting_pairs(boxes, boxes, _RULE), 1))
    if chain is None:
        return None
    found = np.exp(likely[chain, np.arange(len(number))])
    if found.min() < credible.weakest or np.exp(np.log(found).mean()) < credible.mean:
        return None
    return boxes[chain]


def _likeliest_chain(likely: NDArray[np.float64], follows: NDArray[np.bool]) -> NDArray[np.intp] | None:
    """Which candidate is each digit.

    Args:
        likely: (C, N) log probability that each candidate is each digit of the number.
        follows: (C, C) whether the second may be the next digit after the first.

    Returns:
        (N,) indices; None if there is no chain so long.
    """
    best = likely[:, 0]
    before: list[NDArray[np.intp]] = []
    for digit in range(1, likely.shape[1]):
        ways = np.where(follows, best[:, None], -np.inf)
        before.append(ways.argmax(axis=0))
        best = ways.max(axis=0) + likely[:, digit]
    if not np.isfinite(best.max()):
        return None
    chain = [best.argmax()]
    for links in reversed(before):
        chain.append(links[chain[-1]])
    return np.array(chain[::-1], np.intp)
