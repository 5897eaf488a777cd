"""Teachers: large networks whose scores are soft targets for a student, learned beside the truth.

They are trained like the detector's own networks, and never shipped.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Self

import keras
import numpy as np
from keras import layers

from detector.models.architecture import convolution, with_heads
from detector.models.layers import REFINER_WINDOW
from detector.models.model_files import load_model
from detector.results.detections import FloatArray
from training.engine.training_run import Batch, MakeBatch
from training.errors import TrainingError


class Teacher:
    """A network that has learned and does no more.

    Args:
        model: the network with its weights.
        sha256: of those.
    """

    def __init__(self, model: keras.Model, sha256: str) -> None:
        self._model = model
        self.sha256 = sha256

    @classmethod
    def load(cls, folder: Path, build: Callable[[], keras.Model]) -> Self:
        """Read what `digit-detector-train teacher` wrote.

        Args:
            folder: its --out.
            build: its architecture.

        Raises:
            ModelError: if a file is missing, damaged, or not what the manifest says.
            TrainingError: if it is no teacher of this network.
        """
        weights, manifest = load_model(folder)
        model = build()
        try:
            model.set_weights(weights.fcn or weights.refiner)
        except ValueError as error:
            raise TrainingError(
                f"--teacher {folder}: no teacher of this network; `digit-detector-train teacher` trains one"
            ) from error
        return cls(model, manifest.sha256)

    def add_soft_targets(self, make_batch: MakeBatch) -> MakeBatch:
        """Return a maker of the same batches, with the teacher's soft targets added."""

        def make(step: int, rng: np.random.Generator) -> Batch:
            images, targets = make_batch(step, rng)
            return images, np.concatenate([targets, self._says(images)], axis=-1)

        return make

    def _says(self, images: FloatArray) -> FloatArray:
        """(B, rows, columns, 15), the teacher's outputs."""
        return np.asarray(self._model.predict_on_batch(images), np.float32)


def build_fcn_teacher() -> keras.Model:
    """Return the FCN's teacher: (B, H, W, 3) float32 RGB 0..255 -> (B, H', W', 15) float32, with the FCN's H' and W'.

    Its windows are the FCN's, but it sees what is around them, too.
    """
    inputs = keras.Input((None, None, 3), name="rgb")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    x = convolution(x, 48, 4, strides=2)
    x = convolution(x, 64, 3)
    x = convolution(x, 96, 3)
    x = convolution(x, 224, 3, strides=2)
    for _ in range(3):
        x = _residual(x, 224)
    x = convolution(x, 224, 3)
    x = _residual(x, 224)
    x = convolution(x, 224, 3)
    x = convolution(x, 512, 1)
    return with_heads(inputs, x, "fcn_teacher")


def build_refiner_teacher() -> keras.Model:
    """Return the refiner's teacher: (B, 56, 56, 3) float32 RGB 0..255 -> (B, 1, 1, 15) float32."""
    inputs = keras.Input((REFINER_WINDOW, REFINER_WINDOW, 3), name="rgb")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    x = convolution(x, 64, 4, strides=2)  # 27 x 27
    x = _residual(x, 64)
    x = convolution(x, 128, 3, strides=2)  # 13 x 13
    for _ in range(3):
        x = _residual(x, 128)
    x = convolution(x, 256, 3, strides=2)  # 6 x 6
    for _ in range(3):
        x = _residual(x, 256)
    x = convolution(x, 512, 6)  # 1 x 1
    return with_heads(inputs, x, "refiner_teacher")


def _residual(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    """Two convolutions around which what they are given is led as well (He et al., 2016)."""
    within = convolution(x, filters, 3, padding="same")
    within = layers.Conv2D(filters, 3, padding="same", use_bias=False)(within)
    return layers.ReLU()(layers.Add()([x, layers.BatchNormalization()(within)]))
