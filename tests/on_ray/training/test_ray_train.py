"""Training on a cluster of two nodes: the figures of one worker, whoever dies on the way."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from detector.models.model_files import load_model
from tests.on_ray.clusters import started_cluster
from tests.on_ray.training.killing import RECIPE
from tests.training.interruption import interrupted_after
from tests.training.official_files import write_tiny_data
from training.engine.checkpoint import RunState, load_state
from training.engine.training_run import CHECKPOINT
from training.fcn.train_fcn import train_fcn
from training.refiner.recipes import REFINER
from training.refiner.train_refiner import train_refiner

pytestmark = [pytest.mark.ray, pytest.mark.timeout(1200)]


REFINER_RECIPE = replace(REFINER, steps=2, batch=16, warmup=2, validate_every=2, average=0.5, rendered=2)

TRAIN_REFINER = """
import sys
from functools import partial
from pathlib import Path

from tests.on_ray.training.test_ray_train import REFINER_RECIPE
from training.engine.distributed.workers import Placement
from training.engine.distributed.ray_train import train_on_ray
from training.refiner.train_refiner import train_refiner

data, out, address = sys.argv[1:]
train_on_ray(partial(train_refiner, REFINER_RECIPE, None, Path(data), Path(out), None), Placement(2, 1, address))
"""


class Place(NamedTuple):
    address: str
    data: Path
    whole: Path
    """The folder of a run of one worker that nobody killed."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("on-ray")
    data = write_tiny_data(folder / "data")
    train_fcn(RECIPE, data, folder / "whole")
    with started_cluster((1, 1)) as cluster:
        yield Place(cluster.address, data, folder / "whole")


def state_of(out: Path) -> RunState:
    state = load_state(out / CHECKPOINT, RECIPE)
    assert state is not None
    return state


def start(place: Place, out: Path, workers: int, victim: str = "nobody", step: int = 0) -> tuple[int, str]:
    """A training on Ray in a process of its own: its exit code and what it said."""
    arguments = [place.data, out, place.address, workers, victim, step]
    done = subprocess.run(
        [sys.executable, "-m", "tests.on_ray.training.killing", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def agrees_with_one_worker(place: Place, out: Path) -> None:
    """Same files, steps and schedule; losses within 3%, weights within what rounding makes of them in six steps.

    Weights that are rounded differently take different sides of a ReLU, and Adam's first steps are of one size whatever
    the gradient's: 2e-3 at most each. `test_mirrored` shows in float64 that it is rounding.
    """
    assert {path.name for path in out.iterdir()} == {path.name for path in place.whole.iterdir()}
    one, several = state_of(place.whole), state_of(out)
    assert one.step == several.step == RECIPE.steps
    assert one.groups.keys() == several.groups.keys()
    losses = [[row["loss"] for row in state.history] for state in (one, several)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.03)
    for array, other in zip(one.groups["weights"], several.groups["weights"], strict=True):
        np.testing.assert_allclose(other, array, rtol=0, atol=RECIPE.steps * 2e-3)
        assert np.abs(other - array).mean() < 1e-3
    assert len(load_model(out)[0].fcn) == len(one.groups["weights"])


def test_two_workers_train_as_one_does(place: Place, tmp_path: Path) -> None:
    code, said = start(place, tmp_path / "out", workers=2)
    assert code == 0, said
    agrees_with_one_worker(place, tmp_path / "out")
    assert said.count("data: 4 train images") == 1, "one worker speaks"
    assert said.count("step 4  loss") == 1
    assert "INFO:tensorflow" not in said


@pytest.mark.parametrize("victim", ["worker", "leader"])
def test_a_killed_worker_is_replaced_and_the_run_goes_on(place: Place, tmp_path: Path, victim: str) -> None:
    code, said = start(place, tmp_path / "out", 2, victim, step=4)
    assert code == 0, said
    assert (tmp_path / "out-killed").exists(), "nobody was killed"
    assert f"worker {int(victim == 'worker')}: ActorDiedError" in said
    assert said.count("all workers start again from the last checkpoint") == 1
    assert "going on after step 2" in said
    agrees_with_one_worker(place, tmp_path / "out")


def test_a_killed_driver_s_run_goes_on_with_one_worker_and_then_with_two(
    place: Place, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    code, said = start(place, out, 2, "driver", step=3)
    assert code == -signal.SIGKILL, said
    assert state_of(out).step == 2
    with interrupted_after(3):
        train_fcn(RECIPE, place.data, out)
    assert state_of(out).step == 4
    code, said = start(place, out, 2)
    assert code == 0, said
    assert "going on after step 4" in said
    agrees_with_one_worker(place, out)


def test_the_refiner_is_trained_so_too(place: Place, tmp_path: Path) -> None:
    """The leader asks the FCN what it proposes, the other reads that."""
    train_refiner(REFINER_RECIPE, None, place.data, tmp_path / "one")
    command = [sys.executable, "-c", TRAIN_REFINER, place.data, tmp_path / "two", place.address]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    one, two = (json.loads((tmp_path / out / "metrics.json").read_text()) for out in ("one", "two"))
    assert two[-1]["loss"] == pytest.approx(one[-1]["loss"], rel=0.03)
    assert load_model(tmp_path / "two")[0].refiner
    assert {path.name for path in (tmp_path / "one").iterdir()} == {
        path.name for path in (tmp_path / "two").iterdir()
    }


def test_what_is_wrong_is_said_once_and_not_tried_again(place: Place, tmp_path: Path) -> None:
    command = ["-m", "training.cli.main", "svhn-fcn", "--workers", "2", "--address", place.address]
    folders = ["--data", str(tmp_path), "--out", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, *command, *folders], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    told = [line for line in done.stderr.splitlines() if line.startswith("digit-detector-train: ")]
    assert len(told) == 1
    assert str(tmp_path / "svhn" / "train" / "digitStruct.mat") in told[0]
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "out").exists()
