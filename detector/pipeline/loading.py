"""Loading a detector, for TensorFlow or OpenVINO, and the proof that its model works here.

A model finds in a built-in image what its manifest says it found when it was made.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from detector.layers import FCN, GATE, SECOND_LOOK, Architecture
from detector.models.backend import Network
from detector.models.model_files import EMBEDDED, Manifest, Weights, load_int8, load_model, write_manifest
from detector.pipeline.detector import DigitDetector
from detector.results.boxes import iou
from detector.results.detections import Detections, FloatArray
from detector.results.errors import InvalidOptionError, ModelError
from detector.results.interface import DetectOptions

TENSORFLOW, OPENVINO = "tensorflow", "openvino"

INT8, BFLOAT16, FLOAT32 = "openvino-int8", "openvino-bf16", "openvino-f32"

RUNTIMES = (OPENVINO, INT8, BFLOAT16, FLOAT32, TENSORFLOW)
"""`OPENVINO` stands for the fastest of its precisions that is right here, see `chosen_runtime`."""


@dataclass(frozen=True)
class Networks:
    """A model's networks, ready to be called.

    Attributes:
        manifest: what is known of the model; its version names the runtime, since each gives other last decimals.
        runtime: what computes them; one of `RUNTIMES`, but not `OPENVINO`.
        fcn: the network that slides over images.
        refiner: the one that looks again at what the first proposes; None if the model has none.
        gate: the one that says where the first need look; None if the model has none.
    """

    manifest: Manifest
    runtime: str
    fcn: Network
    refiner: Network | None
    gate: Network | None


def load_networks(model_dir: Path, runtime: str = OPENVINO) -> Networks:
    """Loads and verifies the model in `model_dir`.

    Raises:
        ModelError: if a file is missing, damaged, or not what the manifest says.
        InvalidOptionError: if the model has no networks in int8, and they are asked for.
    """
    weights, manifest = load_model(model_dir)
    runtime = chosen_runtime(runtime, manifest)
    load = (
        _load_tensorflow if runtime == TENSORFLOW else partial(_load_openvino, model_dir, manifest, runtime)
    )
    try:
        fcn, refiner, gate = load(weights)
    except ValueError as error:
        raise ModelError(f"{model_dir}: {error}") from error
    return Networks(replace(manifest, version=named_version(manifest, runtime)), runtime, fcn, refiner, gate)


def chosen_runtime(runtime: str, manifest: Manifest) -> str:
    """The runtime itself, or for `OPENVINO` its fastest precision that is right on this processor.

    That is int8 if the model has its networks in it: it was measured to take half the time of bfloat16 and a fifth of
    that of float32 with AVX512-VNNI, and a third of that of float32 with AVX2 alone. Without, it is bfloat16 where the
    processor has instructions for it (AMX, AVX512-BF16), and float32 elsewhere.

    Raises:
        InvalidOptionError: if the model has no networks in int8, and they are asked for.
    """
    if runtime == INT8 and not manifest.int8:
        raise InvalidOptionError(
            "runtime", "the model has no networks in int8: digit-detector-train quantize"
        )
    if runtime != OPENVINO:
        return runtime
    from detector.openvino_networks import capabilities  # noqa: PLC0415 - OpenVINO comes in with a network

    if manifest.int8 and "INT8" in capabilities():
        return INT8
    return BFLOAT16 if "BF16" in capabilities() else FLOAT32


def named_version(manifest: Manifest, runtime: str) -> str:
    """The model's version as rows have it that this runtime computes: each gives a little different ones."""
    return manifest.version if runtime == TENSORFLOW else f"{manifest.version}+{runtime}"


def _load_tensorflow(weights: Weights) -> "_ThreeNetworks":
    from detector.models.tensorflow_backend import networks_of  # noqa: PLC0415 - TensorFlow comes in with a network, not before

    return networks_of(weights)


def _load_openvino(model_dir: Path, manifest: Manifest, runtime: str, weights: Weights) -> "_ThreeNetworks":
    from detector.openvino_networks import OpenVinoNetwork, build_model, read_model  # noqa: PLC0415

    def load(architecture: Architecture, name: str) -> OpenVinoNetwork | None:
        arrays: list[FloatArray] = getattr(weights, name)
        if not arrays:
            return None
        float_model = build_model(architecture, arrays)
        model = read_model(*load_int8(model_dir, manifest, name)) if runtime == INT8 else float_model
        precision = "bf16" if runtime == BFLOAT16 else "f32"
        return OpenVinoNetwork(model, precision, sum(array.size for array in arrays))

    fcn = load(FCN, "fcn")
    if fcn is None:
        raise ValueError("the model has no FCN")
    return fcn, load(SECOND_LOOK, "refiner"), load(GATE, "gate")


_ThreeNetworks = tuple[Network, Network | None, Network | None]
"""FCN, refiner and gate."""

IMAGE = "svhn_train_981.png"
"""The built-in image: small, with three different digits, and nothing else that could be one."""

_SCORE = 0.5
"""Digits from here on are recorded: a score is at most the label's probability, so no other label is as likely."""

_SCORE_TOLERANCE = 0.05

_LEAST_IOU = 0.7


def load_checked(model_dir: Path | None = None, runtime: str = OPENVINO) -> DigitDetector:
    """Loads the model in `model_dir`, or the embedded one, and checks that it works here; so it is warm, too.

    Raises:
        ModelError: if a file is missing or damaged, or the model does not find what its manifest records.
        InvalidOptionError: if the runtime, see `detector.pipeline.loading`, is not there.
    """
    detector = DigitDetector.load(model_dir, runtime=runtime)
    try:
        check(detector)
    except ModelError as error:
        raise ModelError(f"{model_dir or EMBEDDED}: {error}") from error
    return detector


def record_self_check(model_dir: Path) -> None:
    """Writes into the manifest of a model what it finds in the built-in image.

    Raises:
        ModelError: if a file is missing, damaged, or not what the manifest says.
    """
    detector = DigitDetector.load(model_dir, runtime=TENSORFLOW)
    found = _find(detector, _SCORE)
    record = {
        "image": IMAGE,
        "sha256": hashlib.sha256(_image()).hexdigest(),
        "digits": [{"label": digit.label, "box": [round(edge, 2) for edge in digit.box]} for digit in found],
    }
    write_manifest(model_dir, replace(detector.manifest, self_check=record))


def check(detector: DigitDetector) -> None:
    """Has the detector find the digits of the built-in image.

    Raises:
        ModelError: if they are not what its manifest records.
    """
    record = detector.manifest.self_check
    if not record:
        raise ModelError("the manifest records no self check: scripts/record_self_check.py writes one")
    expected = _recorded(record)
    found = _find(detector, _SCORE - _SCORE_TOLERANCE)
    sure = found.select(found.scores >= _SCORE + _SCORE_TOLERANCE)
    if not (_all_among(expected, found) and _all_among(sure, expected)):
        raise ModelError(
            f"in the built-in image {IMAGE} it finds {_text(sure)}, its manifest records {_text(expected)}: "
            "it does not work on this machine as it did where it was made"
        )


def _recorded(record: dict[str, Any]) -> Detections:
    if (record.get("image"), record.get("sha256")) != (IMAGE, hashlib.sha256(_image()).hexdigest()):
        raise ModelError(
            f"the manifest's self check is of another image than the built-in {IMAGE}: "
            "scripts/record_self_check.py makes it anew"
        )
    try:
        digits = record["digits"]
        boxes = np.array([digit["box"] for digit in digits], np.float64).reshape(-1, 4)
        labels = np.array([digit["label"] for digit in digits], np.int32)
        return Detections(np.clip(boxes, -1e6, 1e6), labels, np.ones(len(labels)))  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"the manifest's self check is damaged: {error}") from error


def _find(detector: DigitDetector, score: float) -> Detections:
    return detector.detect(_image(), DetectOptions(score_threshold=score)).digits


def _all_among(digits: Detections, others: Detections) -> bool:
    """Whether each of `digits` is one of `others`: the same label, in the same place."""
    same_label = digits.labels[:, None] == others.labels[None, :]
    same_place = iou(digits.boxes, others.boxes) >= _LEAST_IOU
    return bool((same_label & same_place).any(axis=1).all())


def _text(digits: Detections) -> str:
    places = (f"{digit.label} at {[round(edge) for edge in digit.box]}" for digit in list(digits)[:10])
    return ", ".join(places) or "nothing"


def _image() -> bytes:
    return (Path(__file__).parents[1] / "samples" / IMAGE).read_bytes()
