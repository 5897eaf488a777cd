"""Labelled images as Keras batches; order and augmentation are functions of (seed, epoch, place) alone."""

from math import ceil

import keras
import numpy as np
from numpy.typing import NDArray

from detector.results.detections import FloatArray, IntArray
from training.classifiers.augment import Augmentation
from training.classifiers.datasets import Labelled


class Batches(keras.utils.PyDataset):  # type: ignore[misc] # Keras gives no types
    """Batches of images (B, H, W, C) float32 in 0..1 and labels (B,) int32; the last may be smaller.

    Args:
        data: what to draw from; each image comes once an epoch.
        size: images in a batch.
        seed: of the order and of the views; None keeps the data's order.
        epoch: the first epoch, counted from 0.
        augmentation: random views, needs a seed.
    """

    def __init__(
        self,
        data: Labelled,
        size: int,
        seed: int | None = None,
        epoch: int = 0,
        augmentation: Augmentation | None = None,
    ) -> None:
        super().__init__()
        self._data, self._size, self._seed = data, size, seed
        self._augmentation = augmentation
        self._epoch = epoch
        self._order = self._new_order()

    @property
    def num_batches(self) -> int:
        """Batches in an epoch."""
        return ceil(len(self._data) / self._size)

    def __getitem__(self, place: int) -> tuple[FloatArray, IntArray]:
        """Return the batch at `place` in this epoch."""
        chosen = self._data.select(self._order[place * self._size : (place + 1) * self._size])
        images = chosen.images
        if self._augmentation is not None and self._seed is not None:
            images = self._augmentation.apply(images, np.random.default_rng([self._seed, self._epoch, place]))
        return to_float(images), chosen.labels

    def on_epoch_end(self) -> None:
        """Turn to the next epoch's order."""
        self._epoch += 1
        self._order = self._new_order()

    def _new_order(self) -> NDArray[np.intp]:
        if self._seed is None:
            return np.arange(len(self._data))
        return np.random.default_rng([self._seed, self._epoch]).permutation(len(self._data))


def to_float(images: NDArray[np.uint8]) -> FloatArray:
    """Uint8 pixels as float32 in 0..1, same shape."""
    return images.astype(np.float32) / np.float32(255)
