"""A model on disk: `weights.safetensors` (arrays and nothing else) and `manifest.json`, which says what they are.

Beside them may lie its networks in int8, as files of OpenVINO, `fcn-int8.xml` and so on. The architecture is code; a
model folder holds no code, no pickles and no links. The manifest's sha256 of a file is verified before a byte of it
is parsed.
"""

import hashlib
import json
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from detector.models.operating_point import OperatingPoint
from detector.results.detections import FloatArray
from detector.results.errors import ModelError
from detector.system.files import write_whole
from detector.system.json_records import read_record, to_json

EMBEDDED = Path(__file__).parents[1] / "weights"
"""The model that is used when none is named."""

MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
_FORMER_NAMES = {"second_look": "refiner"}
"""Networks as models of version 0.1 call them, in weights and manifests."""

_MAX_WEIGHT_BYTES = 64 * 1024 * 1024
_MAX_INT8_BYTES = 64 * 1024 * 1024
_MAX_MANIFEST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Manifest:
    """The description of a model.

    Attributes:
        name: the recipe's name.
        version: the model's version: a release's, or the first digits of `sha256`.
        sha256: hex digest of the weights file.
        training_data: what it was trained on, and under which terms.
        training: command, seed, time, data counts and the figures reached, as training recorded them.
        self_check: what it finds in a built-in image, as `detector.pipeline.loading` recorded it; empty if nobody did.
        operating_point: what its scores mean and which of them count; the default if nobody chose one.
        int8: hex digests of the files of its networks in int8, by their names; empty if it has none.
    """

    name: str
    version: str
    sha256: str
    training_data: str
    training: dict[str, Any] = field(default_factory=dict)
    self_check: dict[str, Any] = field(default_factory=dict)
    operating_point: OperatingPoint = field(default_factory=OperatingPoint)
    int8: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Weights:
    """The arrays of a model's networks, each network's in its order.

    Attributes:
        fcn: of the network that slides over images.
        refiner: of the one that refines what the first proposes; empty if the model has none.
        gate: of the one that chooses the windows that the first reads; empty if the model has none.
    """

    fcn: list[FloatArray]
    refiner: list[FloatArray] = field(default_factory=list)
    gate: list[FloatArray] = field(default_factory=list)


def save_model(folder: Path, weights: Weights, manifest: Manifest) -> Manifest:
    """Write weights (as float16) and manifest to `folder`; return the manifest with the file's sha256.

    Networks in int8 that were made of earlier weights are no part of the model any more.
    A manifest without a version gets one: the first digits of that hash, so other weights are another version.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        f"{network.name}/{index:03d}": np.ascontiguousarray(array, np.float16)
        for network in fields(weights)
        for index, array in enumerate(getattr(weights, network.name))
    }
    content = save(arrays)
    sha256 = hashlib.sha256(content).hexdigest()
    manifest = replace(manifest, sha256=sha256, version=manifest.version or sha256[:12], int8={})
    write_whole(folder / WEIGHTS, content)
    write_manifest(folder, manifest)
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of the weights that are in `folder`."""
    text = json.dumps(to_json(manifest), indent=2, ensure_ascii=False)
    write_whole(folder / MANIFEST, f"{text}\n".encode())


def load_model(folder: Path) -> tuple[Weights, Manifest]:
    """Read and verify a model folder.

    Returns:
        The networks' arrays as float32, and the manifest.

    Raises:
        ModelError: naming the file, if one is missing, too large, damaged, or not what the manifest says.
    """
    manifest = read_manifest(folder)
    path = folder / WEIGHTS
    content = _read_verified(path, _MAX_WEIGHT_BYTES, manifest.sha256)
    try:
        arrays = load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise ModelError(f"{path}: not a safetensors file: {error}") from error
    return _sorted_out(arrays, path), manifest


def read_model_files(folder: Path) -> dict[str, bytes]:
    """Return the files of a model folder, by their names: written to another folder, they are the same model.

    Raises:
        ModelError: naming the file, if one is missing or too large.
    """
    limits = {MANIFEST: _MAX_MANIFEST_BYTES, WEIGHTS: _MAX_WEIGHT_BYTES}
    limits |= dict.fromkeys(read_manifest(folder).int8, _MAX_INT8_BYTES)
    return {name: _read(folder / name, limit) for name, limit in limits.items()}


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a model folder.

    Raises:
        ModelError: naming the file, if it is missing, too large or damaged.
    """
    return _read_manifest(folder / MANIFEST)


def save_int8(folder: Path, files: dict[str, bytes]) -> Manifest:
    """Write the networks in int8 of the weights that are in `folder`; return the manifest that names them."""
    manifest = read_manifest(folder)
    for name, content in files.items():
        write_whole(folder / name, content)
    manifest = replace(manifest, int8={name: hashlib.sha256(files[name]).hexdigest() for name in files})
    write_manifest(folder, manifest)
    return manifest


def load_int8(folder: Path, manifest: Manifest, network: str) -> tuple[bytes, bytes]:
    """Read and verify a network in int8: its graph and its constants, as OpenVINO reads them.

    Raises:
        ModelError: naming the file, if one is missing, too large, or not what the manifest says.
    """
    graph, constants = (
        _read_verified(folder / name, _MAX_INT8_BYTES, manifest.int8.get(name, "of no such file"))
        for name in int8_names(network)
    )
    return graph, constants


def int8_names(network: str) -> tuple[str, str]:
    """Return the names of the files of a network in int8: of its graph, and of its constants."""
    return f"{network}-int8.xml", f"{network}-int8.bin"


def _sorted_out(arrays: dict[str, NDArray[Any]], path: Path) -> Weights:
    networks: dict[str, list[FloatArray]] = {network.name: [] for network in fields(Weights)}
    for name in sorted(arrays):
        network = name.partition("/")[0]
        network = _FORMER_NAMES.get(network, network)
        if network not in networks:
            raise ModelError(f"{path}: holds {name}, which belongs to no network of this version")
        networks[network].append(_finite(arrays[name], path))
    return Weights(**networks)


def _read_manifest(path: Path) -> Manifest:
    try:
        manifest = read_record(Manifest, _read(path, _MAX_MANIFEST_BYTES))
    except ValueError as error:
        raise ModelError(f"{path}: not a model manifest: {error}") from error
    if not set(manifest.int8) <= _INT8_FILES:
        raise ModelError(f"{path}: int8 must be digests of {', '.join(sorted(_INT8_FILES))}")
    training = {_FORMER_NAMES.get(name, name): value for name, value in manifest.training.items()}
    return replace(manifest, training=training)


def _read_verified(path: Path, limit: int, sha256: str) -> bytes:
    content = _read(path, limit)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ModelError(f"{path}: sha256 is {found}, the manifest says {sha256}: damaged or replaced")
    return content


def _read(path: Path, limit: int) -> bytes:
    if path.is_fifo():  # to open it would be to wait for somebody who writes
        raise ModelError(f"{path}: a pipe, not a file")
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise ModelError(
            f"{path}: {error.strerror}; a model folder holds {MANIFEST} and {WEIGHTS}"
        ) from error
    if len(content) > limit:
        raise ModelError(f"{path}: larger than {limit} bytes, which no model of this network is")
    return content


def _finite(array: NDArray[Any], path: Path) -> FloatArray:
    if array.dtype not in (np.float16, np.float32) or not np.isfinite(array).all():
        raise ModelError(f"{path}: holds an array that is not finite float16 or float32")
    return np.asarray(array, np.float32)


_INT8_FILES = {name for network in fields(Weights) for name in int8_names(network.name)}
