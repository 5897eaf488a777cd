"""`--workers`: what it refuses, and that one worker has nothing to do with Ray."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.official_files import write_tiny_data
from training.cli.main import main

WITHOUT_RAY = (
    "import sys; sys.modules['ray'] = None; from training.cli.main import main; sys.exit(main(sys.argv[1:]))"
)


def without_ray(checkout: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command in a process in which Ray cannot be imported."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_RAY, "svhn-fcn", *arguments],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_only_several_workers_need_ray(checkout: Path, tmp_path: Path) -> None:
    folders = ["--data", str(write_tiny_data(tmp_path / "data")), "--out", str(tmp_path / "out")]
    several = without_ray(checkout, *folders, "--workers", "2")
    assert several.returncode == 2
    assert "pip install 'digit-detector[ray]'" in several.stderr
    assert "Traceback" not in several.stderr
    assert not (tmp_path / "out").exists()
    one = without_ray(checkout, *folders, "--steps", "1")
    assert one.returncode == 0, one.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--workers", "65"], "a batch has 64 images", id="more workers than images"),
        pytest.param(["--workers", "2", "--init", "embedded"], "fine-tuning", id="fine-tuning"),
        pytest.param(["--cpus-per-worker", "2"], "--workers", id="CPUs of one worker"),
        pytest.param(["--address", "10.0.0.1:6379"], "--workers", id="the address of no cluster"),
    ],
)
def test_what_cannot_be_is_refused(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = ["--data", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main(["svhn-fcn", *folders, *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_machine_has_so_many_cpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = ["--data", str(tmp_path), "--out", str(tmp_path / "out")]
    too_many = str(os.cpu_count())
    assert main(["refiner", *folders, "--workers", "2", "--cpus-per-worker", too_many]) == 2
    said = capsys.readouterr().err
    assert f"need {2 * int(too_many)}" in said
    assert "--address" in said
