"""Which digits are shown how often."""

import numpy as np
import pytest

from training.samplers.patches import ClassBalancedSampler


def labels(*scenes: list[int]) -> list[np.ndarray]:
    return [np.array(scene, np.int32) for scene in scenes]


def test_a_class_is_drawn_in_proportion_to_the_root_of_its_count() -> None:
    """16 zeros, 4 ones, 1 nine: shares 4 : 2 : 1."""
    scenes = labels([0] * 15, [], [1, 1, 0, 1], [9, 1])
    draw = ClassBalancedSampler(scenes)
    assert draw.counts.tolist() == [16, 4, 0, 0, 0, 0, 0, 0, 0, 1]
    assert draw.shares == pytest.approx(np.array([4, 2, 0, 0, 0, 0, 0, 0, 0, 1]) / 7)
    rng = np.random.default_rng(0)
    drawn = [draw(rng) for _ in range(7000)]
    found = np.bincount([scenes[scene][digit] for scene, digit in drawn], minlength=10) / 7000
    assert found == pytest.approx(draw.shares, abs=0.02)
    assert len(set(drawn)) == 21, "every digit has its turn"


def test_digits_of_a_class_are_drawn_alike() -> None:
    draw = ClassBalancedSampler(labels([5, 5], [5]))
    rng = np.random.default_rng(0)
    places = [draw(rng) for _ in range(3000)]
    for place in ((0, 0), (0, 1), (1, 0)):
        assert places.count(place) / 3000 == pytest.approx(1 / 3, abs=0.03)
