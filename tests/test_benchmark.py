"""The benchmark runs, compares equal things, and computes its arithmetic limit right. No test asserts a time."""

import contextlib
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from detector import DigitDetector
from detector.images.decode import decode_image
from detector.models.model_files import EMBEDDED
from detector.models.runtimes import load_networks

sys.path.append(str(Path(__file__).parent.parent / "scripts"))
from benchmarks import growth, peers, scenes
from benchmarks.measuring import Bench, Figure, Table, quantile
from benchmarks.ray_folder import archives, steady_rate

(PHOTO,) = scenes.photographs(None)

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
    options = ["--size", "64x48", "--repetitions", "1", "--batch", "50", "--json", str(report)]
    run = benchmark(checkout, "detect", "windows", *options)
    assert run.returncode == 0, run.stderr
    written = json.loads(report.read_text())
    assert {"cpu", "cores", "date", "python", "tensorflow", "keras"} <= written["about"].keys()
    figures = {
        section: {row["name"]: row["value"] for row in rows} for section, rows in written["figures"].items()
    }
    detect, windows = figures["detect"], figures["windows"]
    assert detect["detect / bare calls"] == pytest.approx(
        detect["detect"] / detect["bare calls of the networks"]
    )
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


@pytest.mark.slow
def test_the_refiner_stays_within_its_budget_of_arithmetic(checkout: Path, tmp_path: Path) -> None:
    """Multiply-adds are counted, not timed: they are the same on every machine."""
    report = tmp_path / "report.json"
    run = benchmark(checkout, "refiner", "--repetitions", "1", "--json", str(report))
    assert run.returncode == 0, run.stderr
    figures = {row["name"]: row["value"] for row in json.loads(report.read_text())["figures"]["refiner"]}
    assert 8 <= figures["digits found"] <= figures["windows refined"]
    assert 70_000 < figures["multiply-adds per pixel"] <= 250_000
    assert figures["with / without"] == pytest.approx(figures["with the refiner"] / figures["without it"])


@pytest.mark.slow
def test_a_tiny_benchmark_of_the_server(checkout: Path, tmp_path: Path) -> None:
    # In this corner of the sample the gate passes digits to the network.
    report = tmp_path / "report.json"
    options = ["--size", "96x72", "--repetitions", "1", "--seconds", "0.5", "--json", str(report)]
    run = benchmark(checkout, "server", "sharing", *options)
    assert run.returncode == 0, run.stderr
    written = json.loads(report.read_text())
    figures = {row["name"]: row["value"] for row in written["figures"]["server"]}
    least, median, greatest = (
        figures[name]
        for name in ("least of the pairs", "server without it / in process", "greatest of the pairs")
    )
    assert 0 < least <= median <= greatest
    assert figures["callers' own CPU time per image"] > 0
    stages, callers = written["tables"]["server"]
    assert [row["median ms"] for row in stages][-1] == "rest"
    network = next(row for row in stages if row["median ms"] == "network")
    assert all(value > 0 for name, value in network.items() if name != "median ms")
    assert [row["callers"] for row in callers] == [1, 2, 4, 16, 64]
    for row in callers:
        assert row["images"] > 0
        assert 0 < row["p50 ms"] <= row["p95 ms"] <= row["p99 ms"]
    assert callers[0]["refused"] == 0
    sharing = {row["name"]: row["value"] for row in written["figures"]["sharing"]}
    assert sharing.keys() == {"64x48", "128x96", "256x192", "640x480", "real pictures"}
    assert "| callers | images | images/s | p50 ms | p95 ms | p99 ms | refused |" in run.stdout


@pytest.mark.slow
def test_runtimes_are_compared_on_equal_score_maps(checkout: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    options = ["--size", "64x48", "--repetitions", "1", "--json", str(report)]
    run = benchmark(checkout, "runtimes", *options)
    assert run.returncode == 0, run.stderr
    written = json.loads(report.read_text())
    slow, fast, ratio = (row["value"] for row in written["figures"]["runtimes"])
    assert ratio == pytest.approx(slow / fast)
    (table,) = written["tables"]["runtimes"]
    assert [row["network"] for row in table] == ["fcn"] * 5 + ["refiner"] * 5
    tensorflow = {row["network"]: row["ms"] for row in table if row["runtime"] == "TensorFlow"}
    for row in table:
        assert row["TensorFlow's / its"] == pytest.approx(tensorflow[row["network"]] / row["ms"])
        least = 0.5 if "bfloat16" in row["runtime"] else 1e-4
        assert row["largest difference of a score map"] <= least


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0),
        ([float(n) for n in range(1, 101)], 0.95, 95.0),
        ([float(n) for n in range(1, 101)], 0.99, 99.0),
        ([7.0], 0.99, 7.0),
    ],
)
def test_quantiles_are_values_that_were_seen(values: list[float], share: float, expected: float) -> None:
    """By the nearest-rank definition."""
    assert quantile(values, share) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ["windows", "speed"],
            "'speed' is none of detect, windows, refiner, runtimes, folder, server, sharing, growth, peers",
            id="no such section",
        ),
        pytest.param(
            ["--engine", "ray", "windows"],
            "'windows' is none of folder, server (--engine ray)",
            id="not on Ray",
        ),
        pytest.param(["--model", "nowhere"], "nowhere", id="no such model"),
    ],
)
def test_wrong_usage_ends_with_2(checkout: Path, arguments: list[str], message: str) -> None:
    run = benchmark(checkout, *arguments)
    assert run.returncode == 2
    assert message in run.stderr


def test_a_steady_rate_leaves_out_how_each_begins_and_ends() -> None:
    quick, slow = [0.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0], [0.0, 9.0, 10.0, 11.5, 13.5, 15.5, 90.0]
    # From 11.5, when both have done a few, to 14, when the first is at its end: 12, 13, 14 and 13.5.
    assert steady_rate([quick, slow]) == pytest.approx(4 / 2.5)


def test_the_steady_rate_of_workers_whose_times_are_mixed() -> None:
    both = sorted([*range(10), *(0.5 + second for second in range(10))])
    assert steady_rate([both], workers=2) == pytest.approx(2)


def test_what_archives_need_is_arithmetic() -> None:
    million, _, billion = archives(2.5).rows
    assert million[:2] == ("1,000,000", "111")
    assert billion[2] == f"{-(-1e9 / 2.5 / 3600 // 8):,.0f}"


@pytest.mark.skipif(find_spec("rapidocr") is not None, reason="the extra bench is installed")
def test_peers_that_are_not_installed_are_named(checkout: Path) -> None:
    run = benchmark(checkout, "peers")
    assert run.returncode == 1
    assert "peers needs rapidocr" in run.stderr
    assert "pip install '.[bench,train]'" in run.stderr


@pytest.fixture
def _this_checkout(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contestants import this checkout's detector."""
    monkeypatch.setenv("PYTHONPATH", str(checkout))


@pytest.mark.usefixtures("_this_checkout")
def test_contestants_take_turns_on_the_same_images() -> None:
    images = list(scenes.encoded([scenes.scene(PHOTO, 64, 48, 1), scenes.scene(PHOTO, 80, 60, 1)]))
    with contextlib.ExitStack() as stack:
        running = {
            name: stack.enter_context(peers.started_contestant(name, EMBEDDED))
            for name in (peers.OURS, peers.EXHAUSTIVE)
        }
        rounds = peers.measure_rounds(running, images, 2)
    assert [len(turns) for turns in rounds.values()] == [2, 2]
    assert all(0 < sum(turn.stages.values()) < turn.seconds for turns in rounds.values() for turn in turns)
    assert 0 < peers.outside_networks(rounds[peers.OURS]) < 1


@pytest.mark.usefixtures("_this_checkout")
def test_a_contestant_that_ends_says_why(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"(?s)ours ended: .*manifest\.json") as ended:
        peers.started_contestant(peers.OURS, tmp_path).__enter__()
    assert "ModelError" in str(ended.value)


def test_ratios_are_taken_round_by_round() -> None:
    """The second round was slow for both: that is no difference between them."""
    rounds = {
        "one": [peers.Turn(seconds, {"network": 0.5, "decode": 9.0}) for seconds in (1.0, 10.0, 1.2)],
        "other": [peers.Turn(seconds, {}) for seconds in (2.0, 20.0, 2.0)],
    }
    assert peers.ratio(rounds, "one", "other") == pytest.approx(0.5)
    assert peers.outside_networks(rounds["one"]) == pytest.approx(1 - 0.5 / 1.2)


def test_growth_is_measured_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "MEGAPIXELS", (0.01, 0.03))
    monkeypatch.setattr(growth, "RATIO_OF", (0.03, 0.01))
    monkeypatch.setattr(growth, "NUMBERS", (0, 3))
    plot = tmp_path / "growth.png"
    networks = load_networks(EMBEDDED)
    detector = DigitDetector(networks.fcn, networks.manifest)
    shipped = DigitDetector.load()
    bench = Bench(networks.fcn, None, detector, shipped, EMBEDDED, PHOTO, 1, 1, 1.0, plot=plot)
    figure, by_pixels, by_digits = growth.growth(bench)
    assert isinstance(figure, Figure)
    assert isinstance(by_pixels, Table)
    assert isinstance(by_digits, Table)
    (small, small_ms, _), (large, large_ms, each_ms) = by_pixels.rows
    assert (small, large) == (0.01, 0.03)
    assert figure.value == pytest.approx(large_ms / small_ms)
    assert each_ms == pytest.approx(large_ms / large)
    assert [row[0] for row in by_digits.rows] == [0, 3]
    assert by_digits.rows[0][1] == 0
    assert by_digits.rows[1][1] >= 3, "the pasted numbers are seen"
    assert decode_image(plot.read_bytes()).shape[1] > 500


@pytest.mark.parametrize("size", [(640, 480), (64, 48), (333, 777)])
def test_a_scene_has_its_size_and_its_numbers(size: tuple[int, int]) -> None:
    plain, full = (scenes.scene(PHOTO, *size, numbers) for numbers in (0, scenes.most_numbers()))
    assert plain.shape == full.shape == (size[1], size[0], 3)
    changed = (plain != full).any(axis=2).mean()
    assert 0.15 < changed < 0.9, "the numbers cover a part of it"


def test_mean_images_have_the_mean_size() -> None:
    for image in scenes.mean_svhn_images():
        assert image.shape[0] * image.shape[1] == pytest.approx(scenes.MEAN_SVHN_PIXELS, rel=0.02)
