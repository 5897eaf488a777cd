"""The networks' architecture, on any of Keras's backends: how windows become scores and boxes.

All convolutions of the FCN are 'valid', so the output at (i, j) depends on nothing but the 32x32 window whose upper
left pixel is (4 i, 4 j): the score map of a large image holds exactly what the network says of each window on its
own (Sermanet et al., OverFeat, 2014; Long et al., Fully Convolutional Networks, 2015).

Import it when a network is needed: Keras comes in with it.
"""

import keras
import numpy as np
from keras import layers

from detector.models.geometry import CHANNELS, REFINER_WINDOW


def build_fcn() -> keras.Model:
    """Return the untrained network: (B, H, W, 3) float32 RGB 0..255 -> (B, H', W', 15) float32.

    H' = (H - 32) // 4 + 1 and likewise W'. The 15 channels are described in `score_map`.
    """
    inputs = keras.Input((None, None, 3), name="rgb")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    x = convolution(x, 24, 4, strides=2)  # field 4, stride 2
    x = convolution(x, 32, 3)  # field 8
    x = convolution(x, 40, 3)  # field 12
    x = convolution(x, 96, 3, strides=2)  # field 16, stride 4
    x = layers.Add()([x, convolution(x, 96, 1)])
    x = convolution(x, 96, 3)  # field 24
    x = layers.Add()([x, convolution(x, 96, 1)])
    x = convolution(x, 96, 3)  # field 32: from here on 1x1 only
    x = convolution(x, 192, 1)
    return with_heads(inputs, x, "svhn_fcn")


def build_refiner() -> keras.Model:
    """Return the untrained network of the refiner: (B, 56, 56, 3) float32 RGB 0..255 -> (B, 1, 1, 15) float32.

    The channels are those of `build_fcn()`.
    """
    inputs = keras.Input((REFINER_WINDOW, REFINER_WINDOW, 3), name="rgb")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    x = convolution(x, 24, 4, strides=2)  # 27 x 27
    x = convolution(x, 40, 3)  # 25 x 25
    x = convolution(x, 64, 3, strides=2)  # 12 x 12
    x = layers.Add()([x, convolution(x, 64, 3, padding="same")])
    x = convolution(x, 96, 3)  # 10 x 10
    x = convolution(x, 144, 3, strides=2)  # 4 x 4
    x = layers.Add()([x, convolution(x, 144, 3, padding="same")])
    x = convolution(x, 112, 4)  # 1 x 1
    return with_heads(inputs, x, "refiner")


def convolution(
    x: keras.KerasTensor, filters: int, size: int, strides: int = 1, padding: str = "valid"
) -> keras.KerasTensor:
    """Return a convolution, normalised over the batch, and what of it is positive."""
    x = layers.Conv2D(filters, size, strides=strides, padding=padding, use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


def with_heads(inputs: keras.KerasTensor, x: keras.KerasTensor, name: str) -> keras.Model:
    """Return the network that says of each window what `score_map` describes, from its last features `x`."""
    return keras.Model(inputs, layers.Conv2D(CHANNELS, 1, dtype="float32", name="heads")(x), name=name)


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
