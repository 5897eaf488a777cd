"""The detector's network, counted by hand like the classifiers, from its graph of Keras layers."""

from math import prod

import keras

from detector.models.architecture import build_fcn
from detector.models.geometry import RECEPTIVE_FIELD
from training.classifiers.layers import Shape
from training.classifiers.summary import LayerCount, ModelCount
from training.errors import TrainingError

_WITHOUT_PARAMETERS = (keras.layers.Rescaling, keras.layers.ReLU, keras.layers.Add, keras.layers.Activation)


def count_fcn() -> ModelCount:
    """Count the detector's network on one window of an image."""
    return count_network(build_fcn(), (RECEPTIVE_FIELD, RECEPTIVE_FIELD, 3))


def count_network(model: keras.Model, input_shape: Shape) -> ModelCount:
    """Count a fully convolutional network whose branches beside the main path are 1x1, on one image.

    Raises:
        TrainingError: if it has a layer that this arithmetic does not know.
    """
    shapes: dict[str, Shape] = {model.inputs[0].name: input_shape}
    counted, field, step = [], 1, 1
    for layer in model.layers[1:]:  # the first is the input
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        shape = shapes[inputs[0].name]
        if isinstance(layer, keras.layers.Conv2D):
            field += (layer.kernel_size[0] - 1) * step
            step *= layer.strides[0]
            line = _count_convolution(layer, shape, field)
        elif isinstance(layer, keras.layers.BatchNormalization):
            width = shape[-1]
            line = LayerCount("batch norm", shape, f"4*{width}", 4 * width, frozen=2 * width, field=field)
        elif isinstance(layer, _WITHOUT_PARAMETERS):
            line = LayerCount(type(layer).__name__.lower(), shape, field=field)
        else:
            raise TrainingError(f"the summary cannot count a layer of type {type(layer).__name__}")
        shapes[layer.output.name] = line.output
        counted.append(line)
    return ModelCount(input_shape, tuple(counted))


def _count_convolution(layer: keras.layers.Conv2D, shape: Shape, field: int) -> LayerCount:
    size, stride = layer.kernel_size[0], layer.strides[0]
    rows, columns = (
        (side - size) // stride + 1 if layer.padding == "valid" else -(-side // stride) for side in shape[:2]
    )
    weights = size * size * shape[-1]
    bias = "+1" if layer.use_bias else ""
    return LayerCount(
        f"conv {size}x{size} {layer.filters}" + (f" /{stride}" if stride > 1 else ""),
        (rows, columns, layer.filters),
        f"({size}*{size}*{shape[-1]}{bias})*{layer.filters}",
        (weights + bool(bias)) * layer.filters,
        multiply_adds=prod((rows, columns, weights, layer.filters)),
        field=field,
    )
