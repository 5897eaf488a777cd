"""Training on a few real images: a run that is killed and started again ends where an uninterrupted one does."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pytest

from detector.models.architecture import build_fcn
from detector.models.model_files import load_model
from detector.pipeline.detector import DigitDetector
from detector.pipeline.loading import load_checked
from tests.training.official_files import write_tiny_data
from training.data.detector_data import load_detector_data
from training.engine.checkpoint import RunState, load_state
from training.engine.optimization import compiled
from training.engine.training_run import batches, is_best
from training.errors import DataError, ResumeError
from training.fcn.recipes import SVHN_FCN, SvhnFcnRecipe
from training.fcn.train_fcn import batch_maker, learning_rate, train_fcn

RECIPE = replace(SVHN_FCN, steps=6, batch=4, warmup=2, validate_every=2, average=0.5)
CHECKPOINT = "checkpoint.safetensors"
END = f"end_{RECIPE.main_steps}"

RUN = """
import math, os, signal, sys
from pathlib import Path

import keras
from tests.training.fcn.test_train_fcn import RECIPE
from training.engine import training_run as run
from training.fcn.train_fcn import train_fcn

run.FIRST_CHECKPOINT_SECONDS = math.inf  # however slow this machine: checkpoints at validations alone
train_on_batch, fsync, moment, steps = keras.Model.train_on_batch, os.fsync, sys.argv[3], 0

def killing_train_on_batch(model, *batch):
    global steps
    loss = train_on_batch(model, *batch)
    steps += 1
    if moment == f"after batch {steps}":
        os.kill(os.getpid(), signal.SIGKILL)
    return loss

def killing_fsync(descriptor):
    name = Path(os.readlink(f"/proc/self/fd/{descriptor}")).name
    if moment == f"after batch {steps}, while writing {name}":
        os.truncate(descriptor, os.fstat(descriptor).st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)
    fsync(descriptor)

keras.Model.train_on_batch, os.fsync = killing_train_on_batch, killing_fsync
train_fcn(RECIPE, Path(sys.argv[1]), Path(sys.argv[2]))
"""


def compile_network(recipe: SvhnFcnRecipe) -> keras.Model:
    return compiled(recipe, build_fcn, learning_rate=learning_rate(recipe))


def start(checkout: Path, data: Path, out: Path, kill: str = "never") -> "subprocess.Popen[str]":
    """A training in a process of its own, which SIGKILL hits at a moment counted from its own start."""
    command = [sys.executable, "-u", "-c", RUN, str(data), str(out), kill]
    return subprocess.Popen(command, cwd=checkout, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class Runs(NamedTuple):
    data: Path
    whole: Path
    killed: Path
    said: list[str]
    """What the three starts of the killed run printed."""


def state_of(out: Path) -> RunState:
    state = load_state(out / CHECKPOINT, RECIPE)
    assert state is not None
    return state


@pytest.fixture(scope="module")
def runs(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """One run that is never killed, and one that is killed twice."""
    folder = tmp_path_factory.mktemp("training")
    data = write_tiny_data(folder / "data")
    out = folder / "killed"
    said = []
    with start(checkout, data, folder / "whole") as whole:
        for kill, last_step in (
            (f"after batch 4, while writing {CHECKPOINT}.part", 2),
            ("after batch 3", 4),
        ):
            with start(checkout, data, out, kill) as killed:
                output, errors = killed.communicate()
            assert killed.returncode == -signal.SIGKILL, errors
            assert state_of(out).step == last_step
            if "while writing" in kill:
                assert (out / f"{CHECKPOINT}.part").stat().st_size > 1000, "a torn file was left behind"
            said.append(output)
        with start(checkout, data, out) as last:
            output, errors = last.communicate()
        assert last.returncode == 0, errors
        said.append(output)
        errors = whole.communicate()[1]
    assert whole.returncode == 0, errors
    return Runs(data, folder / "whole", out, said)


@pytest.mark.slow
def test_a_run_killed_twice_ends_with_the_weights_of_one_that_was_not(runs: Runs) -> None:
    whole, killed = state_of(runs.whole), state_of(runs.killed)
    assert whole.step == killed.step == RECIPE.steps
    assert whole.history == killed.history
    assert whole.groups.keys() == killed.groups.keys() == {"weights", "optimizer", "average", "losses", END}
    for name, group in whole.groups.items():
        for array, other in zip(group, killed.groups[name], strict=True):
            np.testing.assert_allclose(other, array, rtol=0, atol=1e-6, err_msg=name)
    for array, other in zip(load_model(runs.whole)[0].fcn, load_model(runs.killed)[0].fcn, strict=True):
        np.testing.assert_allclose(other, array, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_a_servers_readiness_check_is_recorded_with_the_model(runs: Runs) -> None:
    assert load_checked(runs.whole).manifest.self_check["image"]


@pytest.mark.slow
def test_a_run_learns_something_in_every_step(runs: Runs) -> None:
    """Or the equality above would compare two runs that did nothing."""
    keras.utils.set_random_seed(RECIPE.seed)
    initial = compile_network(RECIPE).get_weights()
    for group in ("weights", "average"):
        changed = [
            (new != old).any() for new, old in zip(state_of(runs.whole).groups[group], initial, strict=True)
        ]
        assert np.mean(changed) > 0.9


@pytest.mark.slow
def test_a_run_says_what_it_reads_and_where_it_goes_on(runs: Runs) -> None:
    first, second, third = runs.said
    assert "4 train images, 2 validation images" in first
    assert "not there, going on without: letters" in first
    assert "going on after" not in first
    assert "going on after step 2" in second
    assert "going on after step 4" in third


@pytest.mark.slow
def test_what_a_run_writes(runs: Runs) -> None:
    written = {path.name for path in runs.whole.iterdir()}
    assert written == {
        "weights.safetensors", "manifest.json", "trained_on.txt",
        CHECKPOINT, "recipe.json", "metrics.json", "learning-curve.png"
    }  # fmt: skip
    assert json.loads((runs.whole / "recipe.json").read_text()) == json.loads(json.dumps(asdict(RECIPE)))
    listed = (runs.whole / "trained_on.txt").read_text().splitlines()
    assert sum(line.startswith("learn svhn/train/") for line in listed) == 4
    assert sum(line.startswith("validate svhn/train/") for line in listed) == 2
    assert all((runs.data / line.partition(" ")[2]).is_file() for line in listed)
    metrics = json.loads((runs.whole / "metrics.json").read_text())
    assert [row["step"] for row in metrics] == [2, 4, 6]
    for row in metrics:
        figures = [row[name] for name in ("f1_50", "f1_30", "sequence_accuracy", "crop_accuracy")]
        assert row["score"] == pytest.approx(np.mean(figures))
        assert row["loss"] > 0
    assert (runs.whole / "learning-curve.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("scores", "images", "best"),
    [
        pytest.param([0.3], 200, True, id="the first"),
        pytest.param([0.8, 0.85], 200, True, id="better"),
        pytest.param([0.9, 0.89], 200, True, id="worse by less than 200 images can tell"),
        pytest.param([0.9, 0.85], 200, False, id="worse by more"),
        pytest.param([0.9, 0.89], 100_000, False, id="worse, as many images tell"),
        pytest.param([0.9, 0.7, 0.89], 200, True, id="recovered"),
    ],
)
def test_the_later_of_equals_is_kept(scores: list[float], images: int, best: bool) -> None:
    assert is_best([{"score": score} for score in scores], images) == best


@pytest.mark.slow
def test_what_is_shipped_is_the_mean_of_both_ends(runs: Runs) -> None:
    groups = state_of(runs.whole).groups
    assert len(groups[END]) == len(groups["average"])
    weights = load_model(runs.whole)[0].fcn
    for shipped, first, now in zip(weights, groups[END], groups["average"], strict=True):
        np.testing.assert_allclose(shipped, (first + now) / 2, rtol=2e-3, atol=1e-6)
    assert any((first != now).any() for first, now in zip(groups[END], groups["average"], strict=True))


@pytest.mark.slow
def test_the_model_is_the_best_by_validation_and_says_how_it_was_made(runs: Runs) -> None:
    detector = DigitDetector.load(runs.whole)
    assert detector.info().name == "svhn-fcn"
    assert "non-commercial" in detector.info().training_data
    training = load_model(runs.whole)[1].training
    history = state_of(runs.whole).history
    kept = [row for end, row in enumerate(history, 1) if is_best(history[:end], images=2)]
    assert training["validation"] == kept[-1]
    assert training["recipe"]["seed"] == RECIPE.seed
    assert training["data"]["train_images"] == 4
    assert training["data_missing"] == [
        "svhn/extra/digitStruct.mat", "svhn/extra_32x32.mat", "backgrounds/train", "letters"
    ]  # fmt: skip
    assert training["seconds"] > 0


@pytest.mark.slow
def test_a_finished_run_started_again_changes_nothing(runs: Runs, tmp_path: Path) -> None:
    out = shutil.copytree(runs.whole, tmp_path / "out")
    train_fcn(RECIPE, runs.data, out)
    for path in runs.whole.iterdir():
        assert (out / path.name).read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_a_run_of_another_recipe_is_refused_and_left_alone(runs: Runs, tmp_path: Path) -> None:
    out = shutil.copytree(runs.whole, tmp_path / "out")
    with pytest.raises(ResumeError, match="other settings"):
        train_fcn(replace(RECIPE, batch=5), runs.data, out)
    for path in runs.whole.iterdir():
        assert (out / path.name).read_bytes() == path.read_bytes()


def test_missing_data_is_named_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"svhn/train/digitStruct\.mat"):
        train_fcn(RECIPE, tmp_path / "nothing", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_batches_go_on_as_if_never_interrupted(tmp_path: Path) -> None:
    make = batch_maker(load_detector_data(write_tiny_data(tmp_path)).sources, RECIPE)
    whole, rest = list(batches(RECIPE, make, 0)), list(batches(RECIPE, make, 4))
    assert (len(whole), len(rest)) == (6, 2)
    for (images, targets), (images_again, targets_again) in zip(whole[4:], rest, strict=True):
        np.testing.assert_array_equal(images, images_again)
        np.testing.assert_array_equal(targets, targets_again)
    assert len({images.tobytes() for images, _ in whole}) == 6
    others = next(batches(replace(RECIPE, seed=2), make, 0))
    assert (others[0] != whole[0][0]).any()


def test_the_last_batches_hold_more_official_crops(tmp_path: Path) -> None:
    sources = load_detector_data(write_tiny_data(tmp_path)).sources
    recipe = replace(SVHN_FCN, steps=7, batch=8, refining=2 / 7)
    assert recipe.main_steps == 5
    # A patch of crops asks for a digit at its corner windows and for nothing else.
    crops = [
        int((targets[:, 0, 0, 3] * (targets[..., 1].sum((1, 2)) == 4)).sum())
        for _, targets in batches(recipe, batch_maker(sources, recipe), 0)
    ]
    assert crops == [1, 1, 1, 1, 1, 2, 2]


def test_the_learning_rate_rises_and_falls_twice() -> None:
    recipe = replace(SVHN_FCN, steps=150, refining=1 / 3, warmup=10, learning_rate=2e-3)
    optimizer = compile_network(recipe).optimizer

    def rate(step: int) -> float:
        optimizer.iterations.assign(step)
        return float(optimizer.learning_rate)

    assert rate(0) == 0
    assert rate(5) == pytest.approx(1e-3)
    assert rate(10) == pytest.approx(2e-3)
    assert rate(55) == pytest.approx(2e-3 * (0.5 * 0.99 + 0.01))
    assert rate(99) < 5e-5
    assert rate(100) == pytest.approx(1e-3)
    assert rate(150) == pytest.approx(1e-5)


@pytest.mark.parametrize("steps", [1, 2, 3, 50])
def test_runs_shorter_than_the_warm_up_have_a_learning_rate(steps: int) -> None:
    optimizer = compile_network(replace(SVHN_FCN, steps=steps, warmup=300)).optimizer
    rates = []
    for step in range(steps):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    assert np.isfinite(rates).all()
    assert max(rates) == pytest.approx(2e-3) or steps < 3


def test_only_kernels_decay() -> None:
    """Without a gradient only weight decay moves weights: those of batch normalisations and biases stay."""
    model = compile_network(replace(RECIPE, weight_decay=0.1))
    model.optimizer.iterations.assign(RECIPE.warmup)
    variables = model.trainable_variables
    before = [variable.numpy().copy() for variable in variables]
    model.optimizer.apply([keras.ops.zeros_like(variable) for variable in variables], variables)
    for variable, old in zip(variables, before, strict=True):
        factor = 1 - 0.1 * RECIPE.learning_rate if variable.name == "kernel" else 1
        np.testing.assert_allclose(variable.numpy(), factor * old, rtol=1e-6, err_msg=variable.path)


def test_the_seed_makes_the_network() -> None:
    first, again = compile_network(RECIPE).get_weights(), compile_network(RECIPE).get_weights()
    other = compile_network(replace(RECIPE, seed=2)).get_weights()
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert (first[0] != other[0]).any()
