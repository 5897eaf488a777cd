"""The networks of a model computed by OpenVINO instead of TensorFlow."""

import os
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detector.models.geometry import STRIDE
from detector.results.detections import FloatArray

if TYPE_CHECKING:
    from detector.models.tensorflow_backend import Fcn, Refiner

_SIDE_STEP = 64
"""px. OpenVINO prepares itself for each size of image that it meets, which takes longer than to compute a small one:
so images are padded to multiples of this, and it meets few."""

_BATCH_STEP = 8
"""Windows; likewise for batches of the refiner."""


class OpenVinoNetwork:
    """A network that OpenVINO computes; any thread may call it.

    Args:
        network: with its weights.
        window: the side of the window that it answers for, px.
        side: of its images, px; None for any height and width.

    Raises:
        InvalidOptionError: if OpenVINO is not installed.
    """

    def __init__(self, network: "Fcn | Refiner", window: int, side: int | None) -> None:
        from detector.models.export_formats import (  # noqa: PLC0415
            compile_for_openvino,
            decoding_graph,
        )

        self.parameter_count: int = network.parameter_count
        self._window = window
        self._steps = (1, _SIDE_STEP, _SIDE_STEP) if side is None else (_BATCH_STEP, 1, 1)
        graph = decoding_graph(network, window, side)
        self._model = compile_for_openvino(graph, "score_map", os.environ.get("TF_NUM_INTRAOP_THREADS"))
        self._of_thread = threading.local()

    def __call__(self, images: NDArray[np.uint8]) -> FloatArray:
        """Return the score map of a (B, H, W, 3) uint8 RGB batch: (B, H', W', 15) float32."""
        count, height, width = images.shape[:3]
        sizes = [-(-size // step) * step for size, step in zip(images.shape, self._steps, strict=False)]
        padded = np.zeros((*sizes, 3), np.uint8)
        padded[:count, :height, :width] = images
        score_map = self._request().infer([padded])[0]
        rows, columns = ((size - self._window) // STRIDE + 1 for size in (height, width))
        return np.array(score_map[:count, :rows, :columns], np.float32)

    def _request(self) -> Any:
        """Return the thread's own; one must not be used by two at a time."""
        if not hasattr(self._of_thread, "request"):
            self._of_thread.request = self._model.create_infer_request()
        return self._of_thread.request
