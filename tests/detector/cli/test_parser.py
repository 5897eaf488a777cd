"""Misspelt commands and options, and what is suggested for them."""

from argparse import ArgumentParser
from collections.abc import Callable

import pytest

import detector
from detector.cli.main import parser
from training.cli.main import parser as training_parser


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["detct", "a.jpg"], "did you mean detect?"),
        (["Detect_Folder", "photos"], "did you mean detect-folder?"),
        (
            ["detect", "a.jpg", "--minscore", "0.3"],
            "unrecognized arguments: --minscore 0.3; did you mean --min-score?",
        ),
        (["detect", "a.jpg", "--Json"], "did you mean --json?"),
        (["detect-folder", "a", "--otu", "b"], "required: --out; did you mean --out?"),
        (["detect-folder", "a", "--otu=b"], "did you mean --out?"),
        (["serve", "--prot", "1"], "did you mean --port?"),
        (["frobnicate"], None),
        (["info", "--frobnicate"], None),
        (["info", "--", "--jsno"], None),
    ],
)
def test_hints(arguments: list[str], hint: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parser().parse_args(arguments)
    assert end.value.code == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert hint in message if hint else "did you mean" not in message


def test_the_trainer_gives_them_too(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, hint in (
        (["chekc"], "did you mean check?"),
        (["check", "--dtaa", "x"], "did you mean --data?"),
    ):
        with pytest.raises(SystemExit):
            training_parser().parse_args(arguments)
        assert hint in capsys.readouterr().err


def test_usage_is_that_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["info", "--frobnicate"])
    assert capsys.readouterr().err.startswith("usage: digit-detector info ")


@pytest.mark.parametrize(("program", "parser"), [("", parser), ("-train", training_parser)])
def test_the_version_is_told(
    program: str, parser: Callable[[], ArgumentParser], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        parser().parse_args(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"digit-detector{program} {detector.__version__}\n"


def test_abbreviations_still_work() -> None:
    assert parser().parse_args(["detect", "a.jpg", "--min-scor", "0.3"]).min_score == 0.3
