"""What a network that goes on learning is asked to keep: its own answers, but for its false alarms."""

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.models.layers import CHANNELS
from detector.results.detections import FloatArray
from training.engine.optimization import detector_loss
from training.fine_tuning.replay import retained, unretained
from training.samplers.targets import TARGET_CHANNELS

ANSWER = np.linspace(-1, 1, CHANNELS, dtype=np.float32)


def start(images: NDArray[np.uint8]) -> FloatArray:
    assert images.dtype == np.uint8
    return np.broadcast_to(ANSWER, (len(images), 1, 1, CHANNELS))


def target(objectness: float, weight: float, digit: int = 7) -> FloatArray:
    asked = float(objectness > 0)
    return np.array([objectness, weight, digit, asked, asked, 5, 8, 6, 9], np.float32).reshape(1, 1, 1, 9)


IMAGE = np.full((1, 32, 32, 3), 300.0, np.float32)  # beyond white, as noise leaves it


@pytest.mark.parametrize(
    ("objectness", "weight", "kept"),
    [
        pytest.param(1.0, 1.0, True, id="a digit: what the network says of it"),
        pytest.param(0.0, 0.0, True, id="neither digit nor background: nothing is asked, nothing is changed"),
        pytest.param(0.0, 1.0, False, id="background: a false alarm is not kept"),
    ],
)
def test_answers_are_kept_where_they_are_no_false_alarms(
    objectness: float, weight: float, kept: bool
) -> None:
    truth = target(objectness, weight)
    both = retained(start, IMAGE, truth)
    assert both.shape == (1, 1, 1, TARGET_CHANNELS + CHANNELS)
    np.testing.assert_array_equal(both[..., :TARGET_CHANNELS], truth)
    assert np.array_equal(both[0, 0, 0, TARGET_CHANNELS:], ANSWER) == kept
    assert kept or both[0, 0, 0, TARGET_CHANNELS] < -5


def test_of_new_data_the_truth_stands_where_an_answer_would() -> None:
    """The loss of a network that says just that is nearly the least there is."""
    truth = target(1.0, 1.0)
    both = unretained(truth)
    said = both[..., TARGET_CHANNELS:]
    assert said[0, 0, 0, 1:11].argmax() == 7
    best = float(detector_loss(both, said))
    for channel in range(CHANNELS):
        worse = said.copy()
        worse[..., channel] -= 6
        if channel in {0, 8, 11, 12, 13, 14}:  # objectness, the digit, the edges
            assert float(detector_loss(both, worse)) > best + 0.01
