"""The networks' architecture as Keras models, on any of its backends.

Import it when a network is trained or run by TensorFlow: Keras comes in with it.
"""

import keras
import numpy as np
from keras import layers

from detector.models.layers import CHANNELS, FCN, GATE, REFINER, Architecture


def build_fcn() -> keras.Model:
    """Return the untrained FCN: (B, H, W, 3) float32 RGB 0..255 -> (B, H', W', 15) float32, see `models.layers`."""
    return build(FCN)


def build_refiner() -> keras.Model:
    """Return the untrained network of the refiner: (B, 56, 56, 3) float32 RGB 0..255 -> (B, 1, 1, 15) float32."""
    return build(REFINER)


def build_gate() -> keras.Model:
    """Return the untrained gate: (B, H, W, 3) float32 RGB 0..255 -> (B, H', W', 1) float32, see `models.layers`."""
    return build(GATE)


def build(architecture: Architecture) -> keras.Model:
    """Return the untrained network: float32 RGB 0..255 -> float32, shapes as `detector.models.layers` says."""
    inputs = keras.Input((architecture.side, architecture.side, 3), name="rgb")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    for layer in architecture.convolutions:
        padding = "same" if layer.residual else "valid"
        y = convolution(x, layer.filters, layer.size, layer.strides, padding)
        x = layers.Add()([x, y]) if layer.residual else y
    return with_heads(inputs, x, architecture.name, architecture.outputs)


def convolution(
    x: keras.KerasTensor, filters: int, size: int, strides: int = 1, padding: str = "valid"
) -> keras.KerasTensor:
    """Return a convolution, normalised over the batch, and what of it is positive."""
    x = layers.Conv2D(filters, size, strides=strides, padding=padding, use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


def with_heads(
    inputs: keras.KerasTensor, x: keras.KerasTensor, name: str, outputs: int = CHANNELS
) -> keras.Model:
    """Return the network that says of each window what `score_map` describes, from its last features `x`."""
    return keras.Model(inputs, layers.Conv2D(outputs, 1, dtype="float32", name="heads")(x), name=name)


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
