"""The benchmark's sections on Ray run and compute what they say. No test asserts a time."""

import json
from pathlib import Path

import pytest

from tests.test_benchmark import benchmark

pytestmark = pytest.mark.ray


def test_a_tiny_benchmark_on_ray(checkout: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    options = ["--size", "160x120", "--repetitions", "1", "--json", str(report)]
    run = benchmark(checkout, "--engine", "ray", "folder", "server", *options)
    assert run.returncode == 0, run.stderr
    written = json.loads(report.read_text())
    folder, server = (
        {row["name"]: row["value"] for row in written["figures"][section]} for section in ("folder", "server")
    )
    for workers in (1, 2):
        ratio = folder[f"{workers} workers on Ray"] / folder[f"{workers} plain processes"]
        assert folder[f"{workers} on Ray / {workers} plain"] == pytest.approx(ratio)
    assert folder["images per core-second"] == pytest.approx(folder["2 workers on Ray"] / 2)
    assert server["what Ray adds to a request"] == pytest.approx(
        server["service on Ray, beside the stages"] - server["plain server, beside the stages"]
    )
    assert [row["images"] for row in written["tables"]["folder"][0]] == [
        "1,000,000",
        "100,000,000",
        "1,000,000,000",
    ]
