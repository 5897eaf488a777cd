"""Training the refiner on a few real images, in whole and interrupted."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from detector.models.model_files import EMBEDDED, load_model
from detector.pipeline.detector import DigitDetector
from detector.pipeline.loading import load_checked
from tests.training.interruption import finished_run, forget_setting, interrupted_after
from tests.training.official_files import write_tiny_data
from training.cli.main import main
from training.engine.checkpoint import load_state
from training.engine.training_run import CHECKPOINT
from training.errors import DataError, ResumeError
from training.refiner.recipes import REFINER
from training.refiner.train_refiner import train_refiner

RECIPE = replace(REFINER, steps=4, batch=16, warmup=2, validate_every=2, average=0.5, rendered=3)


class Runs(NamedTuple):
    data: Path
    whole: Path
    interrupted: Path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, untraced: None) -> Runs:
    """One run in one go, and one that is interrupted after its third step."""
    folder = tmp_path_factory.mktemp("refiner")
    data = write_tiny_data(folder / "data")
    train_refiner(RECIPE, None, data, folder / "whole")
    with interrupted_after(3):
        train_refiner(RECIPE, None, data, folder / "interrupted")
    train_refiner(RECIPE, None, data, folder / "interrupted")
    return Runs(data, folder / "whole", folder / "interrupted")


@pytest.mark.slow
def test_an_interrupted_run_ends_with_the_weights_of_one_that_was_not(runs: Runs) -> None:
    whole, again = (load_model(out)[0] for out in (runs.whole, runs.interrupted))
    assert len(whole.refiner) > 30
    for array, other in zip(whole.refiner, again.refiner, strict=True):
        np.testing.assert_allclose(other, array, rtol=0, atol=1e-6)
    state = load_state(runs.whole / CHECKPOINT, RECIPE)
    assert state is not None
    assert state.step == RECIPE.steps


@pytest.mark.slow
def test_the_model_is_whole_and_says_how_it_was_made(runs: Runs) -> None:
    weights, manifest = load_model(runs.whole)
    for array, embedded in zip(weights.fcn, load_model(EMBEDDED)[0].fcn, strict=True):
        np.testing.assert_array_equal(array, embedded)
    assert "refiner" in manifest.training["refiner"]["command"]
    assert "svhn-fcn" in manifest.training["fcn"]["command"]
    detector = load_checked(runs.whole)
    fcn = sum(array.size for array in weights.fcn)
    assert detector.info().parameter_count == fcn + sum(array.size for array in weights.refiner)
    assert json.loads((runs.whole / "metrics.json").read_text())[-1]["step"] == RECIPE.steps


@pytest.mark.slow
def test_the_refiner_is_asked(runs: Runs) -> None:
    """A network that has hardly learned anything lowers what the first one is sure of."""
    image = (EMBEDDED.parent / "samples" / "svhn_train_981.png").read_bytes()
    found = DigitDetector.load(runs.whole).detect(image)
    assert found.stage_seconds["refiner"] > 0
    weights, manifest = load_model(runs.whole)
    from detector.models.tensorflow_backend import Fcn  # noqa: PLC0415

    assert len(found.digits) < len(DigitDetector(Fcn(weights.fcn), manifest).detect(image).digits)


@pytest.mark.slow
def test_another_recipe_does_not_go_on_with_a_run(runs: Runs, tmp_path: Path) -> None:
    out = shutil.copytree(runs.whole, tmp_path / "out")
    with pytest.raises(ResumeError, match="other settings"):
        train_refiner(replace(REFINER, steps=5, rendered=3), None, runs.data, out)


def test_missing_data_is_named_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"svhn/train/digitStruct\.mat"):
        train_refiner(RECIPE, None, tmp_path / "nothing", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_model_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--fcn", str(tmp_path / "nowhere")]
    assert main(["refiner", *options]) == 2
    assert "nowhere" in capsys.readouterr().err


@pytest.mark.parametrize("fcn", ["the embedded one's", "of an earlier version"])
def test_a_finished_run_has_nothing_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fcn: str
) -> None:
    known = load_model(EMBEDDED)[1].sha256 if fcn == "the embedded one's" else ""
    command = finished_run(tmp_path, replace(REFINER, fcn=known))
    if not known:
        forget_setting(tmp_path / "out" / CHECKPOINT, "fcn")
    assert main(command) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_a_run_on_another_fcn_is_not_gone_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(finished_run(tmp_path, replace(REFINER, fcn="0123"))) == 2
    assert "other settings (fcn was 0123, is " in capsys.readouterr().err


def test_the_recorded_command_names_the_fcn() -> None:
    assert replace(REFINER, fcn="0123", rendered=5).arguments == " --fcn FCN --rendered 5"
