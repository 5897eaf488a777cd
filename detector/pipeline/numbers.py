"""From digits to house numbers: digits of one height that stand in one line are one number.

Each digit is linked to its nearest fitting neighbour on the right, if it is also that neighbour's nearest one
on the left; chains of links are lines. So a line never swallows the line above or below, however tight the
stack. A line is one number or a list of them ("215; 216", "12 14", "116-122"): a gap that is wide for the line ends a
number, be there a separator in it or nothing. Digits without a neighbour beside them that stand close below one another
are a number painted from top to bottom, unless they count up or down: 1, 2, 3 are the buttons of three flats.
"""

from statistics import median

import numpy as np
from numpy.typing import NDArray

from detector.pipeline.neighbours import (
    RULE,
    STACK_RULE,
    Float64Array,
    IndexArray,
    LineRule,
    StackRule,
    distances_beside,
    distances_stacked,
    next_neighbours,
)
from detector.results.detections import Detections, HouseNumber, IntArray

_LEAST_SPACING = 0.2
"""In heights, of the narrowest faces' figures; digits whose boxes overlap so much that it is less count as if so."""


def group_numbers(digits: Detections) -> tuple[HouseNumber, ...]:
    """Return the numbers that the digits spell; every digit is in exactly one of them.

    A number's score is the least of its digits' scores: it is wrong as soon as one digit is, and a number
    above a threshold has every digit above it, whatever its length.

    Args:
        digits: the digits of one image, in any order.

    Returns:
        The numbers in reading order: top to bottom, left to right along the slope that their lines share.
        A number's digits run from left to right by x_min, or from top to bottom by y_min.
    """
    if not len(digits):
        return ()
    order = _canonical_order(digits)
    boxes = digits.boxes[order].astype(np.float64)
    right = _without_wide_gaps(boxes, _right_neighbours(boxes, RULE), RULE)
    lines, ranks = _with_stacks(boxes, digits.labels[order], _lines(right), STACK_RULE)
    by_rank = np.argsort(ranks)
    return tuple(
        _number(digits, order[by_rank[lines[by_rank] == line]])
        for line in _reading_order(boxes, right, lines)
    )


def _right_neighbours(boxes: Float64Array, rule: LineRule) -> IndexArray:
    """For each of (N, 4) xyxy boxes in ascending order of x_min the index of its right neighbour, or -1."""
    right, distance = next_neighbours(boxes, lambda a, b: distances_beside(a, b, rule))
    return _without_bends(boxes, right, distance, rule)


def _without_bends(
    boxes: Float64Array, right: IndexArray, distance: Float64Array, rule: LineRule
) -> IndexArray:
    """Cuts the longer of a digit's two links where it stands off the line through its neighbours."""
    first = np.flatnonzero((right >= 0) & (right[right] >= 0))
    middle, last = right[first], right[right[first]]
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    part, whole = centre[middle] - centre[first], centre[last] - centre[first]
    off = np.abs(part[:, 0] * whole[:, 1] - part[:, 1] * whole[:, 0])
    bent = off > rule.bend * (boxes[middle, 3] - boxes[middle, 1]) * np.abs(whole[:, 0])
    longer = np.where(distance[first] > distance[middle], first, middle)
    straight = right.copy()
    straight[longer[bent]] = -1
    return straight


def _without_wide_gaps(boxes: Float64Array, right: IndexArray, rule: LineRule) -> IndexArray:
    """Cuts the links of a line that are wide beside its others, where the two kinds are clearly apart.

    The spacing of two neighbours is the mean of their gap and their pitch, in heights of the line: figures of one width
    have equal pitches, proportional ones equal gaps, and the mean of both varies little in either. The largest step
    between the sorted spacings divides the links of a line; what is cut is divided again.
    """
    cut = right.copy()
    lines = _lines(right)
    todo = [np.flatnonzero(lines == line) for line in np.flatnonzero(np.bincount(lines) > 2)]
    while todo:
        line = todo.pop()
        wide = _wide_links(boxes[line], rule)
        cut[line[:-1][wide]] = -1
        if wide.any():
            todo += [part for part in np.split(line, np.flatnonzero(wide) + 1) if len(part) > 2]
    return cut


def _wide_links(boxes: Float64Array, rule: LineRule) -> NDArray[np.bool]:
    """(N - 1,) which neighbours among (N, 4) boxes of a line, N >= 3, from left to right, are of two numbers."""
    gaps = boxes[1:, 0] - boxes[:-1, 2]
    pitches = np.diff(boxes[:, 0] + boxes[:, 2]) / 2
    spacing = (gaps + pitches) / 2 / (boxes[:, 3] - boxes[:, 1]).mean()
    ascending = np.sort(spacing)
    largest = np.diff(ascending).argmax()
    narrow, wide = max(ascending[largest], _LEAST_SPACING), ascending[largest + 1]
    step = max(rule.steps[min(len(boxes) - 3, len(rule.steps) - 1)], rule.relative_step * narrow)
    return np.asarray((spacing >= wide) & (wide > narrow + step))


def _lines(right: IndexArray) -> IndexArray:
    """(N,) the number, 0.., of the line that each digit belongs to."""
    first = np.arange(len(right))
    for digit in np.flatnonzero(right >= 0).tolist():  # a right neighbour's index is always larger
        first[right[digit]] = first[digit]
    begins = first == np.arange(len(right))
    return np.asarray((np.cumsum(begins) - 1)[first], np.intp)


def _with_stacks(
    boxes: Float64Array, labels: IntArray, lines: IndexArray, rule: StackRule
) -> tuple[IndexArray, IndexArray]:
    """Put lines of one digit together where they stand below one another.

    Returns:
        (N,) the lines 0.. and (N,) the ranks by which the digits of each are read.
    """
    ranks = np.arange(len(boxes))
    alone = np.flatnonzero(np.bincount(lines)[lines] == 1)
    alone = alone[np.argsort(boxes[alone, 1], kind="stable")]
    joined = lines.copy()
    for stack in _stacks(boxes[alone], rule):
        members = alone[stack]
        counted = np.diff(labels[members])
        if len(members) > 1 and not (abs(counted[0]) == 1 and (counted == counted[0]).all()):
            joined[members] = lines[members[0]]
            ranks[members] = np.sort(members)
    return np.unique(joined, return_inverse=True)[1], ranks


def _stacks(boxes: Float64Array, rule: StackRule) -> list[IndexArray]:
    """Return the chains of (N, 4) boxes, ascending by y_min, in which each is the next one's nearest above."""
    if not len(boxes):
        return []
    stacks = _lines(next_neighbours(boxes, lambda a, b: distances_stacked(a, b, rule))[0])
    return [np.flatnonzero(stacks == stack) for stack in range(stacks.max() + 1)]


def _canonical_order(digits: Detections) -> IndexArray:
    """Left to right by x_min; ties by the other values, so that the order of the input never matters."""
    x_min, y_min, x_max, y_max = digits.boxes.T
    return np.lexsort((digits.scores, digits.labels, y_max, x_max, y_min, x_min))


def _reading_order(boxes: Float64Array, right: IndexArray, lines: IndexArray) -> list[int]:
    """Return the lines top to bottom and, where they stand at one height along the common slope, left to right."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    linked = np.flatnonzero(right >= 0)
    along = centre[right[linked]] - centre[linked]
    angles = np.clip(np.arctan2(along[:, 1], along[:, 0]), -0.5, 0.5)
    slope = median(angles.tolist()) if len(linked) else 0.0
    level = centre[:, 1] - np.tan(slope) * centre[:, 0]
    members = np.bincount(lines)
    height = np.bincount(lines, boxes[:, 3] - boxes[:, 1]) / members
    y, x = np.bincount(lines, level) / members, np.bincount(lines, centre[:, 0]) / members
    down = np.lexsort((x, y))
    below = np.diff(y[down]) > np.minimum(height[down][:-1], height[down][1:]) / 2
    row = np.empty(len(down), np.intp)
    row[down] = np.concatenate([[0], np.cumsum(below)])
    return [int(line) for line in np.lexsort((y, x, row))]


def _number(digits: Detections, members: IndexArray) -> HouseNumber:
    """Return the number of the digits at `members`, in the order in which they are read."""
    low, high = digits.boxes[members, :2].min(0), digits.boxes[members, 2:].max(0)
    return HouseNumber(
        text="".join(str(label) for label in digits.labels[members]),
        score=float(digits.scores[members].min()),
        box=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
        digits=tuple(int(member) for member in members),
    )
