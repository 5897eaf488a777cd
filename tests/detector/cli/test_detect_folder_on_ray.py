"""`digit-detector detect-folder --engine ray`: what it refuses before anything of Ray is needed."""

import subprocess
import sys
from pathlib import Path

import pytest

from detector.cli.main import main

HELP = {
    "--watch": "start it again",
    "--annotated=pictures": "detect --annotated",
    "--report=gallery": "cat OUT/*.jsonl > digits.jsonl",
    "--server=127.0.0.1:50051": "load the model themselves",
    "--null": "--include",
    "--shuffle": "--limit",
    "--seed=3": "--shuffle",
}


@pytest.mark.parametrize("option", HELP)
def test_options_of_one_machine_are_refused_with_the_way_out(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["detect-folder", str(tmp_path), "--out", str(tmp_path / "out"), "--engine", "ray"]
    assert main([*arguments, option]) == 2
    said = capsys.readouterr().err
    assert f"argument {'-0/' if option == '--null' else ''}{option.partition('=')[0]}: " in said
    assert HELP[option] in said
    assert not (tmp_path / "out").exists()


def test_a_list_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detect-folder", "-", "--out", str(tmp_path / "out"), "--engine", "ray"]) == 2
    assert "name a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option",
    ["--address=a:1", "--workers=2", "--cpus-per-worker=2", "--format=parquet", "--shard-images=9"],
)
def test_options_of_ray_need_it(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detect-folder", str(tmp_path), "--out", str(tmp_path / "digits.jsonl"), option]) == 2
    said = capsys.readouterr().err
    assert "--engine ray" in said
    assert f"argument {option.partition('=')[0]}: " in said


@pytest.mark.parametrize("library", ["ray", "pyarrow"])
def test_without_the_extra_it_says_how_to_install_it(library: str, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.modules[{library!r}] = None; from detector.cli.main import main; "
        f"sys.exit(main(['detect-folder', {str(tmp_path)!r}, '--out', 'out', '--engine', 'ray']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "pip install 'digit-detector[ray]'" in done.stderr
    assert done.stderr.count("\n") == 1
