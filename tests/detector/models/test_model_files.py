"""Model folders: what is written is read back, and nothing but a whole, sane model is loaded."""

import hashlib
import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from detector.models.model_files import EMBEDDED, Manifest, Weights, load_model, save_model
from detector.models.operating_point import Calibration, OperatingPoint, Thresholds
from detector.pipeline.detector import DigitDetector
from detector.results.errors import ModelError

MANIFEST, WEIGHTS = "manifest.json", "weights.safetensors"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the embedded model."""
    return shutil.copytree(EMBEDDED, tmp_path / "model")


def test_other_weights_are_another_version(checkout: Path) -> None:
    """Every model that was ever embedded is listed; give new weights a new version, and add them."""
    known = json.loads((checkout / "tests/data/model_versions.json").read_text("utf-8"))
    _, manifest = load_model(EMBEDDED)
    assert known[manifest.version] == manifest.sha256
    assert len(set(known.values())) == len(known)


def test_a_model_without_a_version_is_called_after_its_weights(tmp_path: Path) -> None:
    versions = set()
    for value in (0, 1):
        weights = Weights([np.full(3, value, np.float32)])
        saved = save_model(tmp_path, weights, Manifest("mine", "", "", "anything"))
        assert saved.sha256.startswith(saved.version)
        assert load_model(tmp_path)[1].version == saved.version
        versions.add(saved.version)
    assert len(versions) == 2


def write_weights(folder: Path, content: bytes) -> None:
    """Weights whose hash the manifest confirms: hostile, not damaged."""
    (folder / WEIGHTS).write_bytes(content)
    change_manifest(folder, sha256=hashlib.sha256(content).hexdigest())


def change_manifest(folder: Path, **changes: Any) -> None:
    known = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    (folder / MANIFEST).write_text(json.dumps(known | changes), encoding="utf-8")


def change_array(folder: Path, change: Callable[[np.ndarray], np.ndarray], name: str = "fcn/000") -> None:
    arrays = load((folder / WEIGHTS).read_bytes())
    arrays[name] = np.ascontiguousarray(change(arrays[name]))
    write_weights(folder, save(arrays))


def with_value(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        changed = array.copy()
        changed.flat[1] = value
        return changed

    return change


def raw_safetensors(header: str, data: bytes = b"") -> bytes:
    encoded = header.encode()
    return struct.pack("<Q", len(encoded)) + encoded + data


def sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    weights = [np.array([[0.5, -2.25]], np.float32), np.array(3.0, np.float32), np.zeros((0, 4), np.float32)]
    weights += [np.full(2, i, np.float32) for i in range(20)]  # more than ten: 10 must not sort before 2
    point = OperatingPoint(0.4, Calibration((0, 0.5, 1), (0, 0.2, 0.9)), Thresholds(0.5, 0.25, 0.75))
    given = Manifest("svhn-fcn", "7", "", "SVHN, ü", {"seed": 3}, operating_point=point)
    manifest = save_model(tmp_path / "new" / "model", Weights(weights, weights[:1]), given)
    loaded, again = load_model(tmp_path / "new" / "model")
    assert again == manifest
    assert manifest.sha256 == hashlib.sha256((tmp_path / "new" / "model" / WEIGHTS).read_bytes()).hexdigest()
    assert (manifest.name, manifest.training_data, manifest.training) == ("svhn-fcn", "SVHN, ü", {"seed": 3})
    assert again.operating_point == point
    assert [array.dtype for array in loaded.fcn] == [np.float32] * len(weights)
    np.testing.assert_array_equal(loaded.refiner, weights[:1])
    for array, expected in zip(loaded.fcn, weights, strict=True):
        np.testing.assert_array_equal(array, expected)
    assert {path.name for path in (tmp_path / "new" / "model").iterdir()} == {MANIFEST, WEIGHTS}


def test_an_array_is_saved_as_it_reads_whatever_its_layout_in_memory(tmp_path: Path) -> None:
    """Networks trained elsewhere come transposed."""
    transposed = np.arange(6, dtype=np.float32).reshape(2, 3).T
    save_model(tmp_path, Weights([transposed]), Manifest("mine", "", "", "anything"))
    np.testing.assert_array_equal(load_model(tmp_path)[0].fcn[0], transposed)


def test_a_model_without_an_operating_point_works_at_the_default(model: Path) -> None:
    """Manifests from before it was there."""
    manifest = json.loads((model / MANIFEST).read_text())
    manifest.pop("operating_point", None)
    (model / MANIFEST).write_text(json.dumps(manifest))
    assert load_model(model)[1].operating_point == OperatingPoint()


def test_saving_again_replaces_the_model(model: Path) -> None:
    save_model(model, Weights([np.ones(3, np.float32)]), Manifest("other", "2", "", ""))
    weights, manifest = load_model(model)
    assert manifest.name == "other"
    assert [array.tolist() for array in weights.fcn] == [[1, 1, 1]]
    assert weights.refiner == []


def test_the_embedded_model_is_small_and_what_its_manifest_says() -> None:
    assert sum(path.stat().st_size for path in EMBEDDED.iterdir()) <= 4 * 1024 * 1024
    _, manifest = load_model(EMBEDDED)
    assert manifest.sha256 == hashlib.sha256((EMBEDDED / WEIGHTS).read_bytes()).hexdigest()


def test_half_precision_costs_half_a_thousandth(tmp_path: Path) -> None:
    weights = [np.random.default_rng(0).normal(0, 0.3, 5000).astype(np.float32)]
    save_model(tmp_path, Weights(weights), Manifest("a", "1", "", ""))
    np.testing.assert_allclose(load_model(tmp_path)[0].fcn[0], weights[0], rtol=5e-4, atol=1e-7)


DAMAGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "no folder": (MANIFEST, shutil.rmtree),
    "no manifest": (MANIFEST, lambda folder: (folder / MANIFEST).unlink()),
    "no weights": (WEIGHTS, lambda folder: (folder / WEIGHTS).unlink()),
    "a folder instead of weights": (
        WEIGHTS,
        lambda folder: ((folder / WEIGHTS).unlink(), (folder / WEIGHTS).mkdir()),
    ),
    "empty manifest": (MANIFEST, lambda folder: (folder / MANIFEST).write_bytes(b"")),
    "truncated manifest": (
        MANIFEST,
        lambda folder: (folder / MANIFEST).write_bytes((folder / MANIFEST).read_bytes()[:-20]),
    ),
    "a list": (MANIFEST, lambda folder: (folder / MANIFEST).write_text("[1, 2]")),
    "null": (MANIFEST, lambda folder: (folder / MANIFEST).write_text("null")),
    "an array of an unknown network": (
        WEIGHTS,
        lambda folder: write_weights(folder, save({"other/000": np.ones(2)})),
    ),
    "nested 100,000 deep": (MANIFEST, lambda folder: (folder / MANIFEST).write_text("[" * 100_000)),
    "a number of 100,000 digits": (MANIFEST, lambda folder: (folder / MANIFEST).write_text("9" * 100_000)),
    "not UTF-8": (MANIFEST, lambda folder: (folder / MANIFEST).write_bytes(b'{"name": "\xff"}')),
    "manifest of 16 MiB and a byte": (MANIFEST, lambda folder: sparse(folder / MANIFEST, 16 * 2**20 + 1)),
    "a key that nobody knows": (MANIFEST, lambda folder: change_manifest(folder, code="print(1)")),
    "a key is missing": (MANIFEST, lambda folder: (folder / MANIFEST).write_text('{"name": "svhn-fcn"}')),
    "a number as the name": (MANIFEST, lambda folder: change_manifest(folder, name=5)),
    "a list as the hash": (MANIFEST, lambda folder: change_manifest(folder, sha256=["0" * 64])),
    "text as the training record": (MANIFEST, lambda folder: change_manifest(folder, training="long")),
    "a number as the operating point": (MANIFEST, lambda folder: change_manifest(folder, operating_point=1)),
    "a word as a threshold": (
        MANIFEST,
        lambda folder: change_manifest(folder, operating_point={"thresholds": {"seed": "high"}}),
    ),
    "a threshold above 1": (
        MANIFEST,
        lambda folder: change_manifest(folder, operating_point={"thresholds": {"seed": 60}}),
    ),
    "a threshold that nobody knows": (
        MANIFEST,
        lambda folder: change_manifest(folder, operating_point={"thresholds": {"root": 0.5}}),
    ),
    "a weight of 1": (MANIFEST, lambda folder: change_manifest(folder, operating_point={"score_weight": 1})),
    "a calibration that falls": (
        MANIFEST,
        lambda folder: change_manifest(
            folder, operating_point={"calibration": {"scores": [0, 0.5, 1], "probabilities": [0, 0.9, 0.8]}}
        ),
    ),
    "a calibration of words": (
        MANIFEST,
        lambda folder: change_manifest(
            folder, operating_point={"calibration": {"scores": ["a", "b"], "probabilities": [0, 1]}}
        ),
    ),
    "a wrong hash": (WEIGHTS, lambda folder: change_manifest(folder, sha256="0" * 64)),
    "an empty hash": (WEIGHTS, lambda folder: change_manifest(folder, sha256="")),
    "one bit of the weights": (
        WEIGHTS,
        lambda folder: (folder / WEIGHTS).write_bytes(
            (folder / WEIGHTS).read_bytes()[:-1] + bytes([(folder / WEIGHTS).read_bytes()[-1] ^ 1])
        ),
    ),
    "truncated weights": (
        WEIGHTS,
        lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:1000]),
    ),
    "weights of 64 MiB and a byte": (WEIGHTS, lambda folder: sparse(folder / WEIGHTS, 64 * 2**20 + 1)),
    "empty weights, rightly hashed": (WEIGHTS, lambda folder: write_weights(folder, b"")),
    "garbage, rightly hashed": (WEIGHTS, lambda folder: write_weights(folder, b"\x80\x04garbage" * 9)),
    "truncated, rightly hashed": (
        WEIGHTS,
        lambda folder: write_weights(folder, (folder / WEIGHTS).read_bytes()[:-1]),
    ),
    "a header of 2^60 bytes": (
        WEIGHTS,
        lambda folder: write_weights(folder, struct.pack("<Q", 2**60) + b"{}"),
    ),
    "an array of 2^60 bytes": (
        WEIGHTS,
        lambda folder: write_weights(
            folder,
            raw_safetensors(
                '{"fcn/000": {"dtype": "F32", "shape": [288230376151711744], "data_offsets": [0, 1152921504606846976]}}'
            ),
        ),
    ),
    "a type that NumPy does not know": (
        WEIGHTS,
        lambda folder: write_weights(
            folder,
            raw_safetensors('{"fcn/000": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [0, 2]}}', b"ab"),
        ),
    ),
    "NaN": (WEIGHTS, lambda folder: change_array(folder, with_value(float("nan")))),
    "infinity": (WEIGHTS, lambda folder: change_array(folder, with_value(float("inf")))),
    "whole numbers": (WEIGHTS, lambda folder: change_array(folder, lambda array: array.astype(np.int8))),
    "double precision": (
        WEIGHTS,
        lambda folder: change_array(folder, lambda array: array.astype(np.float64)),
    ),
}


@pytest.mark.parametrize(("file", "damage"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_model_is_refused_by_name(model: Path, file: str, damage: Callable[[Path], object]) -> None:
    damage(model)
    with pytest.raises(ModelError) as refusal:
        load_model(model)
    assert str(model / file) in str(refusal.value)
    assert len(str(refusal.value)) < 1000, "the message is for reading"


@pytest.mark.parametrize(
    ("manifest", "named"),
    [
        ({"name": "a"}, "the field 'version' is missing, the field 'sha256' is missing"),
        ({"code": "x"}, "the field 'code' is not known to this version"),
        ({"name": 5}, "the field 'name' has to be text"),
        ({"training": []}, "the field 'training' has to be an object"),
        ({"self_check": None}, "the field 'self_check' has to be an object"),
    ],
    ids=["missing", "unknown", "a number", "a list", "null"],
)
def test_a_misread_manifest_names_the_field(model: Path, manifest: dict[str, Any], named: str) -> None:
    if "missing" in named:
        (model / MANIFEST).write_text(json.dumps(manifest))
    else:
        change_manifest(model, **manifest)
    with pytest.raises(ModelError) as refusal:
        load_model(model)
    assert named in str(refusal.value)
    assert "__init__" not in str(refusal.value)


MISFITS: dict[str, Callable[[Path], object]] = {
    "one array less": lambda folder: write_weights(
        folder, save({k: v for k, v in load((folder / WEIGHTS).read_bytes()).items() if k != "fcn/000"})
    ),
    "one array more": lambda folder: write_weights(
        folder, save(load((folder / WEIGHTS).read_bytes()) | {"fcn/999": np.zeros(3, np.float16)})
    ),
    "no arrays": lambda folder: write_weights(folder, save({})),
    "another size": lambda folder: change_array(folder, lambda array: array[..., :-1]),
    "another order of axes": lambda folder: change_array(folder, lambda array: array.T),
}


@pytest.mark.parametrize("damage", MISFITS.values(), ids=MISFITS.keys())
def test_a_model_of_another_network_is_refused_by_name(model: Path, damage: Callable[[Path], object]) -> None:
    damage(model)
    with pytest.raises(ModelError, match="do not fit") as refusal:
        DigitDetector.load(model)
    assert str(model) in str(refusal.value)
