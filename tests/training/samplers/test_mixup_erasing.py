"""What is done to batches so that they are not learned by heart."""

import numpy as np
import pytest

from detector.results.detections import FloatArray
from training.samplers.augmentation import MixupErasing


def batch(count: int = 40, side: int = 72) -> FloatArray:
    """Pictures of one brightness each, all different."""
    return np.stack([np.full((side, side, 3), 5 * number, np.float32) for number in range(count)])


def test_by_default_nothing_is() -> None:
    images = batch()
    assert MixupErasing().apply(images, np.random.default_rng(0)) is images


def test_another_picture_shines_through_some_and_never_outshines_them() -> None:
    images = batch(200, 8)
    disturbed = MixupErasing(mixed=0.5, most=0.3).apply(images, np.random.default_rng(0))
    changed = (disturbed != images).any(axis=(1, 2, 3))
    assert 0.4 < changed.mean() < 0.6
    assert np.ptp(disturbed.reshape(200, -1), axis=1).max() < 1e-3, "a mean of two plain pictures is plain"
    assert np.abs(disturbed - images).max() <= 0.3 * np.ptp(images)


@pytest.mark.parametrize(("side", "places"), [(72, 2), (56, 1), (20, 1)])
def test_some_are_covered_in_places(side: int, places: int) -> None:
    images = batch(40, side)
    disturbed = MixupErasing(covered=1.0, sides=(3, 11)).apply(images, np.random.default_rng(0))
    covered = (disturbed != images).any(axis=-1).sum(axis=(1, 2))
    assert covered.min() >= 9
    assert covered.max() <= places * 11**2
    assert disturbed.min() >= 0
    assert disturbed.max() <= 255


def test_what_is_given_stays_as_it_is_and_the_seed_decides() -> None:
    images, given = batch(), batch()
    mixup_erasing = MixupErasing(mixed=0.5, covered=0.5)
    first, second, other = (mixup_erasing.apply(images, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (images == given).all()
    assert first.dtype == np.float32
    assert (first == second).all()
    assert (first != other).any()
