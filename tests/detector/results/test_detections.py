"""Detections are checked once, when they are made, and stay as they are."""

import dataclasses

import numpy as np
import pytest

from detector.results.detections import Detection, Detections

BOXES = np.array([[1, 2, 3, 4], [5, 6, 7, 8], [0, 0, 0, 0]], np.float32)
LABELS = np.array([7, 0, 9], np.int32)
SCORES = np.array([0.75, 1.0, 0.0], np.float32)


def changed(array: np.ndarray, index: tuple[int, ...] | int, value: float) -> np.ndarray:
    copy = array.copy()
    copy[index] = value
    return copy


@pytest.mark.parametrize(
    ("boxes", "labels", "scores", "message"),
    [
        pytest.param(BOXES[:2], LABELS, SCORES, "do not agree", id="a box too few"),
        pytest.param(BOXES, LABELS[:2], SCORES, "do not agree", id="a label too few"),
        pytest.param(BOXES, LABELS, SCORES[:2], "do not agree", id="a score too few"),
        pytest.param(BOXES, LABELS[:, None], SCORES, "do not agree", id="labels in a column"),
        pytest.param(BOXES[:, :3], LABELS, SCORES, "reshape", id="boxes of three numbers"),
        pytest.param(changed(BOXES, (0, 0), np.nan), LABELS, SCORES, "finite", id="NaN in a box"),
        pytest.param(changed(BOXES, (0, 2), np.inf), LABELS, SCORES, "finite", id="infinite box"),
        pytest.param(changed(BOXES, (0, 0), 3.5), LABELS, SCORES, "x_min <= x_max", id="x_min above x_max"),
        pytest.param(changed(BOXES, (0, 1), 4.5), LABELS, SCORES, "y_min <= y_max", id="y_min above y_max"),
        pytest.param(BOXES, changed(LABELS, 0, 10), SCORES, "0..9", id="SVHN's own 10"),
        pytest.param(BOXES, changed(LABELS, 0, -1), SCORES, "0..9", id="label -1"),
        pytest.param(BOXES, LABELS, changed(SCORES, 0, 1.01), "0..1", id="score above 1"),
        pytest.param(BOXES, LABELS, changed(SCORES, 0, -0.01), "0..1", id="score below 0"),
        pytest.param(BOXES, LABELS, changed(SCORES, 0, np.nan), "0..1", id="NaN as a score"),
    ],
)
def test_nonsense_is_refused(boxes: np.ndarray, labels: np.ndarray, scores: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Detections(boxes, labels, scores)


def test_the_arrays_are_copies_that_nobody_can_write_to() -> None:
    boxes = BOXES.copy()
    digits = Detections(boxes, LABELS, SCORES)
    boxes[:] = 99
    assert digits.boxes.tolist() == BOXES.tolist()
    for array in (digits.boxes, digits.labels, digits.scores):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        digits.boxes = boxes  # type: ignore[misc]


def test_types_are_those_promised() -> None:
    digits = Detections([[1, 2, 3, 4]], [7], [0.5])  # type: ignore[arg-type]
    assert (digits.boxes.dtype, digits.labels.dtype, digits.scores.dtype) == (
        np.float32,
        np.int32,
        np.float32,
    )


def test_iteration_gives_plain_python_values() -> None:
    digits = Detections(BOXES, LABELS, SCORES)
    assert len(digits) == 3
    assert next(iter(digits)) == Detection(7, 0.75, (1.0, 2.0, 3.0, 4.0))
    assert [type(value) for value in next(iter(digits))] == [int, float, tuple]


@pytest.mark.parametrize(
    ("index", "labels"),
    [
        pytest.param(np.array([True, False, True]), [7, 9], id="mask"),
        pytest.param([2, 0], [9, 7], id="indices, in their order"),
        pytest.param([], [], id="no indices"),
        pytest.param(np.zeros(3, bool), [], id="empty mask"),
    ],
)
def test_select(index: object, labels: list[int]) -> None:
    chosen = Detections(BOXES, LABELS, SCORES).select(index)  # type: ignore[arg-type]
    assert chosen.labels.tolist() == labels
    assert chosen.boxes.shape == (len(labels), 4)


def test_empty() -> None:
    digits = Detections.empty()
    assert (len(digits), digits.boxes.shape, digits.labels.shape) == (0, (0, 4), (0,))
    assert len(digits.select(np.zeros(0, bool))) == 0
