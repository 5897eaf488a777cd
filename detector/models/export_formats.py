"""Networks as graphs that explain themselves, and the formats in which they are written."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import tensorflow as tf

from detector.models.layers import EDGE_UNIT, MAX_LOG_EDGE, STRIDE
from detector.models.openvino_backend import openvino
from detector.models.tensorflow_backend import Fcn, Gate, Refiner
from detector.results.errors import InvalidOptionError

Graph: TypeAlias = tf.types.experimental.PolymorphicFunction
"""As `detector.models.export_formats` makes it."""

_OPSET = 18
"""ONNX's operator set: of the end of 2022, so that runtimes of the last years read it."""


@dataclass(frozen=True)
class Format:
    """How a graph is written.

    Attributes:
        suffix: of the file that a runtime is given; none for a folder.
        write: writes a graph to a path with that suffix.
    """

    suffix: str
    write: Callable[[Graph, Path], None]


def write_saved_model(graph: Graph, folder: Path) -> None:
    """TensorFlow's SavedModel, with the signature `serving_default`."""
    tf.saved_model.save(tf.Module(), str(folder), signatures=graph.get_concrete_function())


def write_onnx(graph: Graph, path: Path) -> None:
    """ONNX, by tf2onnx.

    Raises:
        InvalidOptionError: if that is not installed.
    """
    with _extra("onnx", "format"):
        from tf2onnx.convert import from_function  # noqa: PLC0415
    model, _ = from_function(graph, input_signature=graph.input_signature, opset=_OPSET)
    for values, names in (
        (model.graph.input, ("batch", "height", "width")),
        (model.graph.output, ("batch", "rows", "columns")),
    ):
        for value in values:
            for dimension, name in zip(value.type.tensor_type.shape.dim, names, strict=False):
                if dimension.dim_param:  # tf2onnx calls them unk__1 and so on
                    dimension.dim_param = name
    path.write_bytes(model.SerializeToString())


def write_openvino(graph: Graph, path: Path) -> None:
    """OpenVINO's IR: `path`, and the weights beside it with the suffix .bin; float32."""
    with TemporaryDirectory() as folder:
        write_saved_model(graph, Path(folder))
        openvino.save_model(openvino.Core().read_model(folder), path, compress_to_fp16=False)


def write_tflite(graph: Graph, path: Path) -> None:
    """TensorFlow Lite, float32, with the signature `serving_default`."""
    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph.get_concrete_function()], tf.Module())
    path.write_bytes(converter.convert())


FORMATS = {
    "savedmodel": Format("", write_saved_model),
    "onnx": Format(".onnx", write_onnx),
    "openvino": Format(".xml", write_openvino),
    "tflite": Format(".tflite", write_tflite),
}


@contextmanager
def _extra(name: str, option: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise InvalidOptionError(
            option, f"{name} needs more libraries: pip install 'digit-detector[{name}]'"
        ) from error


def decoding_graph(
    network: Fcn | Refiner, window: int, side: int | None
) -> tf.types.experimental.PolymorphicFunction:
    """Return the score map of images, and decoded as by `detector.pipeline.score_map.read_windows`.

    Args:
        network: with its weights, which become constants.
        window: the side of the window that it answers for, px.
        side: of the images, px; None for any height and width.

    Returns:
        A function of `images`, (B, H, W, 3) uint8 RGB, with a dictionary of float32 arrays as its result:
        `score_map` (B, H', W', 15), `boxes` (B, H', W', 4) xyxy px of the image, maxima exclusive, and
        `class_scores` (B, H', W', 10).
    """

    @tf.function(input_signature=[tf.TensorSpec([None, side, side, 3], tf.uint8, name="images")])  # type: ignore[untyped-decorator]
    def call(images: tf.Tensor) -> dict[str, tf.Tensor]:
        score_map = network.graph(images)[0]
        return {
            "score_map": score_map,
            "boxes": _boxes(score_map, window),
            "class_scores": tf.sigmoid(score_map[..., :1]) * tf.nn.softmax(score_map[..., 1:11]),
        }

    return call


def plain_graph(network: Gate) -> Graph:
    """Return the same as `decoding_graph` of images of any size, but of the network's own output alone.

    Returns:
        A function of `images`, (B, H, W, 3) uint8 RGB: `score_map`, (B, H', W', 1) float32.
    """

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, name="images")])  # type: ignore[untyped-decorator]
    def call(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"score_map": network.graph(images)[0]}

    return call


def _boxes(score_map: tf.Tensor, window: int) -> tf.Tensor:
    edges = EDGE_UNIT * tf.exp(tf.minimum(score_map[..., 11:], MAX_LOG_EDGE))
    rows, columns = (tf.range(tf.shape(score_map)[axis]) for axis in (1, 2))
    y = tf.cast(rows * STRIDE, tf.float32)[:, None] + window / 2
    x = tf.cast(columns * STRIDE, tf.float32) + window / 2
    return tf.stack([x - edges[..., 0], y - edges[..., 1], x + edges[..., 2], y + edges[..., 3]], axis=-1)
