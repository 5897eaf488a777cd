"""Folder jobs on a cluster, each the command in a process of its own, and the rows that they leave."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ray._private.node import Node

from detector.folders.rows import Row

COMMAND = [
    sys.executable,
    "-c",
    "import sys; from detector.cli.main import main; sys.exit(main())",
    "detect-folder",
]
LONG = 300.0
"""Seconds: what is to happen does so soon, but a busy machine takes its time."""


def started(*arguments: str | Path) -> "subprocess.Popen[str]":
    """A job that has been started; what it says comes through its standard error."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments), "--engine", "ray"], stderr=subprocess.PIPE, text=True
    )


def run(*arguments: str | Path) -> tuple[int, str]:
    """The exit code of a job, and what it said."""
    process = started(*arguments)
    return finish(process)


def finish(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Waits for the end of a job."""
    try:
        _, said = process.communicate(timeout=LONG)
    finally:
        process.kill()
    return process.returncode, said


def wait_until(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Waits while the job runs."""
    end = time.monotonic() + LONG
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.02)


def workers_on(node: Node) -> int:
    """How many workers of jobs run on a node: by the names that Ray gives to the children of its raylet."""
    raylet = node.all_processes["raylet"][0].process.pid
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            name = (process / "cmdline").read_bytes()
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:  # it has ended
            continue
        count += int(parent) == raylet and name.startswith(b"ray::MapWorker")
    return count


def rows_in(output: Path) -> list[Row]:
    """All rows of the shards, sorted by their images' names."""
    lines = [line for shard in shards_in(output) for line in shard.read_text().splitlines()]
    return sorted(map(json.loads, lines), key=lambda row: str(row["image"]))


def shards_in(output: Path) -> list[Path]:
    return sorted(output.glob("*.jsonl"))


def assert_same_rows(found: list[Row], expected: list[Row]) -> None:
    """The same images once each, with the same digits and numbers; boxes to 0.01 px, scores to 1e-4."""
    assert [row["image"] for row in found] == [row["image"] for row in expected]
    for row, other in zip(found, expected, strict=True):
        assert _without_floats(row) == _without_floats(other)
        assert _floats(row) == pytest.approx(_floats(other), abs=0.01)
        assert _scores(row) == pytest.approx(_scores(other), abs=1e-4)


def _without_floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_floats(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_floats(inner) for inner in value]
    return "a float" if isinstance(value, float) else value


def _floats(value: Any) -> list[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for inner in value for number in _floats(inner)]
    return [value] if isinstance(value, float) else []


def _scores(row: Row) -> list[float]:
    return [found["score"] for kind in ("digits", "numbers") for found in row.get(kind, ())]
