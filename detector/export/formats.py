"""The formats: each writes a graph to one or two files, or a folder, with a name.

TensorFlow writes its own two formats; the libraries of the others are extras of this package.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import tensorflow as tf

from detector.errors import InvalidOptionError

Graph: TypeAlias = tf.types.experimental.PolymorphicFunction
"""As `detector.export.graphs` makes it."""

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
    """OpenVINO's IR: `path`, and the weights beside it with the suffix .bin; float32.

    Raises:
        InvalidOptionError: if OpenVINO is not installed.
    """
    openvino = _openvino("format")
    with _as_openvino_model(openvino, graph) as model:
        openvino.save_model(model, path, compress_to_fp16=False)


def compile_for_openvino(graph: Graph, output: str, threads: str | None) -> Any:
    """An `openvino.CompiledModel` that computes one output of the graph on the processor.

    Args:
        graph: the graph.
        output: its output's name.
        threads: how many it may use; None for all.

    Raises:
        InvalidOptionError: if OpenVINO is not installed.
    """
    openvino = _openvino("runtime")
    options = {} if threads is None else {"INFERENCE_NUM_THREADS": threads}
    with _as_openvino_model(openvino, graph) as model:
        bare = openvino.Model([model.output(output).get_node()], model.get_parameters())
        return openvino.Core().compile_model(bare, "CPU", options)


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


def _openvino(option: str) -> Any:
    """The library."""
    # OpenVINO tells its makers of each import and conversion, unless its messenger is not there.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    with _extra("openvino", option):
        import openvino  # noqa: PLC0415
    return openvino


@contextmanager
def _as_openvino_model(openvino: Any, graph: Graph) -> Iterator[Any]:
    with TemporaryDirectory() as folder:
        write_saved_model(graph, Path(folder))
        yield openvino.Core().read_model(folder)


@contextmanager
def _extra(name: str, option: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise InvalidOptionError(
            option, f"{name} needs more libraries: pip install 'digit-detector[{name}]'"
        ) from error
