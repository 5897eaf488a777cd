"""A model is used by a server only if it finds in a built-in image what its manifest says that it finds there."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.models.model_files import EMBEDDED, Weights, load_model, save_model
from detector.models.runtimes import TENSORFLOW
from detector.pipeline.loading import IMAGE, load_checked, record_self_check
from detector.results.errors import ModelError

Record = dict[str, Any]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the embedded model."""
    return shutil.copytree(EMBEDDED, tmp_path / "model")


def change_record(model: Path, change: Callable[[Record], object]) -> None:
    path = model / "manifest.json"
    known = json.loads(path.read_text(encoding="utf-8"))
    change(known["self_check"])
    path.write_text(json.dumps(known), encoding="utf-8")


def test_the_embedded_model_works_here() -> None:
    record = load_checked().manifest.self_check
    assert record["image"] == IMAGE
    assert sorted(digit["label"] for digit in record["digits"]) == [1, 4, 5], "the number in it is 415"


@pytest.fixture
def in_bfloat16() -> Iterator[None]:
    import keras  # noqa: PLC0415 - TensorFlow comes in with it

    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    yield
    keras.mixed_precision.set_global_policy("float32")


@pytest.mark.slow
@pytest.mark.usefixtures("in_bfloat16")
def test_a_machine_that_rounds_far_more_coarsely_finds_the_same() -> None:
    assert load_checked(runtime=TENSORFLOW).manifest.self_check


def first_digit(name: str, value: object) -> Callable[[Record], object]:
    return lambda record: record["digits"][0].update({name: value})


OTHER_RECORDS: dict[str, tuple[str, Callable[[Record], object]]] = {
    "none": ("records no self check", lambda record: record.clear()),
    "another image": ("another image", lambda record: record.update(image="../weights/manifest.json")),
    "another hash": ("another image", lambda record: record.update(sha256="0" * 64)),
    "no hash": ("another image", lambda record: record.pop("sha256")),
    "another label": ("it finds", first_digit("label", 8)),
    "another place": ("it finds", first_digit("box", [0, 0, 10, 20])),
    "a digit more": (
        "it finds",
        lambda record: record["digits"].append({"label": 7, "box": [0, 0, 10, 20]}),
    ),
    "a digit less": ("it finds", lambda record: record["digits"].pop()),
    "nothing": ("manifest records nothing", lambda record: record["digits"].clear()),
    "no digits": ("damaged", lambda record: record.pop("digits")),
    "digits as text": ("damaged", lambda record: record.update(digits="156")),
    "a digit as text": ("damaged", lambda record: record.update(digits=["156"])),
    "a label that is no digit": ("damaged", first_digit("label", 10)),
    "a label beyond 32 bits": ("damaged", first_digit("label", 2**40)),
    "a box of three edges": ("damaged", first_digit("box", [1, 2, 3])),
    "a box of text": ("damaged", first_digit("box", ["a", "b", "c", "d"])),
    "a box inside out": ("damaged", first_digit("box", [10, 20, 0, 0])),
    "a box of NaN": ("damaged", first_digit("box", [float("nan")] * 4)),
    "a box beyond all numbers": ("damaged", first_digit("box", [10**400] * 4)),
    "a box of large numbers": ("it finds", first_digit("box", [0, 0, 1e300, 1e300])),
}


@pytest.mark.parametrize(("message", "change"), OTHER_RECORDS.values(), ids=OTHER_RECORDS.keys())
def test_a_model_that_does_not_find_what_is_recorded_is_refused(
    model: Path, message: str, change: Callable[[Record], object]
) -> None:
    change_record(model, change)
    with pytest.raises(ModelError, match=message) as refusal:
        load_checked(model)
    assert str(model) in str(refusal.value)
    assert len(str(refusal.value)) < 1000, "the message is for reading"


@pytest.mark.slow
def test_weights_that_are_whole_but_see_nothing_are_refused(model: Path) -> None:
    weights, manifest = load_model(model)
    blank = Weights([np.zeros_like(array) for array in weights.fcn])
    save_model(model, blank, manifest)  # their hash is in the manifest
    with pytest.raises(ModelError, match="it finds"):
        load_checked(model)
    record_self_check(model)
    assert load_checked(model).manifest.self_check["digits"] == [], "a poor model is a model, too"


@pytest.mark.slow
def test_the_script_records_the_same_again(model: Path, checkout: Path) -> None:
    expected = load_model(EMBEDDED)[1]
    change_record(model, lambda record: record.clear())
    command = [sys.executable, checkout / "scripts" / "record_self_check.py", model]
    subprocess.run(command, check=True, capture_output=True)
    found = load_model(model)[1]
    assert replace(found, self_check=expected.self_check) == expected
    for digit, recorded in zip(found.self_check["digits"], expected.self_check["digits"], strict=True):
        assert digit["label"] == recorded["label"]
        assert digit["box"] == pytest.approx(recorded["box"], abs=0.5), "other processors round otherwise"


def test_the_script_names_what_it_cannot_read(tmp_path: Path, checkout: Path) -> None:
    command = [sys.executable, checkout / "scripts" / "record_self_check.py", tmp_path]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("record_self_check: ")
    assert "manifest.json" in done.stderr
