"""A model's networks in int8: `digit-detector-train quantize`.

Post-training quantisation by NNCF: weights and activations get scales from the networks' inputs on training
images, and biases are corrected for shifts by rounding. A scale spans all that was seen: clipping the largest, as
NNCF's means over images do, moved logits four times as much. No weight exceeds 7 bits, so that processors without
VNNI, which add pairs of products in 16 bits, compute the same.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from detector.images.decode import read_image_file
from detector.models.backend import Network
from detector.models.layers import FCN, GATE, REFINER
from detector.models.model_files import int8_names, load_model, save_int8
from detector.models.openvino_backend import build_model, openvino
from detector.models.runtimes import FLOAT32, INT8, load_networks
from detector.pipeline.detector import DigitDetector
from detector.pipeline.loading import check
from detector.results.detections import FloatArray
from training.data.detector_data import load_detector_data
from training.data.labels.folder import LabelOptions
from training.errors import TrainingError

IMAGES = 300
"""Training images that scales are taken from."""

_INPUTS = 400
"""At most so many inputs of each network."""


def quantize(model_dir: Path, data_dir: Path, options: LabelOptions | None = None, seed: int = 1) -> None:
    """Write a model's networks in int8 beside its weights.

    Args:
        model_dir: the model's folder.
        data_dir: training images, laid out as for the FCN.
        options: how labels of one's own are read.
        seed: draws the images and the inputs.

    Raises:
        DataError: if data is missing or damaged.
        ModelError: if the model cannot be used, or finds something else in its built-in image when it is in int8.
        TrainingError: if NNCF is not installed.
    """
    weights, _ = load_model(model_dir)
    rng = np.random.default_rng(seed)
    learned = load_detector_data(data_dir, options, seed).learned
    chosen = rng.permutation(len(learned))[:IMAGES]
    shown = _inputs(model_dir, [learned[index].path for index in chosen])
    files: dict[str, bytes] = {}
    for name, architecture in (("fcn", FCN), ("refiner", REFINER), ("gate", GATE)):
        arrays = getattr(weights, name)
        if arrays:
            inputs = [shown[name][index] for index in rng.permutation(len(shown[name]))[:_INPUTS]]
            graph, constants = int8_names(name)
            files[graph], files[constants] = _quantized(build_model(architecture, arrays), inputs)
    save_int8(model_dir, files)
    check(DigitDetector.load(model_dir, runtime=INT8))


class _Recording(Network):
    """A network that records its inputs, image by image."""

    def __init__(self, network: Network) -> None:
        self.parameter_count = network.parameter_count
        self.shown: list[NDArray[np.uint8]] = []
        self._network = network

    def __call__(self, images: NDArray[np.uint8]) -> FloatArray:
        self.shown += [image.copy()[None] for image in images]
        return self._network(images)


def _inputs(model_dir: Path, images: Sequence[Path]) -> dict[str, list[NDArray[np.uint8]]]:
    """Return each network's inputs when the model detects these images, (1, H, W, 3) uint8 RGB each."""
    networks = load_networks(model_dir, FLOAT32)
    fcn = _Recording(networks.fcn)
    refiner = _Recording(networks.refiner) if networks.refiner else None
    gate = _Recording(networks.gate) if networks.gate else None
    detector = DigitDetector(fcn, networks.manifest, refiner=refiner, gate=gate)
    for path in images:
        detector.detect(read_image_file(path))
    recorded = {"fcn": fcn, "refiner": refiner, "gate": gate}
    return {name: each.shown for name, each in recorded.items() if each}


def _quantized(model: openvino.Model, inputs: Sequence[NDArray[np.uint8]]) -> tuple[bytes, bytes]:
    """Return the network in int8, as OpenVINO's graph and constants."""
    try:
        import nncf  # noqa: PLC0415 - heavy, and an extra
        from nncf.quantization.range_estimator import RangeEstimatorParametersSet  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise TrainingError("int8 needs NNCF: pip install 'digit-detector[quantize]'") from error
    quantized = nncf.quantize(
        model,
        nncf.Dataset(inputs),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(inputs),
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            overflow_fix=nncf.OverflowFix.ENABLE,
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX,
        ),
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "network.xml"
        openvino.save_model(quantized, path, compress_to_fp16=False)
        return path.read_bytes(), path.with_suffix(".bin").read_bytes()
