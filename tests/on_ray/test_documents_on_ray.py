"""What the documents try on one machine with a Ray of its own, run as it is written there."""

import json
import re
from pathlib import Path

import pytest

from tests.detector.serving.harness import free_port
from tests.documents.commands import lines_of
from tests.documents.pages import blocks_of, section
from tests.documents.walk import SHOWN_PORT, programs, serving, shell
from tests.documents.workspace import prepare, write_yolo

pytestmark = pytest.mark.ray


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return programs(tmp_path / "bin") | {"RAY_AUTH_MODE": "disabled"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "page"
    place.mkdir()
    prepare(place, "docs/ray.md")
    return place


def shell_blocks(page: str) -> list[str]:
    return [block.text for block in blocks_of(page) if block.language == "sh"]


def test_a_folder(folder: Path, environment: dict[str, str]) -> None:
    shown = shell_blocks("docs/ray-folders.md")[0]
    first, *_ = lines_of(shown)
    assert "--engine ray" in first
    assert first in section("docs/ray.md", "Try it on one machine"), "both pages begin with the same command"
    shell(shown, folder, environment)
    rows = [json.loads(line) for line in (folder / "digits.jsonl").read_text().splitlines()]
    assert sorted(number["text"] for row in rows for number in row["numbers"]) == ["101", "31", "33", "68"]
    assert (folder / "gallery" / "index.html").exists()


def test_the_service(folder: Path, environment: dict[str, str]) -> None:
    serve, detect = (lines_of(block)[0] for block in shell_blocks("docs/ray-serving.md")[:2])
    port = free_port()
    with serving(f"{serve} --port {port}", folder, environment):
        printed = shell(detect.replace(SHOWN_PORT, str(port)), folder, environment)
    assert re.search(r"^house.jpg +31 ", printed, re.MULTILINE)


def test_training(folder: Path, environment: dict[str, str]) -> None:
    (train,) = lines_of(shell_blocks("docs/ray-training.md")[0])
    assert "--workers 2" in train
    write_yolo(folder / "data")
    shell(f"{train} --steps 2", folder, environment)
    assert (folder / "models" / "parallel" / "manifest.json").exists()


def test_no_other_command_needs_only_one_machine() -> None:
    """What is left takes a cluster, a store or a container engine."""
    pages = ("docs/ray.md", "docs/ray-serving.md", "docs/ray-folders.md", "docs/ray-training.md")
    lines = [line for page in pages for block in shell_blocks(page) for line in lines_of(block)]
    tried = {line for line in lines if re.search("--engine ray|--workers", line) and "--address" not in line}
    assert len(tried) == 3
