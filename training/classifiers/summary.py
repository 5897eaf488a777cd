"""A model's parameters, multiply-adds and receptive field, counted by hand with the arithmetic shown.

A recipe's model is counted from its layers, the detector's FCN from its Keras graph. The totals do not come from Keras:
a test compares them with its own count. Multiply-adds are those of the
convolutions and dense layers for one image; biases, activations, poolings and normalisations are not counted.
The receptive field is the side, in pixels of the image, of the square that one value depends on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from detector.models.layers import RECEPTIVE_FIELD
from training.classifiers.layers import BatchNorm, Conv, Dense, Dropout, Flatten, Layer, Pool, Shape
from training.errors import TrainingError

if TYPE_CHECKING:
    import keras

KERNEL = 3
POOL = 2


@dataclass(frozen=True)
class LayerCount:
    """One layer's line.

    Attributes:
        name: what the layer is, for example "conv 3x3 64 same".
        output: shape of what it gives for one image.
        arithmetic: how the parameters come about, "" where there are none.
        parameters: their number.
        frozen: those of them that no gradient changes.
        multiply_adds: for one image.
        field: receptive field in pixels; None for the whole image.
    """

    name: str
    output: Shape
    arithmetic: str = ""
    parameters: int = 0
    frozen: int = 0
    multiply_adds: int = 0
    field: int | None = None


@dataclass(frozen=True)
class ModelCount:
    """All layers of a model on images of one shape."""

    input_shape: Shape
    layers: tuple[LayerCount, ...]

    @property
    def parameters(self) -> int:
        """All parameters of the model, trained or not."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def frozen(self) -> int:
        """Parameters that no gradient changes."""
        return sum(layer.frozen for layer in self.layers)

    @property
    def base_parameters(self) -> int:
        """Parameters of the convolutional base: those before the first layer that sees the whole image."""
        return sum(layer.parameters for layer in self.layers if layer.field is not None)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds for one image."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def field(self) -> int | None:
        """Receptive field of the convolutional base in pixels; None if there is none: all see the whole image."""
        return max((layer.field for layer in self.layers if layer.field is not None), default=None)

    def __str__(self) -> str:
        """Return the table, one line a layer, then the totals."""
        lines = [_line("layer", "output", "parameters", "multiply-adds", "field")]
        for layer in self.layers:
            sum_shown = f"{layer.arithmetic} = {layer.parameters:,}" if layer.arithmetic else "0"
            field = "image" if layer.field is None else f"{layer.field} px"
            lines.append(_line(layer.name, _x(layer.output), sum_shown, f"{layer.multiply_adds:,}", field))
        base = "the whole image" if self.field is None else f"{self.field} px, convolutional base"
        lines += [
            f"input            {_x(self.input_shape)}",
            f"parameters       {self.parameters:,} ({self.frozen:,} not trained)",
            f"without the head {self.base_parameters:,}",
            f"multiply-adds    {self.multiply_adds:,} an image",
            f"receptive field  {base}",
        ]
        return "\n".join(lines)


def count(stack: Sequence[Layer], input_shape: Shape) -> ModelCount:
    """Count the model made of `stack` on images of (height, width, channels).

    Raises:
        TrainingError: if the images are too small for the layers.
    """
    counted: list[LayerCount] = []
    shape, field, step = input_shape, 1, 1
    whole = False
    for layer in stack:
        if isinstance(layer, Conv):
            field += (KERNEL - 1) * step
        elif isinstance(layer, Pool):
            field += (POOL - 1) * step
            step *= POOL
        whole = whole or isinstance(layer, Flatten)
        counted.append(_count_layer(layer, shape, None if whole else field))
        shape = counted[-1].output
        if min(shape) < 1:
            raise TrainingError(
                f"images of {_x(input_shape)} are too small: nothing is left after layer {len(counted)}"
            )
    return ModelCount(input_shape, tuple(counted))


def _count_layer(layer: Layer, shape: Shape, field: int | None) -> LayerCount:
    match layer:
        case Conv(filters, padding):
            return _count_conv(filters, padding, shape, field)
        case Pool():
            height, width, channels = shape
            return LayerCount(
                f"max pool {POOL}x{POOL}", (height // POOL, width // POOL, channels), field=field
            )
        case BatchNorm():
            width = shape[-1]
            return LayerCount("batch norm", shape, f"4*{width}", 4 * width, frozen=2 * width, field=field)
        case Flatten():
            return LayerCount("flatten", (prod(shape),), field=field)
        case Dropout(rate):
            return LayerCount(f"dropout {rate:g}", shape, field=field)
        case Dense(units, activation):
            (width,) = shape
            arithmetic, parameters = f"({width}+1)*{units}", (width + 1) * units
            return LayerCount(
                f"dense {units} {activation}",
                (units,),
                arithmetic,
                parameters,
                multiply_adds=width * units,
                field=field,
            )


def _count_conv(filters: int, padding: str, shape: Shape, field: int | None) -> LayerCount:
    height, width, channels = shape
    if padding == "valid":
        height, width = height - (KERNEL - 1), width - (KERNEL - 1)
    return LayerCount(
        f"conv {KERNEL}x{KERNEL} {filters} {padding}",
        (height, width, filters),
        f"({KERNEL}*{KERNEL}*{channels}+1)*{filters}",
        (KERNEL * KERNEL * channels + 1) * filters,
        multiply_adds=height * width * KERNEL * KERNEL * channels * filters,
        field=field,
    )


def _x(shape: Shape) -> str:
    return "x".join(map(str, shape))


def _line(name: str, output: str, parameters: str, multiply_adds: str, field: str) -> str:
    return f"{name:<20} {output:<12} {parameters:<28} {multiply_adds:>14} {field:>7}"


def count_fcn() -> ModelCount:
    """Count the detector's FCN on one window of an image."""
    from detector.models.architecture import build_fcn  # noqa: PLC0415 - Keras comes in with it

    return count_network(build_fcn(), (RECEPTIVE_FIELD, RECEPTIVE_FIELD, 3))


def count_network(model: "keras.Model", input_shape: Shape) -> ModelCount:
    """Count a fully convolutional network whose branches beside the main path are 1x1, on one image.

    Raises:
        TrainingError: if it has a layer that this arithmetic does not know.
    """
    shapes: dict[str, Shape] = {model.inputs[0].name: input_shape}
    counted, field, step = [], 1, 1
    for layer in model.layers[1:]:  # the first is the input
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        shape = shapes[inputs[0].name]
        match kind := type(layer).__name__:
            case "Conv2D":
                field += (layer.kernel_size[0] - 1) * step
                step *= layer.strides[0]
                line = _count_convolution(layer, shape, field)
            case "BatchNormalization":
                width = shape[-1]
                line = LayerCount("batch norm", shape, f"4*{width}", 4 * width, frozen=2 * width, field=field)
            case "Rescaling" | "ReLU" | "Add" | "Activation":
                line = LayerCount(kind.lower(), shape, field=field)
            case _:
                raise TrainingError(f"the summary cannot count a layer of type {kind}")
        shapes[layer.output.name] = line.output
        counted.append(line)
    return ModelCount(input_shape, tuple(counted))


def _count_convolution(layer: "keras.layers.Conv2D", shape: Shape, field: int) -> LayerCount:
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
