"""Light, colour and sharpness change; what is seen, and where, does not."""

import numpy as np
import pytest

from detector.images.decode import decode_image
from tests.training.official_files import TEST_DATA
from training.samplers.augmentation import vary_appearance


@pytest.fixture(scope="module")
def patch() -> np.ndarray:
    """The 68 of a real picture."""
    return decode_image((TEST_DATA / "svhn_train_1994.png").read_bytes())[14:86, 60:132]


def varied(patch: np.ndarray, count: int) -> list[np.ndarray]:
    return [vary_appearance(patch, np.random.default_rng(seed)) for seed in range(count)]


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of brightness, 0..1; an inverted picture is as like as the picture."""
    return abs(float(np.corrcoef(a.mean(axis=2).ravel(), b.mean(axis=2).ravel())[0, 1]))


def test_shape_and_type_stay_and_the_patch_is_not_written_to(patch: np.ndarray) -> None:
    before = patch.copy()
    for result in varied(patch, 60):
        assert (result.shape, result.dtype) == (patch.shape, np.uint8)
    np.testing.assert_array_equal(patch, before)


def test_the_same_chance_gives_the_same_picture(patch: np.ndarray) -> None:
    for first, again in zip(varied(patch, 30), varied(patch, 30), strict=True):
        np.testing.assert_array_equal(first, again)


def test_pictures_vary(patch: np.ndarray) -> None:
    results = varied(patch, 30)
    assert len({result.tobytes() for result in results}) == 30
    assert np.std([result.mean() for result in results]) > 10, "in brightness"
    assert np.std([result.std() for result in results]) > 5, "in contrast"


def test_digits_are_never_mirrored_turned_or_moved(patch: np.ndarray) -> None:
    """A 6 upside down is a 9, a mirrored 2 almost a 5; and the boxes must stay true."""
    others = [
        patch[:, ::-1],
        patch[::-1],
        patch[::-1, ::-1],
        np.roll(patch, 2, axis=0),
        np.roll(patch, 2, axis=1),
    ]
    for result in varied(patch, 150):
        if result.std() < 3:
            continue  # so dark or so bright that nothing is seen
        assert likeness(result, patch) > max(likeness(result, other) for other in others)


@pytest.mark.parametrize("value", [0, 255], ids=["black", "white"])
def test_even_pictures_stay_within_0_and_255(value: int) -> None:
    """Overflow would wrap white to black."""
    even = np.full((72, 72, 3), value, np.uint8)
    means = [result.mean() for result in varied(even, 80)]
    inverted = sum(abs(mean - value) > 150 for mean in means)
    assert inverted < 25, "only inversion, one in eight, makes so large a difference"
