"""Large networks that are trained like the detector's own and then teach these; they are never shipped.

What a teacher says of a window is a better target than the bare truth: it tells which digits look alike, and it has
averaged boxes that were drawn carelessly (Hinton et al., Distilling the Knowledge in a Neural Network, 2015; shown the
very pictures that its pupil is shown, for long, as in Beyer et al., A Good Teacher is Patient and Consistent, 2022).
"""

import keras
from keras import layers

from detector.architecture import convolution, with_heads
from detector.second_look import WINDOW


def build_fcn_teacher() -> keras.Model:
    """The FCN's teacher: (B, H, W, 3) float32 RGB 0..255 -> (B, H', W', 15) float32, with the FCN's H' and W'.

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


def build_second_look_teacher() -> keras.Model:
    """The second look's teacher: (B, 56, 56, 3) float32 RGB 0..255 -> (B, 1, 1, 15) float32."""
    inputs = keras.Input((WINDOW, WINDOW, 3), name="rgb")
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
    return with_heads(inputs, x, "second_look_teacher")


def _residual(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    """Two convolutions around which what they are given is led as well (He et al., 2016)."""
    within = convolution(x, filters, 3, padding="same")
    within = layers.Conv2D(filters, 3, padding="same", use_bias=False)(within)
    return layers.ReLU()(layers.Add()([x, layers.BatchNormalization()(within)]))
