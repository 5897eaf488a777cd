"""Order and random views of training images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.tiny_data import blocks, some_labels
from training.classifiers.datasets import Labelled
from training.classifiers.keras_model import Batches, to_float
from training.classifiers.layers import Augmentation
from training.classifiers.recipes import RECIPES

STILL = Augmentation(rotation_degrees=0, shift=0, shear_degrees=0, zoom=0, flip=False)
NOTES = RECIPES["cats-dogs-augmented"].augmentation
assert NOTES is not None


def numbered(count: int) -> Labelled:
    places = np.arange(count)
    return Labelled(places.astype(np.uint8).reshape(-1, 1, 1, 1), places.astype(np.int32))


def labels_of(batches: Batches) -> list[int]:
    return [int(label) for place in range(batches.num_batches) for label in batches[place][1]]


@given(
    count=st.integers(1, 50),
    size=st.integers(1, 20),
    seed=st.none() | st.integers(0, 9),
    epoch=st.integers(0, 5),
)
def test_an_epoch_has_each_image_once(count: int, size: int, seed: int | None, epoch: int) -> None:
    batches = Batches(numbered(count), size, seed, epoch)
    assert sorted(labels_of(batches)) == list(range(count))
    assert len(batches[0][1]) == min(size, count)


def test_order_is_the_data_s_without_a_seed() -> None:
    assert labels_of(Batches(numbered(10), 3)) == list(range(10))


def test_order_changes_with_the_epoch_and_a_later_start_meets_it() -> None:
    running = Batches(numbered(30), 4, seed=7)
    epochs = []
    for _ in range(3):
        epochs.append(labels_of(running))
        running.on_epoch_end()
    assert epochs[0] != epochs[1] != epochs[2]
    assert labels_of(Batches(numbered(30), 4, seed=7, epoch=2)) == epochs[2]
    assert labels_of(Batches(numbered(30), 4, seed=8, epoch=2)) != epochs[2]


def test_images_stay_with_their_labels_and_are_scaled() -> None:
    images, labels = Batches(numbered(200), 200, seed=1)[0]
    assert images.dtype == np.float32
    np.testing.assert_allclose(images.ravel() * 255, labels, rtol=1e-6)


def test_to_float_reaches_both_ends() -> None:
    assert to_float(np.array([0, 255], np.uint8)).tolist() == [0.0, 1.0]


def test_views_are_of_the_epoch_and_the_place() -> None:
    labels = some_labels(6)
    data = Labelled(blocks(labels, 32, 3), labels)
    first, again, later = (Batches(data, 3, 1, epoch, NOTES) for epoch in (0, 0, 1))
    np.testing.assert_array_equal(first[1][0], again[1][0])
    assert not np.array_equal(first[0][0], again[1][0])
    assert not np.array_equal(np.sort(first[0][0], axis=None), np.sort(later[0][0], axis=None))


def test_no_ranges_no_change() -> None:
    images = blocks(some_labels(4), 33, 3)
    np.testing.assert_array_equal(STILL.apply(images, np.random.default_rng(0)), images)


def test_flip_mirrors_half_of_the_images() -> None:
    image = blocks(some_labels(1), 32, 1)[0]
    views = Augmentation(0, 0, 0, 0, flip=True).apply(np.stack([image] * 200), np.random.default_rng(0))
    mirrored = [np.array_equal(view, image[:, ::-1]) for view in views]
    assert all(np.array_equal(view, image) or other for view, other in zip(views, mirrored, strict=True))
    assert 70 < sum(mirrored) < 130


def test_shift_moves_up_to_its_part_either_way() -> None:
    image = np.zeros((50, 50, 1), np.uint8)
    image[25, 25] = 255
    views = (
        Augmentation(0, 0.2, 0, 0, flip=False)
        .apply(np.stack([image] * 300), np.random.default_rng(0))
        .astype(float)
    )
    for axis in (1, 2):
        weight = views[..., 0].sum(axis=3 - axis)
        centres = (weight * np.arange(50)).sum(axis=1) / weight.sum(axis=1) - 25
        assert -10.1 < centres.min() < -9
        assert 9 < centres.max() < 10.1


def test_rotation_keeps_the_centre_and_turns_up_to_its_angle() -> None:
    image = np.zeros((101, 101, 1), np.uint8)
    image[50, 50:] = 255  # from the centre to the right
    views = Augmentation(40, 0, 0, 0, flip=False).apply(np.stack([image] * 200), np.random.default_rng(0))
    assert (views[:, 50, 50, 0] > 100).all()
    ends = [np.argwhere(view[:, 90, 0] > 60).mean() - 50 for view in views if view[:, 90, 0].max() > 60]
    angles = np.degrees(np.arctan2(ends, 40))
    assert -40.5 < angles.min() < -36
    assert 36 < angles.max() < 40.5


@given(seed=st.integers(0, 1000), value=st.integers(0, 255))
def test_what_is_uncovered_repeats_the_edge(seed: int, value: int) -> None:
    flat = np.full((2, 20, 30, 3), value, np.uint8)
    assert NOTES is not None
    np.testing.assert_array_equal(NOTES.apply(flat, np.random.default_rng(seed)), flat)


@pytest.mark.parametrize("channels", [1, 3])
def test_views_keep_shape_and_type(channels: int) -> None:
    images = blocks(some_labels(3), 28, channels)
    assert NOTES is not None
    views = NOTES.apply(images, np.random.default_rng(0))
    assert (views.shape, views.dtype) == (images.shape, np.uint8)
    assert not np.array_equal(views, images)
