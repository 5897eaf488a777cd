"""From a recipe's layers to a compiled Keras model, with Keras 3's backend-neutral API alone."""

from collections.abc import Sequence

import keras
from keras import layers

from training.classifiers.layers import BatchNorm, Conv, Dense, Dropout, Flatten, Layer, Pool, Shape
from training.classifiers.recipes import Optimizer


def build(stack: Sequence[Layer], input_shape: Shape) -> keras.Sequential:
    """Return the untrained model.

    Layers are named by their place ("00_conv"), so that a variable's path is the same in every process.

    Args:
        stack: the layers, first to last.
        input_shape: (height, width, channels) of the images, float32 in 0..1.

    Returns:
        (B, *input_shape) -> (B, units of the last layer), probabilities.
    """
    model = keras.Sequential([keras.Input(input_shape)], name="classifier")
    for place, layer in enumerate(stack):
        model.add(_keras_layer(layer, f"{place:02d}_{type(layer).__name__.lower()}"))
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
