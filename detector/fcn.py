"""The network: fully convolutional, trained on 32x32 windows, applied unchanged to whole images.

All convolutions are 'valid', so the output at (i, j) depends on nothing but the 32x32 window whose upper left
pixel is (4 i, 4 j): the score map of a large image holds exactly what the network says of each window on its own
(Sermanet et al., OverFeat, 2014; Long et al., Fully Convolutional Networks, 2015).

The only place of this package, besides export, that knows TensorFlow and Keras; import it when a network is needed.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from detector.detections import FloatArray
from detector.model_files import Weights
from detector.score_map import CHANNELS
from detector.second_look import WINDOW


def build_fcn() -> keras.Model:
    """The untrained network: (B, H, W, 3) float32 RGB 0..255 -> (B, H', W', 15) float32.

    H' = (H - 32) // 4 + 1 and likewise W'. The 15 channels are described in `score_map`.
    """
    inputs = keras.Input((None, None, 3), name="rgb")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    x = _convolution(x, 24, 4, strides=2)  # field 4, stride 2
    x = _convolution(x, 32, 3)  # field 8
    x = _convolution(x, 40, 3)  # field 12
    x = _convolution(x, 96, 3, strides=2)  # field 16, stride 4
    x = layers.Add()([x, _convolution(x, 96, 1)])
    x = _convolution(x, 96, 3)  # field 24
    x = layers.Add()([x, _convolution(x, 96, 1)])
    x = _convolution(x, 96, 3)  # field 32: from here on 1x1 only
    x = _convolution(x, 192, 1)
    outputs = layers.Conv2D(CHANNELS, 1, dtype="float32", name="heads")(x)
    return keras.Model(inputs, outputs, name="svhn_fcn")


def build_second_look() -> keras.Model:
    """The untrained network of the second look: (B, 56, 56, 3) float32 RGB 0..255 -> (B, 1, 1, 15) float32.

    The channels are those of `build_fcn()`.
    """
    inputs = keras.Input((WINDOW, WINDOW, 3), name="rgb")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    x = _convolution(x, 24, 4, strides=2)  # 27 x 27
    x = _convolution(x, 40, 3)  # 25 x 25
    x = _convolution(x, 64, 3, strides=2)  # 12 x 12
    x = layers.Add()([x, _convolution(x, 64, 3, padding="same")])
    x = _convolution(x, 96, 3)  # 10 x 10
    x = _convolution(x, 144, 3, strides=2)  # 4 x 4
    x = layers.Add()([x, _convolution(x, 144, 3, padding="same")])
    x = _convolution(x, 112, 4)  # 1 x 1
    outputs = layers.Conv2D(CHANNELS, 1, dtype="float32", name="heads")(x)
    return keras.Model(inputs, outputs, name="second_look")


def _convolution(
    x: keras.KerasTensor, filters: int, size: int, strides: int = 1, padding: str = "valid"
) -> keras.KerasTensor:
    x = layers.Conv2D(filters, size, strides=strides, padding=padding, use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


def multiply_adds_per_pixel(model: keras.Model) -> float:
    """Multiply-adds of the convolutions per input pixel, at the limit of a large image."""
    total, stride = 0.0, 1
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            stride *= layer.strides[0]
            total += float(np.prod(layer.kernel.shape)) / stride**2
    return total


def multiply_adds(model: keras.Model, height: int, width: int) -> int:
    """Multiply-adds of the convolutions for one image of `height` x `width` px."""
    convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    maps = keras.Model(model.inputs, [layer.output for layer in convolutions])
    shapes = maps.compute_output_shape((1, height, width, 3))
    return sum(
        int(np.prod(shape[1:3]) * np.prod(layer.kernel.shape))
        for shape, layer in zip(shapes, convolutions, strict=True)
    )


class _Network:
    """A network with weights; any thread may call it.

    One frozen graph serves every shape: it is traced once, and its batch normalisations are constants that
    TensorFlow folds into the convolutions.

    Attributes:
        parameter_count: of the weights.
        graph: from (B, H, W, 3) uint8 RGB to a list of one (B, H', W', 15) float32.
    """

    def __init__(self, model: keras.Model, weights: list[NDArray[np.float32]]) -> None:
        model.set_weights(weights)
        self.parameter_count: int = model.count_params()
        self.graph: tf.types.experimental.ConcreteFunction = _freeze(model)

    def __call__(self, images: NDArray[np.uint8]) -> FloatArray:
        """What the network says of a (B, H, W, 3) uint8 RGB batch: (B, H', W', 15) float32."""
        return np.asarray(self.graph(tf.constant(images))[0], np.float32)


class Fcn(_Network):
    """The network that slides over images of any size, H and W at least 32: (H - 32) // 4 + 1 rows of windows.

    Args:
        weights: the arrays of `build_fcn()` in its order, as `keras.Model.get_weights` gives them.

    Raises:
        ValueError: if the arrays do not fit the network.
    """

    def __init__(self, weights: list[NDArray[np.float32]]) -> None:
        super().__init__(build_fcn(), weights)


class SecondLook(_Network):
    """The network that looks at (B, 56, 56, 3) windows, one answer each.

    Args:
        weights: the arrays of `build_second_look()` in its order.

    Raises:
        ValueError: if the arrays do not fit the network.
    """

    def __init__(self, weights: list[NDArray[np.float32]]) -> None:
        super().__init__(build_second_look(), weights)


def networks_of(weights: Weights) -> tuple[Fcn, SecondLook | None]:
    """Both networks of a model; None for the second if the model has none.

    Raises:
        ValueError: if the arrays do not fit the networks.
    """
    try:
        return Fcn(weights.fcn), SecondLook(weights.second_look) if weights.second_look else None
    except ValueError as error:
        raise ValueError(f"the weights do not fit this network: {error}") from error


def _freeze(model: keras.Model) -> tf.types.experimental.ConcreteFunction:
    """One traced function for every shape, its variables turned into constants."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2  # noqa: PLC0415

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)])  # type: ignore[untyped-decorator]
    def call(images: tf.Tensor) -> tf.Tensor:
        return model(tf.cast(images, tf.float32), training=False)

    return convert_variables_to_constants_v2(call.get_concrete_function())
