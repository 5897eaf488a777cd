"""A recipe in Keras: its layers as a compiled model, with the backend-neutral API alone, and its images as batches.

The order of images and their augmentation are functions of (seed, epoch, batch) alone.
"""

from collections.abc import Sequence
from math import ceil

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from detector.results.detections import FloatArray, IntArray
from training.classifiers.datasets import Labelled
from training.classifiers.layers import (
    Augmentation,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Pool,
    Shape,
)
from training.classifiers.recipes import Optimizer


def build(stack: Sequence[Layer], input_shape: Shape) -> keras.Sequential:
    """Return the untrained model.

    Layers are named by their index ("00_conv"), so that a variable's path is the same in every process.

    Args:
        stack: the layers, first to last.
        input_shape: (height, width, channels) of the images, float32 in 0..1.

    Returns:
        (B, *input_shape) -> (B, units of the last layer), probabilities.
    """
    model = keras.Sequential([keras.Input(input_shape)], name="classifier")
    for index, layer in enumerate(stack):
        model.add(_keras_layer(layer, f"{index:02d}_{type(layer).__name__.lower()}"))
    return model


def compile_model(model: keras.Model, optimizer: Optimizer) -> None:
    """Give the model its optimiser, its loss (a lone sigmoid: binary cross-entropy) and its accuracy.

    Compilation by XLA is off: on a CPU it costs seconds for each model and oneDNN's convolutions are faster.
    """
    makers = {"rmsprop": keras.optimizers.RMSprop, "sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}
    binary = model.output_shape[-1] == 1
    accuracy = keras.metrics.BinaryAccuracy if binary else keras.metrics.SparseCategoricalAccuracy
    model.compile(
        optimizer=makers[optimizer.name](learning_rate=optimizer.learning_rate),
        loss="binary_crossentropy" if binary else "sparse_categorical_crossentropy",
        metrics=[accuracy(name="accuracy")],
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)


def _keras_layer(layer: Layer, name: str) -> keras.Layer:
    match layer:
        case Conv(filters, padding):
            return layers.Conv2D(filters, 3, padding=padding, activation="relu", name=name)
        case Pool():
            return layers.MaxPooling2D(2, name=name)
        case BatchNorm():
            return layers.BatchNormalization(name=name)
        case Flatten():
            return layers.Flatten(name=name)
        case Dropout(rate):
            return layers.Dropout(rate, name=name)
        case Dense(units, activation):
            return layers.Dense(units, activation=activation, name=name)


class Batches(keras.utils.PyDataset):  # type: ignore[misc] # Keras gives no types
    """Batches of images (B, H, W, C) float32 in 0..1 and labels (B,) int32; the last may be smaller.

    Args:
        data: what to draw from; each image comes once an epoch.
        size: images in a batch.
        seed: of the order and the augmentation; None keeps the data's order.
        epoch: the first epoch, counted from 0.
        augmentation: random, needs a seed.
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

    def __getitem__(self, index: int) -> tuple[FloatArray, IntArray]:
        """Return the batch at `index` in this epoch."""
        chosen = self._data.select(self._order[index * self._size : (index + 1) * self._size])
        images = chosen.images
        if self._augmentation is not None and self._seed is not None:
            images = self._augmentation.apply(images, np.random.default_rng([self._seed, self._epoch, index]))
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
    """Return uint8 pixels as float32 in 0..1, same shape."""
    return images.astype(np.float32) / np.float32(255)
