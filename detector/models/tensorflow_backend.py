"""The networks with weights, as TensorFlow runs them: one frozen graph each, which any thread may call.

The only place of this package, besides export, that knows TensorFlow; import it when a network is needed.
"""

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from detector.models.architecture import build_fcn, build_gate, build_refiner
from detector.models.backend import Network
from detector.models.model_files import Weights
from detector.results.detections import FloatArray
from detector.results.errors import InvalidOptionError


class TensorFlowNetwork(Network):
    """A network with weights; any thread may call it.

    One frozen graph serves every shape: it is traced once, and its batch normalisations are constants that
    TensorFlow folds into the convolutions.

    Args:
        model: the network's architecture.
        weights: its arrays in its order, as `keras.Model.get_weights` gives them.

    Attributes:
        parameter_count: of the weights.
        graph: from (B, H, W, 3) uint8 RGB to a list of one (B, H', W', C) float32.

    Raises:
        ValueError: if the arrays do not fit the network.
    """

    def __init__(self, model: keras.Model, weights: list[NDArray[np.float32]]) -> None:
        model.set_weights(weights)
        self.parameter_count: int = model.count_params()
        self.graph: tf.types.experimental.ConcreteFunction = _freeze(model)

    def __call__(self, images: NDArray[np.uint8]) -> FloatArray:
        """Return the score map of a (B, H, W, 3) uint8 RGB batch: (B, H', W', C) float32."""
        return np.asarray(self.graph(tf.constant(images))[0], np.float32)


class Fcn(TensorFlowNetwork):
    """The network that slides over images of any size, H and W at least 32: (H - 32) // 4 + 1 rows of windows.

    Args:
        weights: the arrays of `build_fcn()` in its order.

    Raises:
        ValueError: if the arrays do not fit the network.
    """

    def __init__(self, weights: list[NDArray[np.float32]]) -> None:
        super().__init__(build_fcn(), weights)


class Refiner(TensorFlowNetwork):
    """The network that looks at (B, 56, 56, 3) windows, one answer each.

    Args:
        weights: the arrays of `build_refiner()` in its order.

    Raises:
        ValueError: if the arrays do not fit the network.
    """

    def __init__(self, weights: list[NDArray[np.float32]]) -> None:
        super().__init__(build_refiner(), weights)


class Gate(TensorFlowNetwork):
    """The network that says where the FCN need look, see `detector.pipeline.gate`.

    Args:
        weights: the arrays of `build_gate()` in its order.

    Raises:
        ValueError: if the arrays do not fit the network.
    """

    def __init__(self, weights: list[NDArray[np.float32]]) -> None:
        super().__init__(build_gate(), weights)


def use_threads(count: int) -> None:
    """Let so many threads compute each operation, in the whole process.

    Raises:
        InvalidOptionError: if TensorFlow computes already with another number.
    """
    try:
        tf.config.threading.set_intra_op_parallelism_threads(count)
    except RuntimeError as error:
        raise InvalidOptionError("threads", "TensorFlow computes already, with another number") from error


def networks_of(weights: Weights) -> tuple[Fcn, Refiner | None, Gate | None]:
    """Return the networks of a model; None for those that it does not have.

    Raises:
        ValueError: if the arrays do not fit the networks.
    """
    try:
        return (
            Fcn(weights.fcn),
            Refiner(weights.refiner) if weights.refiner else None,
            Gate(weights.gate) if weights.gate else None,
        )
    except ValueError as error:
        raise ValueError(f"the weights do not fit this network: {error}") from error


def _freeze(model: keras.Model) -> tf.types.experimental.ConcreteFunction:
    """One traced function for every shape, its variables turned into constants."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2  # noqa: PLC0415

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)])  # type: ignore[untyped-decorator]
    def call(images: tf.Tensor) -> tf.Tensor:
        return model(tf.cast(images, tf.float32), training=False)

    return convert_variables_to_constants_v2(call.get_concrete_function())
