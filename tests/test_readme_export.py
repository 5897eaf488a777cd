"""The README's part on export: its commands and each of its examples, run as they are written there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from detector.cli.main import main
from tests.test_readme import section

FORMATS = ("savedmodel", "onnx", "openvino", "tflite")


def blocks_of_export(checkout: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", section(checkout, "Export"), re.DOTALL)


@pytest.fixture(scope="module")
def exports(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the README's commands have been run."""
    folder = tmp_path_factory.mktemp("exports")
    (folder / "tests").symlink_to(checkout / "tests")
    (commands,) = blocks_of_export(checkout, "sh")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for line in commands.splitlines():
            name, *arguments = shlex.split(line)
            assert name == "digit-detector"
            assert main(arguments) == 0, line
    return folder


@pytest.mark.parametrize("number", range(len(FORMATS)), ids=FORMATS)
def test_each_example_finds_the_three(checkout: Path, exports: Path, number: int) -> None:
    """In a process that cannot see this package."""
    image, *formats, reading = blocks_of_export(checkout, "python")
    assert [f"digits-{name}" in block for name, block in zip(FORMATS, formats, strict=True)] == [True] * 4
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    hidden = "import sys; sys.modules['detector'] = None\n"
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([hidden, image, formats[number], reading])],
        cwd=exports,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    digit, box = done.stdout.strip().split(" ", 1)
    assert digit == "3"
    found = [float(value) for value in box.strip("[]").split()]
    assert found == pytest.approx([39.7, 5.6, 52.0, 30.2], abs=0.1)
