"""The loss on outputs and targets made by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from detector.models.layers import CHANNELS, EDGE_UNIT
from training.engine.optimization import detector_loss
from training.samplers.targets import TARGET_CHANNELS


def window(
    objectness: float = 0.0,
    weight: float = 1.0,
    digit: int = 0,
    digit_asked: float = 0.0,
    box_asked: float = 0.0,
    edges: tuple[float, float, float, float] = (8, 8, 8, 8),
) -> np.ndarray:
    return np.array([objectness, weight, digit, digit_asked, box_asked, *edges], np.float32)


def output(
    logit: float = 0.0, digit: int | None = None, edges: tuple[float, ...] = (8, 8, 8, 8)
) -> np.ndarray:
    said = np.zeros(CHANNELS, np.float32)
    said[0] = logit
    if digit is not None:
        said[1 + digit] = 30
    said[11:] = np.log(np.array(edges) / EDGE_UNIT)
    return said


DIGIT = window(objectness=1, digit=3, digit_asked=1, box_asked=1)
NOTHING = window()
IGNORED = window(objectness=1, weight=0, digit=3, edges=(3, 9, 4, 12))


def loss_and_gradient(*pairs: tuple[np.ndarray, np.ndarray]) -> tuple[float, np.ndarray]:
    """The loss of windows in a row and its gradient, (windows, 15), by the output."""
    target = np.stack([target for target, _ in pairs])[None, None]
    said = tf.Variable(np.stack([said for _, said in pairs])[None, None])
    with tf.GradientTape() as tape:
        loss = detector_loss(target, said)
    return float(loss), np.asarray(tape.gradient(loss, said))[0, 0]


def test_sums_are_divided_by_the_windows_they_are_asked_of() -> None:
    """By hand: focal 2 * 0.5^2 * log 2 over 1 + 1; cross entropy log 10 over 1 + 1; IoU 1 costs nothing."""
    loss, _ = loss_and_gradient((DIGIT, output()), (NOTHING, output()))
    assert loss == pytest.approx((2 * 0.25 * np.log(2) + np.log(10)) / 2, abs=1e-5)


@pytest.mark.parametrize(
    ("edges", "iou"),
    [
        pytest.param((8, 8, 8, 8), 1, id="exact"),
        pytest.param((16, 16, 16, 16), 1 / 4, id="twice as large"),
        pytest.param((4, 8, 4, 8), 1 / 2, id="half as wide"),
        pytest.param((4, 8, 12, 8), 12 / 20, id="4 px to the right"),
        pytest.param((8, 4, 8, 12), 12 / 20, id="4 px down"),
    ],
)
def test_a_box_costs_the_negative_log_of_its_iou(edges: tuple[float, ...], iou: float) -> None:
    box_only = window(weight=0, box_asked=1)
    loss, _ = loss_and_gradient((box_only, output(edges=edges)))
    assert loss == pytest.approx(-np.log(iou) / 2, abs=1e-5)  # one box + 1


def test_the_right_digit_costs_least_but_not_nothing() -> None:
    """Labels are smoothed by 0.05: being sure of the right digit costs the smoothing times the certainty."""
    digit_only = window(weight=0, digit=3, digit_asked=1)
    right, _ = loss_and_gradient((digit_only, output(digit=3)))
    wrong, _ = loss_and_gradient((digit_only, output(digit=8)))
    undecided, _ = loss_and_gradient((digit_only, output()))
    assert right == pytest.approx(0.045 * 30 / 2, abs=1e-4)
    assert undecided == pytest.approx(np.log(10) / 2, abs=1e-4)
    assert wrong == pytest.approx((0.95 + 0.045 - 0.005 + 0.005) * 30 / 2, abs=0.2)
    assert right < undecided < wrong


def test_easy_windows_weigh_little() -> None:
    """Focal loss: a window that is 99% right weighs less than a thousandth of an undecided one."""
    undecided, _ = loss_and_gradient((NOTHING, output(logit=0.0)))
    easy, _ = loss_and_gradient((NOTHING, output(logit=-4.6)))
    plain_ratio = np.log1p(np.exp(-4.6)) / np.log(2)
    assert easy / undecided < plain_ratio / 1000


@pytest.mark.parametrize(
    ("target", "said", "channel", "sign"),
    [
        pytest.param(DIGIT, output(), 0, -1, id="more objectness where a digit is"),
        pytest.param(NOTHING, output(), 0, 1, id="less where none is"),
        pytest.param(DIGIT, output(), 4, -1, id="more of the right digit"),
        pytest.param(DIGIT, output(), 5, 1, id="less of another"),
        pytest.param(DIGIT, output(edges=(12, 8, 8, 8)), 11, 1, id="the left edge nearer"),
        pytest.param(DIGIT, output(edges=(8, 5, 8, 8)), 12, -1, id="the top edge farther"),
        pytest.param(DIGIT, output(edges=(8, 8, 12, 8)), 13, 1, id="the right edge nearer"),
        pytest.param(DIGIT, output(edges=(8, 8, 8, 5)), 14, -1, id="the bottom edge farther"),
    ],
)
def test_the_gradient_points_the_right_way(
    target: np.ndarray, said: np.ndarray, channel: int, sign: int
) -> None:
    _, gradient = loss_and_gradient((target, said))
    assert np.sign(gradient[0, channel]) == sign


def test_windows_that_are_not_asked_for_change_nothing() -> None:
    with_ignored, gradient = loss_and_gradient(
        (DIGIT, output()), (IGNORED, output(logit=5, digit=8, edges=(1, 2, 3, 4)))
    )
    alone, gradient_alone = loss_and_gradient((DIGIT, output()))
    assert with_ignored == pytest.approx(alone)
    assert not gradient[1].any()
    np.testing.assert_allclose(gradient[0], gradient_alone[0])


def test_background_is_asked_for_neither_digit_nor_box() -> None:
    _, gradient = loss_and_gradient((NOTHING, output(digit=8, edges=(1, 2, 3, 4))))
    assert gradient[0, 0] != 0
    assert not gradient[0, 1:].any()


def test_a_batch_without_digits_has_a_finite_loss() -> None:
    loss, gradient = loss_and_gradient((NOTHING, output()), (IGNORED, output()))
    assert loss == pytest.approx(0.25 * np.log(2), abs=1e-6)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("size", [50.0, 1e4])
def test_extreme_outputs_do_not_break_training(size: float) -> None:
    rng = np.random.default_rng(0)
    pairs = [
        (target, rng.choice([-size, size], CHANNELS).astype(np.float32))
        for target in (DIGIT, NOTHING, IGNORED)
        for _ in range(20)
    ]
    loss, gradient = loss_and_gradient(*pairs)
    assert np.isfinite(loss)
    assert np.isfinite(gradient).all()


def test_a_digit_beside_the_windows_centre_has_a_finite_loss() -> None:
    beside = window(objectness=1, digit=1, digit_asked=1, box_asked=1, edges=(-1.0, 8, 5, 8))
    loss, gradient = loss_and_gradient((beside, output()))
    assert np.isfinite(loss)
    assert np.isfinite(gradient).all()


def test_it_is_the_loss_of_any_keras_backend() -> None:
    """Keras's own tensors and plain arrays will do; nothing of TensorFlow is needed."""
    rng = np.random.default_rng(0)
    target = np.zeros((2, 3, 3, TARGET_CHANNELS), np.float32)
    target[..., 1] = 1
    said = rng.normal(size=(2, 3, 3, CHANNELS)).astype(np.float32)
    loss = float(keras.ops.convert_to_numpy(detector_loss(keras.ops.convert_to_tensor(target), said)))
    logit = said[..., 0].astype(float)
    probability = 1 / (1 + np.exp(-logit))
    assert loss == pytest.approx((probability**2 * np.logaddexp(0, logit)).sum(), rel=1e-4)
