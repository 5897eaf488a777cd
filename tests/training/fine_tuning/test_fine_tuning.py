"""Fine-tuning on a few real images: where it starts, what stays, when it ends, and what is refused."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.models.layers import CHANNELS
from detector.models.model_files import EMBEDDED, Manifest, Weights, load_model, save_model
from detector.pipeline.detector import DigitDetector
from detector.pipeline.loading import load_checked
from detector.results.detections import FloatArray
from tests.training.interruption import interrupted_after
from tests.training.official_files import write_tiny_data
from training.cli.main import main
from training.data.detector_data import load_detector_data
from training.engine.checkpoint import load_state
from training.engine.training_run import CHECKPOINT, Batch, has_stalled
from training.errors import ResumeError, TrainingError
from training.evaluation.validation import format_figures, validate
from training.fcn.recipes import FINE_TUNING as FCN_FINE_TUNING
from training.fcn.recipes import FcnFineTuning
from training.fine_tuning.fine_tune import fine_tune_fcn, fine_tune_refiner, starting_fcn, thinned
from training.fine_tuning.replay import mixed
from training.fine_tuning.start import Pictures, StartingModel
from training.refiner.recipes import FINE_TUNING as REFINER_FINE_TUNING
from training.refiner.recipes import REFINER
from training.samplers.targets import TARGET_CHANNELS

FROZEN = 3
"""Convolutions, each with a normalisation: 1 + 4 arrays each."""


def recipe_of(start: StartingModel, **settings: int) -> FcnFineTuning:
    short = {"steps": 4, "batch": 8, "warmup": 2, "validate_every": 2, "freeze": FROZEN} | settings
    preset = FCN_FINE_TUNING["short"]
    return replace(preset, init=start.manifest.sha256, replay_fraction=0.5, average=0.5, **short)


class Runs(NamedTuple):
    start: StartingModel
    pictures: Pictures
    whole: Path
    interrupted: Path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, untraced: None) -> Runs:
    """One run in one go, and one that is interrupted after its third step; both with old data mixed in."""
    folder = tmp_path_factory.mktemp("fine-tuning")
    data = write_tiny_data(folder / "data")
    start = StartingModel.load("embedded", folder / "whole")
    pictures = Pictures.load(data, data, None, 1)
    fine_tune_fcn(recipe_of(start), start, pictures, folder / "whole")
    with interrupted_after(3):
        fine_tune_fcn(recipe_of(start), start, pictures, folder / "interrupted")
    fine_tune_fcn(recipe_of(start), start, pictures, folder / "interrupted")
    return Runs(start, pictures, folder / "whole", folder / "interrupted")


@pytest.mark.slow
def test_an_interrupted_run_ends_with_the_weights_of_one_that_was_not(runs: Runs) -> None:
    whole, again = (load_model(out)[0] for out in (runs.whole, runs.interrupted))
    for array, other in zip(whole.fcn, again.fcn, strict=True):
        np.testing.assert_allclose(other, array, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_first_convolutions_stay_and_the_others_learn(runs: Runs) -> None:
    before, after = runs.start.weights.fcn, load_model(runs.whole)[0].fcn
    same = [(old == new).all() for old, new in zip(before, after, strict=True)]
    assert all(same[: 5 * FROZEN])
    assert not any(same[5 * FROZEN :])


@pytest.mark.slow
def test_the_refiner_is_kept(runs: Runs) -> None:
    before, after = runs.start.weights.refiner, load_model(runs.whole)[0].refiner
    assert len(before) > 30
    assert all((old == new).all() for old, new in zip(before, after, strict=True))


@pytest.mark.slow
def test_the_manifest_says_where_the_model_comes_from_and_what_changed(runs: Runs) -> None:
    manifest = load_checked(runs.whole).manifest
    known = manifest.training["fcn"]
    assert known["command"] == (
        "digit-detector-train svhn-fcn --steps 4 --seed 1 --init embedded --freeze 3 --replay-data DIR "
        "--data DIR --out DIR"
    )
    assert known["recipe"]["init"] == runs.start.manifest.sha256
    assert known["before"] == runs.start.manifest.training["fcn"]
    assert manifest.training["refiner"] == runs.start.manifest.training["refiner"]
    assert "non-commercial" in manifest.training_data
    figures = manifest.training["fine_tuning"]
    assert figures["own"]["before"] == validate(DigitDetector.load(), runs.pictures.own)
    assert figures["old"]["after"] == validate(DigitDetector.load(runs.whole), runs.pictures.own)


@pytest.mark.slow
def test_every_picture_that_the_model_has_seen_is_listed(runs: Runs) -> None:
    listed = (runs.whole / "trained_on.txt").read_text().splitlines()
    known = (EMBEDDED / "trained_on.txt").read_text().splitlines()
    assert listed[: len(known)] == known
    assert set(runs.pictures.own.files) <= set(listed)
    assert len(set(listed)) == len(listed)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", [{"init": "0" * 64}, {"replay_fraction": 0.0}], ids=["model", "no old data"]
)
def test_a_run_from_something_else_is_refused(runs: Runs, tmp_path: Path, change: dict[str, str]) -> None:
    out = shutil.copytree(runs.whole, tmp_path / "out")
    recipe = replace(recipe_of(runs.start), **change)  # type: ignore[arg-type]
    with pytest.raises(ResumeError, match="other settings"):
        fine_tune_fcn(recipe, runs.start, runs.pictures, out)


@pytest.mark.slow
def test_a_run_that_gets_no_better_ends_early_also_when_it_is_started_again(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, scores = tmp_path / "out", iter([0.5, 0.9, 0.7, 0.9, 0.99])

    def scored(detector: DigitDetector, pictures: Pictures) -> dict[str, float]:
        return {"score": next(scores)}

    monkeypatch.setattr("training.fine_tuning.fine_tune.validate_both", scored)
    monkeypatch.setattr("training.fine_tuning.fine_tune.report", lambda *_: None)
    recipe = recipe_of(runs.start, steps=9, validate_every=1, patience=2)
    fine_tune_fcn(recipe, runs.start, runs.pictures, out)
    assert "stopped after step 4: 2 validations in a row were no better" in capsys.readouterr().out
    state = load_state(out / CHECKPOINT, recipe)
    assert state is not None
    assert [row["score"] for row in state.history] == [0.5, 0.9, 0.7, 0.9]
    weights = (out / "weights.safetensors").read_bytes()
    fine_tune_fcn(recipe, runs.start, runs.pictures, out)
    assert "stopped after step 4" in capsys.readouterr().out
    assert next(scores) == 0.99, "nothing was validated again"
    assert (out / "weights.safetensors").read_bytes() == weights


@pytest.mark.slow
def test_the_refiner_goes_on_learning_from_what_another_fcn_proposes(runs: Runs, tmp_path: Path) -> None:
    proposing, out = StartingModel.load(str(runs.whole), tmp_path), tmp_path / "out"
    recipe = replace(
        REFINER_FINE_TUNING["short"],
        init=runs.start.manifest.sha256,
        fcn=proposing.manifest.sha256,
        steps=2,
        batch=16,
        warmup=1,
        average=0.5,
        replay_fraction=0.5,
        old_images=2,
    )
    fine_tune_refiner(recipe, runs.start, proposing, runs.pictures, out)
    weights, manifest = load_model(out)
    assert all((old == new).all() for old, new in zip(proposing.weights.fcn, weights.fcn, strict=True))
    before = runs.start.weights.refiner
    changed = [(old != new).any() for old, new in zip(before, weights.refiner, strict=True)]
    assert np.mean(changed) > 0.9
    pairs = zip(before, weights.refiner, strict=True)
    moved = max((np.abs(old - new) / np.maximum(np.abs(old), 1)).max() for old, new in pairs)
    assert moved < 0.5, "two batches of a network that goes on learning, not a new one"
    assert manifest.training["fcn"] == proposing.manifest.training["fcn"]
    assert manifest.training["refiner"]["before"] == runs.start.manifest.training["refiner"]
    with pytest.raises(ResumeError, match="other settings"):
        fine_tune_refiner(replace(recipe, fcn=recipe.init), runs.start, runs.start, runs.pictures, out)
    alone = replace(runs.start, weights=Weights(before), refiner=None)
    with pytest.raises(TrainingError, match="has no refiner"):
        fine_tune_refiner(recipe, alone, proposing, runs.pictures, tmp_path / "alone")
    assert not (tmp_path / "alone").exists()


def test_what_a_command_must_say_beside_steps_and_seed() -> None:
    of_fcn = FCN_FINE_TUNING["short"]
    assert [of_fcn.arguments, replace(of_fcn, freeze=0).arguments] == ["", " --freeze 0"]
    of_refiner = REFINER_FINE_TUNING["short"]
    assert [of_refiner.arguments, replace(of_refiner, rendered=4000).arguments] == ["", " --rendered 4000"]
    long = [FCN_FINE_TUNING["long"], REFINER_FINE_TUNING["long"]]
    assert [recipe.arguments for recipe in long] == [" --preset long", " --preset long"]
    distilled = [FCN_FINE_TUNING["distilled"], REFINER_FINE_TUNING["distilled"]]
    assert [recipe.arguments for recipe in distilled] == [" --teacher TEACHER"] * 2
    assert replace(long[0], freeze=4).arguments == " --preset long --freeze 4"
    assert [REFINER.arguments, replace(REFINER, rendered=0).arguments] == ["", " --rendered 0"]


@pytest.mark.parametrize(
    ("scores", "patience", "stalled"),
    [
        pytest.param([], 1, False, id="nothing yet"),
        pytest.param([0.5], 1, False, id="the first"),
        pytest.param([0.5, 0.4], 1, True, id="worse"),
        pytest.param([0.5, 0.5], 1, True, id="the same is no better"),
        pytest.param([0.5, 0.4, 0.6], 1, False, id="recovered"),
        pytest.param([0.5, 0.4, 0.4], 3, False, id="not for long enough"),
        pytest.param([0.6, 0.4, 0.5, 0.55], 3, True, id="better than the last, but never than the best"),
    ],
)
def test_when_a_run_has_stalled(scores: list[float], patience: int, stalled: bool) -> None:
    assert has_stalled([{"score": score} for score in scores], patience) == stalled


def test_it_starts_as_the_model_is() -> None:
    """Nothing of the network is built or ordered otherwise, frozen or not."""
    start = StartingModel.load("embedded", Path("elsewhere"))
    for frozen in (0, FROZEN):
        model = starting_fcn(start.weights.fcn, frozen)
        for array, known in zip(model.get_weights(), start.weights.fcn, strict=True):
            np.testing.assert_array_equal(array, known)


class Constant:
    """Makes batches that say how large they are to be, and who made them."""

    def __init__(self, value: float) -> None:
        self._value = value

    def batch(self, size: int, rng: np.random.Generator) -> Batch:
        images = np.full((size, 2, 2, 3), self._value, np.float32)
        return images, np.full((size, 1, 1, TARGET_CHANNELS), self._value, np.float32)


def silent(images: NDArray[np.uint8]) -> FloatArray:
    return np.zeros((len(images), 1, 1, CHANNELS), np.float32)


@pytest.mark.parametrize(
    ("size", "replay_fraction", "of_old"),
    [(8, 0.5, 4), (8, 0.25, 2), (8, 0.0, 0), (1, 0.5, 0), (7, 0.5, 4)],
)
def test_how_much_of_a_batch_is_old_data(size: int, replay_fraction: float, of_old: int) -> None:
    images, targets = mixed(Constant(1), Constant(2), size, replay_fraction, silent)(
        0, np.random.default_rng(0)
    )
    expected = [1] * (size - of_old) + [2] * of_old
    assert images[:, 0, 0, 0].tolist() == targets[:, 0, 0, 0].tolist() == expected


@pytest.mark.parametrize(("most", "left"), [(1, 1), (2, 2), (3, 2), (4, 4), (300, 4)])
def test_of_much_old_data_a_part_is_searched(tmp_path: Path, most: int, left: int) -> None:
    data = load_detector_data(write_tiny_data(tmp_path))
    part = thinned(data, most)
    assert len(part.sources.scenes) == len(part.learned) == left
    assert len(part.sources.photos) == 0
    for image, scene in zip(part.sources.scenes, part.learned, strict=True):
        np.testing.assert_array_equal(image.labels, scene.labels)


def test_without_old_data_a_batch_is_of_the_new_pictures() -> None:
    images, targets = mixed(Constant(1), None, 4, 0.5, silent)(0, np.random.default_rng(0))
    assert images[:, 0, 0, 0].tolist() == [1] * 4
    assert targets.shape[-1] == TARGET_CHANNELS


def test_the_report_shows_both_models_side_by_side() -> None:
    rows = {"before": {"f1_50": 0.5, "score": 0.4}, "after": {"f1_50": 0.75, "score": 0.3}}
    assert format_figures({"own": rows}).splitlines() == [
        "validation images             before   after   change",
        "own: f1_50                     0.500   0.750   +0.250",
        "own: score                     0.400   0.300   -0.100",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--init", "nowhere"], r"nowhere/manifest\.json: No such file", id="no such model"),
        pytest.param(["--init", "out"], "would replace the model of --init", id="onto itself"),
        pytest.param(["--replay-data", "data"], "name the model to start from", id="old data, but no model"),
        pytest.param(["--init", "embedded"], "digitStruct", id="no data"),
        pytest.param(["--init", "embedded", "--replay-data", "older"], "digitStruct", id="no old data"),
        pytest.param(["--init", "swapped"], "do not fit", id="weights of another network"),
    ],
)
@pytest.mark.parametrize("command", ["svhn-fcn", "refiner"])
def test_what_cannot_be_started_from(
    command: str,
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    if "swapped" in arguments:
        fcn = load_model(EMBEDDED)[0].fcn
        save_model(Path("swapped"), Weights(fcn[::-1]), Manifest("swapped", "1", "", ""))
    assert main([command, "--data", "data", "--out", "out", *arguments]) == 2
    assert message.replace("\\", "") in capsys.readouterr().err
    assert not Path("out").exists()


@pytest.mark.parametrize("of_fine_tuning", [["--freeze", "0"], ["--preset", "long"], ["--teacher", "x"]])
def test_what_is_for_fine_tuning_is_refused_without_a_model(
    of_fine_tuning: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["svhn-fcn", "--data", "data", "--out", "out", *of_fine_tuning]) == 2
    assert f"{of_fine_tuning[0]} is for fine-tuning: name the model to start from" in capsys.readouterr().err
