"""Models of version 0.1 are still read: their weights and manifests call the refiner second_look."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from detector.models.model_files import EMBEDDED, MANIFEST, WEIGHTS, load_model

FORMER_MANIFEST = Path(__file__).resolve().parents[2] / "data" / "manifest_of_version_0.1.json"


@pytest.fixture
def former(tmp_path: Path) -> Path:
    """The embedded model as version 0.1 wrote it, without a gate, and with a manifest that it did write."""
    arrays = load((EMBEDDED / WEIGHTS).read_bytes())
    content = save(
        {
            name.replace("refiner", "second_look"): array
            for name, array in arrays.items()
            if not name.startswith("gate/")
        }
    )
    manifest = json.loads(FORMER_MANIFEST.read_text("utf-8"))
    manifest["sha256"] = hashlib.sha256(content).hexdigest()
    (tmp_path / WEIGHTS).write_bytes(content)
    (tmp_path / MANIFEST).write_text(json.dumps(manifest), "utf-8")
    return tmp_path


def test_the_fixture_is_in_the_former_form(former: Path) -> None:
    names = load((former / WEIGHTS).read_bytes())
    assert {name.partition("/")[0] for name in names} == {"fcn", "second_look"}
    assert "second_look" in json.loads(FORMER_MANIFEST.read_text("utf-8"))["training"]


def test_the_networks_are_found_under_their_former_names(former: Path) -> None:
    weights, _ = load_model(former)
    now, _ = load_model(EMBEDDED)
    for network in ("fcn", "refiner"):
        pairs = list(zip(getattr(weights, network), getattr(now, network), strict=True))
        assert pairs
        assert all(np.array_equal(old, new) for old, new in pairs)


def test_the_record_of_their_training_is_found_under_its_present_name(former: Path) -> None:
    _, manifest = load_model(former)
    assert sorted(manifest.training) == ["fcn", "refiner"]
    assert manifest.training["refiner"]["command"].startswith("digit-detector-train second-look")
