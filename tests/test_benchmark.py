"""The benchmark runs, compares equal things, and computes its arithmetic limit right. No test asserts a time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LAYERS = [
    (4, 2, 3, 24), (3, 1, 24, 32), (3, 1, 32, 40), (3, 2, 40, 96), (1, 1, 96, 96), (3, 1, 96, 96),
    (1, 1, 96, 96), (3, 1, 96, 96), (1, 1, 96, 192), (1, 1, 192, 15),
]  # fmt: skip
"""Kernel, stride, channels in and out of each convolution, read off the network's description."""


def benchmark(checkout: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(checkout / "scripts" / "benchmark.py"), *arguments],
        env=os.environ | {"PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=False,
    )


def multiply_adds(height: int, width: int) -> int:
    total = 0
    for kernel, stride, channels_in, channels_out in LAYERS:
        height, width = (height - kernel) // stride + 1, (width - kernel) // stride + 1
        total += height * width * kernel**2 * channels_in * channels_out
    return total


@pytest.mark.slow
def test_a_tiny_benchmark(checkout: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    run = benchmark(checkout, "--size", "64x48", "--repetitions", "1", "--batch", "50", "--json", str(report))
    assert run.returncode == 0, run.stderr
    written = json.loads(report.read_text())
    assert {"cpu", "cores", "date", "python", "tensorflow", "keras"} <= written["about"].keys()
    figures = {
        section: {row["name"]: row["value"] for row in rows} for section, rows in written["figures"].items()
    }
    detect, windows = figures["detect"], figures["windows"]
    assert detect["detect / bare calls"] == pytest.approx(detect["detect"] / detect["bare network calls"])
    for stage in ("decode", "pyramid", "network", "score_map", "merge", "numbers"):
        assert 0 < detect[f"stage {stage}"] < detect["detect"]

    levels = [(64, 85), (45, 60), (32, 43), (23, 30)]  # 48 x 64 px at 4/3 and steps of the square root of 2
    tiles = [(height + 32, width + 32) for height, width in levels]
    count = sum(((height - 32) // 4 + 1) * ((width - 32) // 4 + 1) for height, width in tiles)
    limit = count * multiply_adds(32, 32) / sum(multiply_adds(*tile) for tile in tiles)
    assert windows["windows"] == count
    assert windows["arithmetic limit"] == pytest.approx(limit)
    assert windows["speed-up"] == pytest.approx(windows["each on its own"] / windows["slid"])
    assert windows["part of the limit"] == pytest.approx(windows["speed-up"] / limit)
    assert windows["largest difference of scores"] <= 1e-4

    for text in ("arithmetic limit", "detect / bare calls", "64 x 48", written["about"]["cpu"]):
        assert text in run.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["windows", "speed"], "'speed' is none of detect, windows", id="no such section"),
        pytest.param(["--model", "nowhere"], "nowhere", id="no such model"),
    ],
)
def test_wrong_usage_ends_with_2(checkout: Path, arguments: list[str], message: str) -> None:
    run = benchmark(checkout, *arguments)
    assert run.returncode == 2
    assert message in run.stderr
