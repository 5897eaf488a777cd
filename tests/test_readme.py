"""What the README shows works as it is written there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import detector.cli.main
import training.cli.main
from detector import DigitDetector
from detector.serving.telemetry.metrics import REGISTRY
from detector.serving.wire.statuses import CODES
from tests.detector.serving.harness import RunningServer

ADDRESS = "127.0.0.1:50051"


def blocks(checkout: Path, language: str) -> list[str]:
    return re.findall(
        rf"```{language}\n(.*?)```", (checkout / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )


def test_the_python_code_runs_as_shown(checkout: Path, embedded: DigitDetector) -> None:
    """Only the port may differ: another server may hold the usual one."""
    elsewhere = section(checkout, "Export")  # see test_readme_export
    code = [block for block in blocks(checkout, "python") if block not in elsewhere]
    assert any(ADDRESS in block for block in code)
    with RunningServer(embedded) as server:
        for block in code:
            done = subprocess.run(
                [sys.executable, "-c", block.replace(ADDRESS, server.address)],
                cwd=checkout,
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
            assert done.returncode == 0, done.stderr
            assert "['31']" in done.stdout, "tests/data/svhn_train_5.png shows the number 31"


def commands(checkout: Path) -> list[str]:
    text = (checkout / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"`(digit-detector(?:-train)? [^`]*)`", text)
    shown += [line for block in blocks(checkout, "sh") for line in block.splitlines()]
    return sorted({line.split("  #")[0] for line in shown if line.startswith("digit-detector")})


def test_every_command_shown_is_one(checkout: Path) -> None:
    shown = commands(checkout)
    assert len(shown) > 5
    for command in shown:
        name, *arguments = shlex.split(command)
        parser = training.cli.main.parser() if name == "digit-detector-train" else detector.cli.main.parser()
        try:
            parser.parse_args(arguments)
        except SystemExit:
            pytest.fail(f"the README shows a command that is none: {command}")


def section(checkout: Path, title: str) -> str:
    text = (checkout / "README.md").read_text(encoding="utf-8")
    return re.split(r"\n#{2,4} ", text.partition(f"# {title}\n")[2])[0]


def test_the_table_of_errors_is_complete(checkout: Path) -> None:
    rows = re.findall(r"^\| ([A-Z_]+) \| ([A-Z_]+) \|", section(checkout, "Errors"), re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert dict(rows) == {kind.reason: code.name for kind, code in CODES.items()}


def test_the_table_of_metrics_is_complete(checkout: Path) -> None:
    shown = set(re.findall(r"`(digit_detector_\w+)`", section(checkout, "What it tells")))
    kept = {f"{m.name}_total" if m.type == "counter" else m.name for m in REGISTRY.collect()}
    assert shown == kept


def test_every_file_named_is_there(checkout: Path) -> None:
    text = (checkout / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(((?!http)[^)#]+)\)", text):
        assert (checkout / target).exists(), f"the README links to {target}"
