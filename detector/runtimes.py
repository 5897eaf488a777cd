"""What computes the networks of a detector: TensorFlow, or OpenVINO."""

import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detector.detections import FloatArray
from detector.digit_detector import DigitDetector
from detector.model_files import EMBEDDED, Manifest
from detector.networks import load_networks
from detector.score_map import FIELD, STRIDE
from detector.second_look import WINDOW

if TYPE_CHECKING:
    from detector.fcn import Fcn, SecondLook

TENSORFLOW, OPENVINO = "tensorflow", "openvino"

_SIDE_STEP = 64
"""px. OpenVINO prepares itself for each size of image that it meets, which takes longer than to compute a small one:
so images are padded to multiples of this, and it meets few."""

_BATCH_STEP = 8
"""Windows; likewise for batches of the second look."""


def load_detector(model_dir: Path | None = None, runtime: str = TENSORFLOW) -> DigitDetector:
    """Loads and verifies the model in `model_dir`, or the embedded one.

    Args:
        model_dir: the model's folder.
        runtime: `TENSORFLOW` or `OPENVINO`; the latter computes in bfloat16 where the processor has instructions
            for it, in float32 elsewhere.

    Raises:
        ModelError: if a file is missing, damaged, or not what the manifest says.
        InvalidOptionError: if the runtime is not installed.
    """
    if runtime == TENSORFLOW:
        return DigitDetector.load(model_dir)
    fcn, again, manifest = load_networks(model_dir or EMBEDDED)
    return DigitDetector(
        OpenVinoNetwork(fcn, FIELD, None),
        named_after(manifest, runtime),
        second_look=OpenVinoNetwork(again, WINDOW, WINDOW) if again else None,
    )


def named_after(manifest: Manifest, runtime: str) -> Manifest:
    """The manifest of a model that this runtime computes.

    What another runtime than TensorFlow finds is a little different, so the model's version is followed by its name.
    """
    return manifest if runtime == TENSORFLOW else replace(manifest, version=f"{manifest.version}+{runtime}")


class OpenVinoNetwork:
    """A network that OpenVINO computes; any thread may call it.

    Args:
        network: with its weights.
        window: the side of the window that it answers for, px.
        side: of its images, px; None for any height and width.

    Raises:
        InvalidOptionError: if OpenVINO is not installed.
    """

    def __init__(self, network: "Fcn | SecondLook", window: int, side: int | None) -> None:
        from detector.export.formats import compile_for_openvino  # noqa: PLC0415 - brings TensorFlow in
        from detector.export.graphs import decoding_graph  # noqa: PLC0415

        self.parameter_count: int = network.parameter_count
        self._window = window
        self._steps = (1, _SIDE_STEP, _SIDE_STEP) if side is None else (_BATCH_STEP, 1, 1)
        graph = decoding_graph(network, window, side)
        self._model = compile_for_openvino(graph, "score_map", os.environ.get("TF_NUM_INTRAOP_THREADS"))
        self._of_thread = threading.local()

    def __call__(self, images: NDArray[np.uint8]) -> FloatArray:
        """What the network says of a (B, H, W, 3) uint8 RGB batch: (B, H', W', 15) float32."""
        count, height, width = images.shape[:3]
        sizes = [-(-size // step) * step for size, step in zip(images.shape, self._steps, strict=False)]
        padded = np.zeros((*sizes, 3), np.uint8)
        padded[:count, :height, :width] = images
        score_map = self._request().infer([padded])[0]
        rows, columns = ((size - self._window) // STRIDE + 1 for size in (height, width))
        return np.array(score_map[:count, :rows, :columns], np.float32)

    def _request(self) -> Any:
        """The thread's own; one must not be used by two at a time."""
        if not hasattr(self._of_thread, "request"):
            self._of_thread.request = self._model.create_infer_request()
        return self._of_thread.request
