"""The networks as OpenVINO runs them: built from a model's weights or read from its files in int8, without TensorFlow.

Each image is computed on one of OpenVINO's threads, a batch's images on all of them. So what a network says of an image
depends neither on how many threads there are nor on what else is computed meanwhile.
"""

import sys
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.models.backend import Network, thread_count
from detector.models.layers import Architecture
from detector.results.detections import FloatArray

# OpenVINO sends telemetry on import and conversion unless its package for that is missing.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
import openvino as openvino  # noqa: E402, PLC0414 - exported: others import it from here, without the messenger
from openvino import opset13 as ops  # noqa: E402

_TOGETHER = 4
"""Small images that are computed together: singly, each takes up to 20% longer."""

_SMALL_PIXELS = 2**12
"""Largest area of a small image, px."""

_EPSILON = 1e-3
"""Of Keras's batch normalisation."""


class OpenVinoNetwork(Network):
    """A network that OpenVINO computes; any thread may call it.

    Each height and width of image is prepared for when it is first met, which takes some 50 ms, and kept. So callers
    should bring few. Kept are also as many requests as were ever under way at a time, some 100 kB each.

    Args:
        model: from (B, H, W, 3) uint8 RGB to (B, H', W', C) float32.
        precision: "f32" or "bf16", of what is not computed in int8.
        parameter_count: of its weights.
        threads: how many compute inputs of one shape at a time, two shapes may overlap; None for `thread_count`.
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
        self._compiled: dict[_Shape, Any] = {}
        self._preparing = Lock()
        self._idle: defaultdict[_Shape, list[_Request]] = defaultdict(list)

    def __call__(self, images: NDArray[np.uint8]) -> FloatArray:
        """Return what the network says of a (B, H, W, 3) uint8 RGB batch: (B, H', W', C) float32."""
        return self._outputs(self._started(images))

    def map(self, batches: Iterable[NDArray[np.uint8]]) -> Iterator[FloatArray]:
        """Yield what the network says of each batch, in order; the next one is made while it computes."""
        computing: deque[list[_Request]] = deque()
        try:
            for images in batches:
                computing.append(self._started(images))
                if len(computing) > 1:
                    yield self._outputs(computing.popleft())
            while computing:
                yield self._outputs(computing.popleft())
        finally:
            # Closed early, or a batch failed: the requests can be used again when they have ended.
            for requests in computing:
                self._outputs(requests)

    def _started(self, images: NDArray[np.uint8]) -> list["_Request"]:
        """Return requests that compute a batch, in its order: small images together, as many on each thread."""
        height, width = images.shape[1:3]
        together = len(images) // (_TOGETHER * self._threads) * self._threads
        if height * width > _SMALL_PIXELS:
            together = 0
        requests: list[_Request] = []
        start = 0
        while start < len(images):
            count = _TOGETHER if len(requests) < together else 1
            requests.append(self._request((count, height, width)))
            requests[-1].start(images[start : start + count])
            start += count
        return requests

    def _outputs(self, requests: list["_Request"]) -> FloatArray:
        """Wait for requests and return their outputs, one after the other."""
        outputs = [request.outputs() for request in requests]
        for request in requests:
            self._idle[request.shape].append(request)
        return np.concatenate(outputs)

    def _request(self, shape: "_Shape") -> "_Request":
        """Return a request that computes nothing, and that nobody else gets."""
        try:
            return self._idle[shape].pop()
        except IndexError:
            return _Request(shape, self._prepared(shape))

    def _prepared(self, shape: "_Shape") -> Any:
        with self._preparing:
            if shape not in self._compiled:
                model = self._model.clone()
                model.reshape([*shape, 3])
                self._compiled[shape] = _core.compile_model(model, "CPU", self._options)
            return self._compiled[shape]


_Shape = tuple[int, int, int]
"""Images, their height and width."""


class _Request:
    """One computation of a network, with buffers for input and output: giving new ones takes 0.1 ms a call.

    Args:
        shape: of its input.
        compiled: the network, prepared for it.
    """

    def __init__(self, shape: _Shape, compiled: Any) -> None:
        self.shape = shape
        self._request = compiled.create_infer_request()
        self._tensors = self._request.get_input_tensor(), self._request.get_output_tensor()
        self._images, self._outputs = (tensor.data for tensor in self._tensors)

    def start(self, images: NDArray[np.uint8]) -> None:
        """Begin to compute; one of the network's threads does."""
        self._images[:] = images
        self._request.start_async()

    def outputs(self) -> FloatArray:
        """Wait for the end, and return a copy of what the network says."""
        self._request.wait()
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
