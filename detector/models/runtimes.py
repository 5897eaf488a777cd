"""The runtimes of a detector's networks: OpenVINO in one of three precisions, or TensorFlow, the reference."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from detector.models.backend import Network
from detector.models.layers import FCN, GATE, REFINER, Architecture
from detector.models.model_files import Manifest, Weights, load_int8, load_model
from detector.results.detections import FloatArray
from detector.results.errors import InvalidOptionError, ModelError, needing

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
        refiner: the one that refines what the first proposes; None if the model has none.
        gate: the one that chooses the windows that the first reads; None if the model has none.
    """

    manifest: Manifest
    runtime: str
    fcn: Network
    refiner: Network | None
    gate: Network | None


def load_networks(model_dir: Path, runtime: str = OPENVINO, threads: int | None = None) -> Networks:
    """Load and verify the model in `model_dir`.

    Args:
        model_dir: the model's folder.
        runtime: one of `RUNTIMES`.
        threads: how many threads compute at a time; None for the runtime's own choice.

    Raises:
        ModelError: if a file is missing, damaged, or not what the manifest says.
        InvalidOptionError: if the runtime or the number of threads is none, or the model has no networks in int8, and
            they are asked for.
        MissingLibraryError: if the runtime is TensorFlow, and that is not installed.
    """
    if threads is not None and not (isinstance(threads, int) and threads >= 1):
        raise InvalidOptionError("threads", f"must be a whole number from 1 on, got {threads!r}")
    weights, manifest = load_model(model_dir)
    runtime = chosen_runtime(runtime, manifest)
    load = (
        partial(_load_tensorflow, threads)
        if runtime == TENSORFLOW
        else partial(_load_openvino, model_dir, manifest, runtime, threads)
    )
    try:
        fcn, refiner, gate = load(weights)
    except ValueError as error:
        raise ModelError(f"{model_dir}: {error}") from error
    return Networks(replace(manifest, version=named_version(manifest, runtime)), runtime, fcn, refiner, gate)


def chosen_runtime(runtime: str, manifest: Manifest) -> str:
    """Return the runtime itself, or for `OPENVINO` its fastest precision that is right on this processor.

    That is int8 if the model has its networks in it: it was measured to take half the time of bfloat16 and a fifth of
    that of float32 with AVX512-VNNI, and a third of that of float32 with AVX2 alone. Without, it is bfloat16 where the
    processor has instructions for it (AMX, AVX512-BF16), and float32 elsewhere.

    Raises:
        InvalidOptionError: if it is no runtime, or the model has no networks in int8, and they are asked for.
    """
    if runtime not in RUNTIMES:
        raise InvalidOptionError("runtime", f"must be one of {', '.join(RUNTIMES)}; got {runtime!r}")
    if runtime == INT8 and not manifest.int8:
        raise InvalidOptionError(
            "runtime", "the model has no networks in int8: digit-detector-train quantize"
        )
    if runtime != OPENVINO:
        return runtime
    from detector.models.openvino_backend import capabilities  # noqa: PLC0415 - OpenVINO comes in with a network

    if manifest.int8 and "INT8" in capabilities():
        return INT8
    return BFLOAT16 if "BF16" in capabilities() else FLOAT32


def named_version(manifest: Manifest, runtime: str) -> str:
    """Return the model's version as rows have it that this runtime computes: each gives a little different ones."""
    return manifest.version if runtime == TENSORFLOW else f"{manifest.version}+{runtime}"


def _load_tensorflow(threads: int | None, weights: Weights) -> "_ThreeNetworks":
    with needing("the runtime tensorflow", "digit-detector[train]"):  # it comes in with a network, not before
        from detector.models.tensorflow_backend import networks_of, use_threads  # noqa: PLC0415
    if threads is not None:
        use_threads(threads)
    return networks_of(weights)


def _load_openvino(
    model_dir: Path, manifest: Manifest, runtime: str, threads: int | None, weights: Weights
) -> "_ThreeNetworks":
    from detector.models.openvino_backend import OpenVinoNetwork, build_model, read_model  # noqa: PLC0415

    def load(architecture: Architecture, name: str) -> OpenVinoNetwork | None:
        arrays: list[FloatArray] = getattr(weights, name)
        if not arrays:
            return None
        float_model = build_model(architecture, arrays)
        model = read_model(*load_int8(model_dir, manifest, name)) if runtime == INT8 else float_model
        precision = "bf16" if runtime == BFLOAT16 else "f32"
        return OpenVinoNetwork(model, precision, sum(array.size for array in arrays), threads)

    fcn = load(FCN, "fcn")
    if fcn is None:
        raise ValueError("the weights do not fit this network: none are of an FCN")
    return fcn, load(REFINER, "refiner"), load(GATE, "gate")


_ThreeNetworks = tuple[Network, Network | None, Network | None]
"""FCN, refiner and gate."""
