"""What docs/labels.md shows comes out as it is written there."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

import detector.cli.main
import training.cli.main


def run(command: str) -> int:
    """One line of a shell block, in this process."""
    program, *arguments = shlex.split(command)
    match program:
        case "digit-detector":
            return detector.cli.main.main(arguments)
        case "digit-detector-train":
            return training.cli.main.main(arguments)
        case "cp":
            shutil.copytree(arguments[-2], arguments[-1])
            return 0
    pytest.fail(f"a command that this test does not know: {command}")


def test_the_commands_print_what_is_shown(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (checkout / "docs" / "labels.md").read_text(encoding="utf-8")
    commands, shown, checks, ignored = re.findall(r"```(?:sh|text)\n(.*?)```", text, re.DOTALL)
    shutil.copytree(checkout / "tests" / "data", tmp_path / "tests" / "data")
    monkeypatch.chdir(tmp_path)
    for command in commands.splitlines():
        capsys.readouterr()
        assert run(command) == 0
    assert capsys.readouterr().out == shown
    settings = Path("mine/data.yaml")
    settings.write_text(settings.read_text().replace('3: "3"', "3: three"))
    first, second = checks.splitlines()
    assert run(first) == 0
    assert ignored in capsys.readouterr().out
    assert run(second) == 0
    digits = next(line for line in shown.splitlines() if line.startswith("digits: "))
    assert digits in capsys.readouterr().out.splitlines()
