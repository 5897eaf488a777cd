"""A teacher as its pupil's training uses it: what it says of each picture is learned beside the truth."""

from collections.abc import Callable
from pathlib import Path
from typing import Self

import keras
import numpy as np

from detector.detections import FloatArray
from detector.model_files import load_model
from training.errors import TrainingError
from training.run import Batch, MakeBatch


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
        """Reads what `digit-detector-train teacher` wrote.

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
            model.set_weights(weights.fcn or weights.second_look)
        except ValueError as error:
            raise TrainingError(
                f"--teacher {folder}: no teacher of this network; `digit-detector-train teacher` trains one"
            ) from error
        return cls(model, manifest.sha256)

    def taught(self, make_batch: MakeBatch) -> MakeBatch:
        """What makes the same batches, with what the teacher says of each window added to its target."""

        def make(step: int, rng: np.random.Generator) -> Batch:
            images, targets = make_batch(step, rng)
            return images, np.concatenate([targets, self._says(images)], axis=-1)

        return make

    def _says(self, images: FloatArray) -> FloatArray:
        """(B, rows, columns, 15), the teacher's outputs."""
        return np.asarray(self._model.predict_on_batch(images), np.float32)
