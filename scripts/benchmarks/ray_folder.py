"""The section about folder jobs on Ray: what its workers reach of what as many plain processes reach."""

import json
import math
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measuring import Bench, Figure, Result, Table
from detector.images.draw import encode_image

IMAGES = 24
"""For each worker; the first few and the last one of each are not counted."""

_WARM_UP = 3
_DETECT_FOLDER = Path(__file__).parents[1] / "detect_folder.py"
_STEADY = Path(__file__).with_name("steady.py")
_ARCHIVES = (1e6, 1e8, 1e9)

_NIGHT_HOURS, _WEEK_HOURS = 8, 7 * 24

_NAMES_PER_SECOND = 10_000
"""That a store lists to one process: 1,000 to a request, as S3 does, and assumed 0.1 s for a request."""

_NAME_BYTES, _ROW_BYTES = 100, 400
"""Assumed, of a path and of a row of JSON with one number of three digits."""

_SHARD_ROWS = 10_000


def ray_folder(bench: Bench) -> list[Result]:
    """Folder jobs on Ray with 1 and 2 workers of one thread, against as many plain processes side by side.

    In their steady state: from when each has done a few images until the first has no more. What starts Ray, loads
    networks and lists files is left out, and so is the end, when workers wait for each other.
    """
    data = encode_image(bench.picture, ".jpg")
    rates: dict[tuple[str, int], list[float]] = {}
    for _ in range(bench.repetitions):
        for workers in (1, 2):
            rates.setdefault(("plain", workers), []).append(_plain_rate(bench, data, workers))
            rates.setdefault(("ray", workers), []).append(_ray_rate(bench, data, workers))
    figures = [
        Figure(f"{workers} {_NAMES[engine]}", statistics.median(values), "images/s")
        for (engine, workers), values in rates.items()
    ]
    pairs = [
        (workers, statistics.median(_ratios(rates["ray", workers], rates["plain", workers])))
        for workers in (1, 2)
    ]
    ratios = [
        Figure(f"{workers} on Ray / {workers} plain", ratio, target=">= 0.85" if workers == 2 else "")
        for workers, ratio in pairs
    ]
    per_core_second = statistics.median(rates["ray", 2]) / 2
    return [*figures, *ratios, Figure("images per core-second", per_core_second), archives(per_core_second)]


_NAMES = {"plain": "plain processes", "ray": "workers on Ray"}


def _ratios(some: Sequence[float], others: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(some, others, strict=True)]


def _plain_rate(bench: Bench, data: bytes, workers: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        photos = _photos(Path(folder), data, IMAGES)
        command = [sys.executable, str(_STEADY), str(photos), "--model", str(bench.model.absolute())]
        processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(workers)
        ]
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
            process.stdin = None  # communicate would flush it
        printed = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise RuntimeError("a plain process failed")
    return steady_rate([json.loads(text) for text in printed])


def _ray_rate(bench: Bench, data: bytes, workers: int) -> float:
    """By the times at which the shards appeared, one image in each."""
    with tempfile.TemporaryDirectory() as folder:
        photos, out = _photos(Path(folder), data, IMAGES * workers), Path(folder) / "out"
        command = [sys.executable, str(_DETECT_FOLDER), str(photos), "--out", str(out), "--engine", "ray"]
        command += ["--address", "local"]  # whatever other cluster there is
        command += ["--workers", str(workers), "--shard-images", "1", "--model", str(bench.model.absolute())]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the job on Ray failed: {done.stderr[-2000:]}")
        times = sorted(shard.stat().st_mtime for shard in out.glob("*.jsonl"))
    return steady_rate([times], workers)


def _photos(folder: Path, data: bytes, count: int) -> Path:
    photos = folder / "photos"
    photos.mkdir()
    for number in range(count):
        (photos / f"{number:04d}.jpg").write_bytes(data)
    return photos


def steady_rate(done: Sequence[Sequence[float]], workers: int = 1) -> float:
    """Images per second while all work.

    Args:
        done: when images were done, in seconds and ascending, for each process; or for all `workers` together.
        workers: how many made each of these lists.
    """
    start = max(times[_WARM_UP * workers] for times in done)
    end = min(times[-workers] for times in done)
    return sum(start < time <= end for times in done for time in times) / (end - start)


def archives(per_core_second: float) -> Table:
    """Return the time that whole archives of such images need, from a core's rate."""
    rows: list[tuple[str | float, ...]] = []
    for images in _ARCHIVES:
        core_hours = images / per_core_second / 3600
        figures = (
            images,
            core_hours,
            math.ceil(core_hours / _NIGHT_HOURS),
            math.ceil(core_hours / _WEEK_HOURS),
            images / _NIGHT_HOURS / 3600,
            math.ceil(images / _SHARD_ROWS),
        )
        sizes = (
            images / _NAMES_PER_SECOND / 3600,
            images * _NAME_BYTES / 1e9,
            images * _ROW_BYTES / 1e9,
        )
        rows.append((*(f"{figure:,.0f}" for figure in figures), *(f"{size:,.1f}" for size in sizes)))
    return Table(
        (
            "images",
            "core-hours",
            f"cores for {_NIGHT_HOURS} h",
            "cores for a week",
            f"images/s in {_NIGHT_HOURS} h",
            f"shards of {_SHARD_ROWS:,}",
            "listing, h",
            "names, GB",
            "rows, GB",
        ),
        rows,
    )
