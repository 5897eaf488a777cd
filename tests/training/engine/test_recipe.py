"""Recipes: the numbers of every preset are those of the release before, whose runs go on."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from tests.training.official_files import TEST_DATA
from training.engine.checkpoint import load_state
from training.engine.recipe import DISTILLED, LONG, SHORT, TrainingRecipe
from training.errors import ResumeError
from training.fcn.recipes import FCN_TEACHER, SVHN_FCN
from training.fcn.recipes import FINE_TUNING as FCN_FINE_TUNING
from training.gate.recipe import GATE
from training.refiner.recipes import FINE_TUNING as REFINER_FINE_TUNING
from training.refiner.recipes import REFINER, REFINER_TEACHER

WRITTEN: dict[str, dict[str, Any]] = json.loads((TEST_DATA / "recipes_of_version_0.2.json").read_text())
"""The settings of each command's recipe, as version 0.2 wrote them into recipe.json and checkpoints."""

NOW: dict[str, TrainingRecipe] = {
    "svhn-fcn": SVHN_FCN,
    "svhn-fcn --init": replace(FCN_FINE_TUNING[SHORT], init="0"),
    "svhn-fcn --init --preset long": replace(FCN_FINE_TUNING[LONG], init="0"),
    "svhn-fcn --init --teacher": replace(FCN_FINE_TUNING[DISTILLED], init="0", teacher="1"),
    "refiner": REFINER,
    "refiner --init": replace(REFINER_FINE_TUNING[SHORT], init="0", fcn="0"),
    "refiner --init --preset long": replace(REFINER_FINE_TUNING[LONG], init="0", fcn="0"),
    "refiner --init --teacher": replace(REFINER_FINE_TUNING[DISTILLED], init="0", fcn="0", teacher="1"),
    "gate": GATE,
    "teacher svhn-fcn": FCN_TEACHER,
    "teacher refiner": replace(REFINER_TEACHER, fcn="0"),
}


def test_every_recipe_has_its_former_settings() -> None:
    assert NOW.keys() == WRITTEN.keys()


def former_checkpoint(path: Path, settings: dict[str, Any]) -> Path:
    """A checkpoint after step 7, as version 0.2 wrote it."""
    text = json.dumps(settings, sort_keys=True)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    metadata = {"step": "7", "recipe": fingerprint, "settings": text, "history": "[]", "seconds": "1.5"}
    path.write_bytes(save({"weights/0000": np.zeros(2, np.float32)}, metadata))
    return path


@pytest.mark.parametrize("command", NOW)
def test_a_run_of_the_release_before_goes_on(command: str, tmp_path: Path) -> None:
    state = load_state(former_checkpoint(tmp_path / "checkpoint", WRITTEN[command]), NOW[command])
    assert state is not None
    assert state.step == 7


@pytest.mark.parametrize("command", NOW)
def test_a_run_of_the_release_before_with_other_settings_is_refused(command: str, tmp_path: Path) -> None:
    path = former_checkpoint(tmp_path / "checkpoint", WRITTEN[command])
    with pytest.raises(ResumeError, match="seed was 1, is 2"):
        load_state(path, replace(NOW[command], seed=2))


def test_a_setting_under_its_former_name_counts(tmp_path: Path) -> None:
    path = former_checkpoint(tmp_path / "checkpoint", WRITTEN["gate"])
    with pytest.raises(ResumeError, match="batch was 6, is 7"):
        load_state(path, replace(GATE, batch=7))
