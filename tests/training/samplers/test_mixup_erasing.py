"""Mixup and random erasing: what they change in a batch, and what they leave."""

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


def test_some_are_mixed_with_another_that_never_weighs_more() -> None:
    images = batch(200, 8)
    mixed = MixupErasing(mixup_fraction=0.5, mixup_weight=0.3).apply(images, np.random.default_rng(0))
    changed = (mixed != images).any(axis=(1, 2, 3))
    assert 0.4 < changed.mean() < 0.6
    assert np.ptp(mixed.reshape(200, -1), axis=1).max() < 1e-3, "a mean of two plain pictures is plain"
    assert np.abs(mixed - images).max() <= 0.3 * np.ptp(images)


@pytest.mark.parametrize(("side", "rectangles"), [(72, 2), (56, 1), (20, 1)])
def test_some_have_erased_rectangles(side: int, rectangles: int) -> None:
    images = batch(40, side)
    mixed = MixupErasing(erasing_fraction=1.0, sides=(3, 11)).apply(images, np.random.default_rng(0))
    erased = (mixed != images).any(axis=-1).sum(axis=(1, 2))
    assert erased.min() >= 9
    assert erased.max() <= rectangles * 11**2
    assert mixed.min() >= 0
    assert mixed.max() <= 255


def test_what_is_given_stays_as_it_is_and_the_seed_decides() -> None:
    images, given = batch(), batch()
    mixup_erasing = MixupErasing(mixup_fraction=0.5, erasing_fraction=0.5)
    first, second, other = (mixup_erasing.apply(images, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (images == given).all()
    assert first.dtype == np.float32
    assert (first == second).all()
    assert (first != other).any()
