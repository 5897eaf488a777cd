"""What the README shows of one's own labels comes out as it is written there."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

import detector.cli.main
import training.cli.main


def test_labelling_with_the_model_works_as_shown(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (checkout / "README.md").read_text(encoding="utf-8").partition("### Label formats\n")[2]
    commands, shown, broken = re.findall(r"```(?:sh|text)\n(.*?)```", text, re.DOTALL)[:3]
    shutil.copytree(checkout / "tests" / "data", tmp_path / "tests" / "data")
    monkeypatch.chdir(tmp_path)
    for command in commands.splitlines():
        program, *arguments = shlex.split(command)
        capsys.readouterr()
        match program:
            case "digit-detector":
                assert detector.cli.main.main(arguments) == 0
            case "digit-detector-train":
                assert training.cli.main.main(arguments) == 0
            case "cp":
                shutil.copytree(arguments[-2], arguments[-1])
            case _:
                pytest.fail(f"a command that this test does not know: {command}")
    assert capsys.readouterr().out == shown
    with Path("mine/labels/svhn_train_5.txt").open("a") as file:
        file.write("3 0.5 0.5\n")
    assert training.cli.main.main(["check", "--data", "mine"]) == 1
    assert capsys.readouterr().out.startswith(broken)
