"""Runs on tiny data: they learn, keep what is best, touch test once, and survive being killed."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.training.tiny_data import write_mnist, write_svhn
from training.classifiers.datasets import DATASETS, Labelled, on_dataset, split_off
from training.classifiers.epoch_checkpoint import Run
from training.classifiers.fit import confusion_counts, cross_validate, fit_model, predict, train
from training.classifiers.keras_model import build
from training.classifiers.layers import Augmentation, BatchNorm, Conv, Dense, Dropout, Flatten, Pool
from training.classifiers.recipes import ADAM, RMSPROP, Recipe
from training.classifiers.results_table import ResultRow
from training.errors import ResumeError

pytestmark = pytest.mark.slow

TINY = Recipe(
    name="tiny",
    summary="small enough for a test, with everything that has a state",
    dataset="mnist",
    layers=(Conv(4), BatchNorm(), Pool(), Flatten(), Dropout(0.2), Dense(10, "softmax")),
    optimizer=RMSPROP,
    epochs=6,
    batch=16,
    notes=None,
    augmentation=Augmentation(rotation_degrees=5, shift=0.02, shear_degrees=1, zoom=0.05, flip=False),
)
LEARNER = replace(
    TINY, layers=(Flatten(), Dense(10, "softmax")), optimizer=ADAM, epochs=12, augmentation=None
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_mnist(folder, train=300, test=60)
    return folder


def halves(data: Path) -> tuple[Labelled, Labelled]:
    """What a run trains on, and what it holds out."""
    return split_off(DATASETS["mnist"].load(data, "train"), TINY.hold_out)


@pytest.fixture(scope="module")
def learnt(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ResultRow]:
    """A finished run's folder and row."""
    out = tmp_path_factory.mktemp("runs") / "learner"
    return out, train(Run(LEARNER), data, out)


def test_a_run_learns_and_says_so(learnt: tuple[Path, ResultRow]) -> None:
    out, row = learnt
    assert row.test_accuracy is not None
    assert row.test_accuracy > 0.9  # chance is 0.1
    assert row.parameters == 7850
    metrics = json.loads((out / "metrics.json").read_text())
    history = metrics["history"]
    assert len(history) == row.epochs == 12
    assert history[-1]["loss"] < history[0]["loss"] / 2
    assert metrics["images"] == {"train": 270, "validation": 30, "test": 60}
    assert np.sum(metrics["confusion"]) == 60
    assert np.trace(metrics["confusion"]) / 60 == pytest.approx(row.test_accuracy)
    assert row.cpu_seconds == pytest.approx(sum(epoch["cpu_seconds"] for epoch in history))
    asked = json.loads((out / "recipe.json").read_text())
    assert (asked["recipe"]["name"], asked["recipe"]["optimizer"]["name"], asked["seed"]) == (
        "tiny",
        "adam",
        1,
    )


def test_the_weights_are_those_of_the_best_epoch(learnt: tuple[Path, ResultRow], data: Path) -> None:
    out, row = learnt
    history = json.loads((out / "metrics.json").read_text())["history"]
    best = max(epoch["val_accuracy"] for epoch in history)
    assert row.best_epoch == 1 + [epoch["val_accuracy"] for epoch in history].index(best)
    assert row.validation_accuracy == best
    model = build(LEARNER.layers, (28, 28, 1))
    weights = load_file(out / "weights.safetensors")
    model.set_weights([weights[variable.path] for variable in model.weights])
    _, validation = halves(data)
    for split, accuracy in ((validation, best), (DATASETS["mnist"].load(data, "test"), row.test_accuracy)):
        assert np.mean(predict(model, split.images) == split.labels) == pytest.approx(accuracy)


def test_every_picture_is_there(learnt: tuple[Path, ResultRow]) -> None:
    out, _ = learnt
    names = {path.stem for path in out.glob("*.png")}
    assert names == {"learning_curves", "samples", "edges", "predictions", "confusion", "pixel_values"}
    assert all(cv2.imread(str(path)) is not None for path in out.glob("*.png"))


def test_a_finished_run_is_not_repeated(learnt: tuple[Path, ResultRow], tmp_path: Path) -> None:
    out, row = learnt
    assert train(Run(LEARNER), tmp_path / "no data here", out) == replace(row, folds=[])


def test_a_longer_run_goes_on_where_a_shorter_one_ended(
    learnt: tuple[Path, ResultRow], data: Path, tmp_path: Path
) -> None:
    shorter = train(Run(replace(LEARNER, epochs=5)), data, tmp_path)
    first = json.loads((tmp_path / "metrics.json").read_text())["history"]
    longer = train(Run(LEARNER), data, tmp_path)
    history = json.loads((tmp_path / "metrics.json").read_text())["history"]
    assert (shorter.epochs, longer.epochs) == (5, 12)
    assert history[:5] == first
    assert longer.test_accuracy == learnt[1].test_accuracy  # as if never interrupted
    assert train(Run(LEARNER), tmp_path / "no data here", tmp_path) == replace(longer, folds=[])


def test_a_better_wording_is_no_other_run(learnt: tuple[Path, ResultRow], tmp_path: Path) -> None:
    reworded = replace(LEARNER, summary="in other words", choices=("one more",))
    assert train(Run(reworded), tmp_path / "no data here", learnt[0]).recipe == LEARNER.name


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(Run(replace(LEARNER, batch=8)), id="another batch"),
        pytest.param(Run(LEARNER, seed=2), id="another seed"),
    ],
)
def test_another_run_s_folder_is_refused(changed: Run, learnt: tuple[Path, ResultRow], data: Path) -> None:
    with pytest.raises(ResumeError, match="other settings"):
        train(changed, data, learnt[0])


def test_a_run_s_folder_takes_no_cross_validation(learnt: tuple[Path, ResultRow], data: Path) -> None:
    with pytest.raises(ResumeError, match="no cross-validation"):
        cross_validate(Run(LEARNER), 3, data, learnt[0])


def test_damaged_weights_are_named(learnt: tuple[Path, ResultRow], data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(learnt[0], out)
    (out / "row.json").unlink()  # as if killed just before the end
    weights = out / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ResumeError, match=r"weights\.safetensors: missing or damaged"):
        train(Run(LEARNER), data, out)


def test_training_ends_at_the_accuracy_asked_for(data: Path, tmp_path: Path) -> None:
    run, parts = Run(replace(LEARNER, stop_at=0.3)), halves(data)
    _, history = fit_model(run, *parts, tmp_path)
    assert len(history) < 12
    assert history[-1]["val_accuracy"] >= 0.3
    assert all(epoch["val_accuracy"] < 0.3 for epoch in history[:-1])
    assert fit_model(run, *parts, tmp_path)[1] == history  # nothing is left to train


COMMAND = """
import sys
from pathlib import Path
from tests.training.classifiers.test_fit import TINY
from training.classifiers.fit import train
from training.classifiers.epoch_checkpoint import Run
train(Run(TINY), Path(sys.argv[1]), Path(sys.argv[2]))
"""


def start_and_kill(data: Path, out: Path, epochs: int) -> None:
    """Starts a run in a process of its own and kills it once it has written so many epochs."""
    state = out / "state.safetensors"
    said = out.with_name("said.txt")
    command = [sys.executable, "-c", COMMAND, str(data), str(out)]
    with (
        said.open("w") as log,
        subprocess.Popen(command, cwd=Path(__file__).parents[3], stdout=log, stderr=log) as process,
    ):
        seen: set[int] = set()
        before = state.stat().st_mtime_ns if state.exists() else 0
        while process.poll() is None and len(seen) < epochs:
            if state.exists() and state.stat().st_mtime_ns != before:
                seen.add(state.stat().st_mtime_ns)
            time.sleep(0.005)
        process.kill()
    assert process.returncode == -signal.SIGKILL, said.read_text()[-2000:]
    assert not (out / "row.json").exists()


def test_a_run_killed_twice_ends_like_one_that_was_not(data: Path, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    _, expected = fit_model(Run(TINY), *halves(data), whole)
    start_and_kill(data, broken, epochs=2)
    start_and_kill(data, broken, epochs=1)
    train(Run(TINY), data, broken)
    for name in ("weights.safetensors", "state.safetensors"):
        first, second = load_file(whole / name), load_file(broken / name)
        assert first.keys() == second.keys()
        for key, value in first.items():
            np.testing.assert_allclose(value, second[key], atol=1e-6, err_msg=f"{name}: {key}")
    history = json.loads((broken / "metrics.json").read_text())["history"]
    for epoch, other in zip(expected, history, strict=True):
        assert epoch | {"cpu_seconds": 0} == pytest.approx(other | {"cpu_seconds": 0})


def test_cross_validation_does_not_read_test(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(data, folder)
    for path in (folder / "mnist").glob("t10k*"):
        path.unlink()
    recipe = replace(LEARNER, epochs=3, stop_at=0.01)  # which cross-validation does not heed
    row = cross_validate(Run(recipe), 3, folder, tmp_path / "out")
    assert (row.test_accuracy, row.best_epoch, row.epochs) == (None, None, 3)
    assert len(row.folds) == 3
    assert row.validation_accuracy == pytest.approx(np.mean(row.folds))
    assert ResultRow.read(tmp_path / "out" / "row.json") == row
    with pytest.raises(ResumeError, match="holds a cross-validation"):
        train(Run(recipe), folder, tmp_path / "out")


def test_a_recipe_trains_on_svhn(tmp_path: Path) -> None:
    write_svhn(tmp_path, train=40, test=20)
    row = train(Run(on_dataset(replace(LEARNER, epochs=1), "svhn")), tmp_path, tmp_path / "out")
    assert (row.dataset, row.parameters) == ("svhn", 3072 * 10 + 10)


def test_confusion_counts_rows_are_the_truth() -> None:
    truth, predicted = np.array([0, 0, 1, 2, 2, 2], np.int32), np.array([0, 1, 1, 0, 2, 2], np.int32)
    assert confusion_counts(truth, predicted, 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]
