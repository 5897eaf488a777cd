"""Models put together from the networks of others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detector.models.architecture import build_gate
from detector.models.model_files import EMBEDDED, Manifest, Weights, load_model, save_model
from detector.pipeline.loading import load_checked
from detector.results.detections import FloatArray
from training.errors import TrainingError
from training.fine_tuning.weight_averaging import average_models

UP = 1 + 2**-6
"""By so much the other model's arrays are larger: float16 keeps the mean apart from both."""


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """The embedded model with other arrays, trained on another picture."""
    weights, manifest = load_model(EMBEDDED)
    networks = ([array * np.float32(UP) for array in arrays] for arrays in (weights.fcn, weights.refiner))
    training = {"fcn": {"command": "f"}, "refiner": {"command": "s"}}
    save_model(
        tmp_path / "other", Weights(*networks), replace(manifest, training_data="others", training=training)
    )
    (tmp_path / "other" / "trained_on.txt").write_text("learn one-more.png\n")
    return tmp_path / "other"


def test_each_network_is_the_mean_of_those_named(other: Path, tmp_path: Path) -> None:
    average_models([other], [other, EMBEDDED], tmp_path / "out")
    (embedded, _), (changed, _), (made, manifest) = (
        load_model(path) for path in (EMBEDDED, other, tmp_path / "out")
    )
    for ours, theirs in zip(made.fcn, changed.fcn, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for ours, first, second in zip(made.refiner, changed.refiner, embedded.refiner, strict=True):
        np.testing.assert_allclose(ours, (first + second) / 2, rtol=1e-3, atol=1e-6)
    assert manifest.training["fcn"] == {"command": "f"}
    assert manifest.training["refiner"]["mean_of"][0] == {"command": "s"}
    assert manifest.training_data.startswith("others. Then: SVHN")
    assert "learn one-more.png\n" in (tmp_path / "out" / "trained_on.txt").read_text()


def test_a_model_is_made_of_itself(tmp_path: Path) -> None:
    before, known = load_model(EMBEDDED)
    trained = {name: known.training[name] for name in ("fcn", "refiner")}
    known = save_model(tmp_path / "gateless", replace(before, gate=[]), replace(known, training=trained))
    average_models([tmp_path / "gateless"], [tmp_path / "gateless"], tmp_path / "out")
    after, manifest = load_model(tmp_path / "out")
    assert manifest.sha256 == known.sha256
    assert manifest.training == known.training
    assert all(
        (a == b).all() for a, b in zip(before.fcn + before.refiner, after.fcn + after.refiner, strict=True)
    )
    assert load_checked(tmp_path / "out").manifest.sha256 == known.sha256, "it finds what it is to find"


def test_a_gate_is_left_to_be_trained_anew(tmp_path: Path) -> None:
    """It is trained to let through what the networks behind it find; those are others now."""
    weights, manifest = load_model(EMBEDDED)
    known = replace(manifest, training=manifest.training | {"gate": {"command": "g"}})
    save_model(tmp_path / "gated", replace(weights, gate=new_gate()), known)
    average_models([tmp_path / "gated"], [tmp_path / "gated"], tmp_path / "out")
    made, manifest = load_model(tmp_path / "out")
    assert not made.gate
    assert "gate" not in manifest.training


def new_gate() -> list[FloatArray]:
    return [np.asarray(array, np.float32) for array in build_gate().get_weights()]


def test_without_refiners_there_is_none(tmp_path: Path) -> None:
    average_models([EMBEDDED], [], tmp_path / "out")
    weights, manifest = load_model(tmp_path / "out")
    assert not weights.refiner
    assert list(manifest.training) == ["fcn"]


def test_what_cannot_be_put_together(tmp_path: Path) -> None:
    save_model(tmp_path / "alone", Weights(load_model(EMBEDDED)[0].fcn), Manifest("alone", "1", "", ""))
    with pytest.raises(TrainingError, match="alone has no refiner"):
        average_models([EMBEDDED], [tmp_path / "alone"], tmp_path / "out")
    with pytest.raises(TrainingError, match="would replace"):
        average_models([tmp_path / "alone"], [], tmp_path / "alone")
    assert not (tmp_path / "out").exists()
