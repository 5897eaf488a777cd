"""A model's networks, as they are loaded from its folder and as a detector calls them."""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from detector.models.model_files import Manifest, Weights, load_model
from detector.results.detections import FloatArray
from detector.results.errors import ModelError

if TYPE_CHECKING:
    from detector.models.tensorflow_backend import Fcn, Refiner


class Network(Protocol):
    """A network with its weights, whatever computes it; any thread may call it."""

    @property
    def parameter_count(self) -> int:
        """Of its weights."""
        ...

    def __call__(self, images: NDArray[np.uint8]) -> FloatArray:
        """Return the score map of a (B, H, W, 3) uint8 RGB batch: (B, H', W', 15) float32."""
        ...


def load_networks(model_dir: Path) -> tuple["Fcn", "Refiner | None", Manifest]:
    """Load and verify a model, for TensorFlow; the second network is None if the model has none.

    Raises:
        ModelError: if a file is missing, damaged, or not what the manifest says.
    """
    weights, manifest = load_model(model_dir)
    return *build_networks(weights, model_dir), manifest


def build_networks(weights: Weights, model_dir: Path) -> tuple["Fcn", "Refiner | None"]:
    """Return the networks of weights that were loaded from a model's folder, for TensorFlow.

    Raises:
        ModelError: if the weights do not fit them, naming the folder.
    """
    from detector.models.tensorflow_backend import networks_of  # noqa: PLC0415 - TensorFlow comes in with a network, not before

    try:
        return networks_of(weights)
    except ValueError as error:
        raise ModelError(f"{model_dir}: {error}") from error
