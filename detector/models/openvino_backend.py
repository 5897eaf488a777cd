"""The networks as OpenVINO runs them: built from a model's weights or read from its files in int8, without TensorFlow.

Each image is computed on one thread, and a batch's images on as many as may be used. So what a network says of an
image depends neither on how many threads there are nor on what else is computed meanwhile.
"""

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock, local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.models.backend import thread_count
from detector.models.layers import Architecture
from detector.results.detections import FloatArray

# OpenVINO tells its makers of each import and conversion, unless its messenger is not there.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
import openvino as openvino  # noqa: E402, PLC0414 - exported: others import it from here, without the messenger
from openvino import opset13 as ops  # noqa: E402

_TOGETHER_PIXELS = 2**15
"""Images are computed together up to so many pixels: a small one alone takes half as long again."""

_EPSILON = 1e-3
"""Of Keras's batch normalisation."""


class OpenVinoNetwork:
    """A network that OpenVINO computes; any thread may call it.

    Each height and width of image is prepared for when it is first met, which takes some 50 ms, and kept. So callers
    should bring few.

    Args:
        model: from (B, H, W, 3) uint8 RGB to (B, H', W', C) float32.
        precision: "f32" or "bf16", of what is not computed in int8.
        parameter_count: of its weights.
        threads: how many compute a batch; None for `thread_count`.
    """

    def __init__(
        self, model: openvino.Model, precision: str, parameter_count: int, threads: int | None = None
    ) -> None:
        self.parameter_count = parameter_count
        self._model = model
        self._threads = threads or thread_count()
        self._options = {
            "INFERENCE_PRECISION_HINT": precision,
            "NUM_STREAMS": self._threads,
            "INFERENCE_NUM_THREADS": self._threads,
            "ENABLE_CPU_PINNING": False,
        }
        self._compiled: dict[tuple[int, int, int], Any] = {}
        self._preparing = Lock()
        self._of_thread = local()

    def __call__(self, images: NDArray[np.uint8]) -> FloatArray:
        """Return what the network says of a (B, H, W, 3) uint8 RGB batch: (B, H', W', C) float32."""
        parts = np.array_split(images, min(self._threads, len(images)))
        others = [_helpers(self._threads - 1).submit(self._infer, part) for part in parts[1:]]
        return np.concatenate([self._infer(parts[0]), *(other.result() for other in others)])

    def _infer(self, images: NDArray[np.uint8]) -> FloatArray:
        """Return what the network says of each image, computed on the calling thread, small ones several at a time."""
        height, width = images.shape[1:3]
        together = max(1, _TOGETHER_PIXELS // (height * width))
        outputs: list[FloatArray] = []
        start = 0
        while start < len(images):
            count = together if len(images) - start >= together else 1
            outputs.append(self._request(count, height, width).infer(images[start : start + count]))
            start += count
        return np.concatenate(outputs)

    def _request(self, *shape: int) -> "_Request":
        """Return the thread's own for so many images of a height and width; one must not be used by two at a time."""
        if not hasattr(self._of_thread, "requests"):
            self._of_thread.requests = {}
        requests: dict[tuple[int, ...], _Request] = self._of_thread.requests
        if shape not in requests:
            requests[shape] = _Request(self._prepared(*shape))
        return requests[shape]

    def _prepared(self, count: int, height: int, width: int) -> Any:
        with self._preparing:
            if (count, height, width) not in self._compiled:
                model = self._model.clone()
                model.reshape([count, height, width, 3])
                self._compiled[count, height, width] = _core.compile_model(model, "CPU", self._options)
            return self._compiled[count, height, width]


class _Request:
    """A network prepared for one shape, with buffers for input and output: giving new ones takes 0.1 ms a call."""

    def __init__(self, compiled: Any) -> None:
        self._request = compiled.create_infer_request()
        self._tensors = self._request.get_input_tensor(), self._request.get_output_tensor()
        self._images, self._outputs = (tensor.data for tensor in self._tensors)

    def infer(self, images: NDArray[np.uint8]) -> FloatArray:
        """Return a copy of what the network says of the images."""
        self._images[:] = images
        self._request.infer(share_outputs=True)
        return np.array(self._outputs, np.float32)


def build_model(architecture: Architecture, weights: Sequence[FloatArray]) -> openvino.Model:
    """Build the network with its weights, normalisations folded: (B, H, W, 3) uint8 RGB -> (B, H', W', C) float32.

    Args:
        architecture: the network's.
        weights: its arrays in its order, as `keras.Model.get_weights` gives them.

    Raises:
        ValueError: if the arrays do not fit the network.
    """
    arrays = iter(weights)
    side = -1 if architecture.side is None else architecture.side
    images = ops.parameter([-1, side, side, 3], np.uint8, name="images")
    x = ops.transpose(ops.convert(images, "f32"), ops.constant([0, 3, 1, 2]))
    x = ops.subtract(ops.multiply(x, _constant(1 / 127.5)), _constant(1.0))
    channels = 3
    for layer in architecture.convolutions:
        shape = (layer.size, layer.size, channels, layer.filters)
        kernel = _next(arrays, shape)
        gamma, beta, mean, variance = (_next(arrays, (layer.filters,)) for _ in range(4))
        scale = gamma / np.sqrt(variance + _EPSILON)
        padding = layer.size // 2 if layer.residual else 0
        y = ops.relu(_convolution(x, kernel * scale, beta - mean * scale, layer.strides, padding))
        x = ops.add(x, y) if layer.residual else y
        channels = layer.filters
    kernel = _next(arrays, (1, 1, channels, architecture.outputs))
    x = _convolution(x, kernel, _next(arrays, (architecture.outputs,)), 1, 0)
    if next(arrays, None) is not None:
        raise ValueError(f"the weights do not fit this network: there are more than {architecture.name} has")
    return openvino.Model([ops.transpose(x, ops.constant([0, 2, 3, 1]))], [images], architecture.name)


def read_model(graph: bytes, constants: bytes) -> openvino.Model:
    """Return a network from its files, as `openvino.save_model` writes them.

    Raises:
        ValueError: if OpenVINO cannot read them.
    """
    try:
        return _core.read_model(graph, constants)
    except RuntimeError as error:
        raise ValueError(f"not a network that OpenVINO reads: {error}") from error


def capabilities() -> frozenset[str]:
    """Return the kinds of arithmetic that this processor has instructions for, such as "INT8" and "BF16"."""
    return frozenset(_core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


_core = openvino.Core()


@cache
def _helpers(count: int) -> ThreadPoolExecutor:
    """Return the threads that compute beside a calling one."""
    return ThreadPoolExecutor(count, "openvino")


def _next(arrays: Iterator[FloatArray], shape: tuple[int, ...]) -> FloatArray:
    array = next(arrays, None)
    if array is None or array.shape != shape:
        found = "none is left" if array is None else f"one has the shape {array.shape}"
        raise ValueError(f"the weights do not fit this network: {found}, expected {shape}")
    return np.asarray(array, np.float32)


def _convolution(x: Any, kernel: FloatArray, bias: FloatArray, strides: int, padding: int) -> Any:
    """`kernel` is (height, width, channels, filters), `x` (B, channels, H, W)."""
    weights = _constant(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)))
    pads = [padding, padding]
    y = ops.convolution(x, weights, [strides, strides], pads, pads, [1, 1])
    return ops.add(y, _constant(bias.reshape(1, -1, 1, 1)))


def _constant(value: float | FloatArray) -> Any:
    return ops.constant(np.asarray(value, np.float32))
