"""`digit-detector-train svhn-fcn`: one call for a command line, and errors that say what to do."""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from detector.cli.program import HintingParser
from tests.training.official_files import write_tiny_data
from training.cli.main import main, parser
from training.engine.checkpoint import load_state
from training.fcn.recipes import SVHN_FCN


def test_help_does_not_wait_for_keras(checkout: Path) -> None:
    script = (
        "import sys\nfrom training.cli.main import main\n"
        "try:\n    main(['svhn-fcn', '--help'])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules), 'loaded for nothing'"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    for option in ("--data", "--out", "--steps", "--seed"):
        assert option in run.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param([], "COMMAND", id="no command"),
        pytest.param(["svhn-fcm"], "svhn-fcm", id="no such command"),
        pytest.param(["svhn-fcn", "--data", "d"], "--out", id="no --out"),
        pytest.param(["svhn-fcn", "--out", "o"], "--data", id="no --data"),
        pytest.param(["svhn-fcn", "--data", "d", "--out", "o", "--steps", "0"], "--steps", id="no steps"),
        pytest.param(
            ["svhn-fcn", "--data", "d", "--out", "o", "--steps", "ten"], "--steps", id="steps in words"
        ),
        pytest.param(["svhn-fcn", "--data", "d", "--out", "o", "--seed", "-1"], "--seed", id="negative seed"),
        pytest.param(["evaluate", "--data", "d", "--split", "validation"], "validation", id="no such split"),
    ],
)
def test_wrong_usage_ends_with_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_missing_data_ends_with_2_and_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["svhn-fcn", "--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("digit-detector-train: ")
    assert str(tmp_path / "svhn" / "train" / "digitStruct.mat") in said
    assert len(said.splitlines()) == 1


@pytest.mark.slow
def test_a_short_run_and_what_may_continue_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = write_tiny_data(tmp_path / "data"), tmp_path / "out"
    command = ["svhn-fcn", "--data", str(data), "--out", str(out), "--steps", "2", "--seed", "5"]
    assert main(command) == 0
    assert f"model: {out}" in capsys.readouterr().out
    state = load_state(out / "checkpoint.safetensors", replace(SVHN_FCN, steps=2, seed=5))
    assert state is not None
    assert state.step == 2
    shutil.rmtree(data)  # what follows is said before any data is read
    assert main(command) == 0
    assert f"nothing to do: the run in {out} ended after step 2 of 2" in capsys.readouterr().out
    assert main([*command[:-1], "6"]) == 2
    assert "other settings (seed was 5, is 6)" in capsys.readouterr().err
    assert main([*command[:-3], "3", *command[-2:]]) == 2
    assert "other settings (steps was 2, is 3)" in capsys.readouterr().err


@pytest.mark.slow
def test_interrupted_it_says_how_to_go_on(checkout: Path, tmp_path: Path) -> None:
    command = ["-u", "-m", "training.cli.main", "svhn-fcn"]
    arguments = ["--data", str(write_tiny_data(tmp_path / "data")), "--out", str(tmp_path / "out")]
    with subprocess.Popen(
        [sys.executable, *command, *arguments],
        cwd=checkout,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as training:
        assert training.stdout is not None
        assert any(line.startswith("data: ") for line in training.stdout)
        training.send_signal(signal.SIGINT)
        _, errors = training.communicate(timeout=120)
    assert training.returncode == 130
    assert "the same command goes on" in errors
    assert "Traceback" not in errors
    assert not re.search(r"^[EIW]\d{4} ", errors, re.MULTILINE), "a notice of TensorFlow's"


@pytest.mark.parametrize(
    ("command", "resumes"),
    [
        ("svhn-fcn --data d --out o", True),
        ("refiner --data d --out o", True),
        ("gate --data d --out o", True),
        ("teacher svhn-fcn --data d --out o", True),
        ("teacher refiner --data d --out o", True),
        ("mnist-cnn --data d --out o", True),
        ("render --out o --count 10", False),
        ("evaluate --data d", False),
        ("check --data d", False),
        ("compare a b --data d", False),
        ("calibrate --model m --data d", False),
    ],
)
def test_only_commands_that_resume_say_so(
    command: str,
    resumes: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    args = parser().parse_args(command.split())

    def interrupt(_: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    args.run = interrupt
    monkeypatch.setattr(HintingParser, "parse_args", lambda *_: args)
    assert main(command.split()) == 130
    assert ("the same command goes on from the last checkpoint" in capsys.readouterr().err) == resumes
