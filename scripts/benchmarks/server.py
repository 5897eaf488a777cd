"""The section about the server: what it adds to the detector, and what many callers get from it."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from local_server import running_server

from benchmarks.callers import Seen
from benchmarks.measuring import Bench, Figure, Result, Table, quantile
from detector.images.draw import encode_image

CALLERS = (1, 2, 4, 16, 64)
PAIRS = 5
PAIRED_CALLERS = 4
IMAGES_PER_PAIR = 16
_STAGES = (
    "queue",
    "decode",
    "pyramid",
    "tiles",
    "gate",
    "network",
    "score_map",
    "merge",
    "crops",
    "refiner",
    "numbers",
)
_CALLERS_PROGRAM = Path(__file__).with_name("callers.py")


def server(bench: Bench) -> list[Result]:
    """Measure the server on loopback against `detect` in process, and throughput for 1 to 64 callers."""
    data = encode_image(bench.picture, ".jpg")
    with tempfile.TemporaryDirectory() as folder, running_server("--model", str(bench.model)) as address:
        image = Path(folder) / "picture.jpg"
        image.write_bytes(data)
        pairs = [_pair(bench, data, address, image) for _ in range(PAIRS)]
        seen = {callers: ask(address, image, callers, "--seconds", str(bench.seconds)) for callers in CALLERS}
    alone = [bench.shipped.detect(data).stage_seconds for _ in range(bench.repetitions)]
    return [*_ratio(pairs), _stages(alone, seen), _throughput(seen)]


def _pair(bench: Bench, data: bytes, address: str, image: Path) -> tuple[float, Seen]:
    """Seconds for the same images in this process, and what callers of the server saw of them, one after the other."""
    start = time.perf_counter()
    for _ in range(IMAGES_PER_PAIR):
        bench.shipped.detect(data)
    seconds = time.perf_counter() - start
    return seconds, ask(address, image, PAIRED_CALLERS, "--images", str(IMAGES_PER_PAIR))


def ask(address: str, image: Path, callers: int, *until: str) -> Seen:
    """Return the observations of so many callers, until they have asked for so many images or so long."""
    command = [sys.executable, str(_CALLERS_PROGRAM), address, str(image), "--callers", str(callers), *until]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    fields: dict[str, Any] = json.loads(done.stdout)
    return Seen(**fields)


def _ratio(pairs: list[tuple[float, Seen]]) -> list[Figure]:
    """How the server's throughput compares, without the time that its callers took from it."""
    cores = os.cpu_count() or 1
    served = [seen.seconds - seen.cpu_seconds / cores for _, seen in pairs]
    ratios = [alone / net for (alone, _), net in zip(pairs, served, strict=True)]
    return [
        Figure("in process", IMAGES_PER_PAIR / statistics.median(alone for alone, _ in pairs), "images/s"),
        Figure(
            f"server, {PAIRED_CALLERS} callers",
            IMAGES_PER_PAIR / statistics.median(seen.seconds for _, seen in pairs),
            "images/s",
        ),
        Figure(
            "callers' own CPU time per image",
            1e3 * statistics.median(seen.cpu_seconds for _, seen in pairs) / IMAGES_PER_PAIR,
            "ms",
        ),
        Figure("server without it / in process", statistics.median(ratios), target=">= 0.85"),
        Figure("least of the pairs", min(ratios)),
        Figure("greatest of the pairs", max(ratios)),
    ]


def _stages(alone: list[dict[str, float]], seen: dict[int, Seen]) -> Table:
    """Median milliseconds of each stage; "rest" is what a caller waits beside them: the wire, conversions, asyncio."""
    rows: list[tuple[str | float, ...]] = []
    for stage in _STAGES:
        here = _median_ms([stages[stage] for stages in alone if stage in stages])
        rows.append((stage, here, *(_median_ms(each.stages.get(stage, [])) for each in seen.values())))
    rest = [_median_ms(each.beside_stages) for each in seen.values()]
    rows.append(("rest", 0.0, *rest))
    columns = ("median ms", "in process", *(f"{callers} callers" for callers in seen))
    return Table(columns, rows)


def _throughput(seen: dict[int, Seen]) -> Table:
    rows: list[tuple[str | float, ...]] = [
        (
            callers,
            len(each.latencies),
            len(each.latencies) / each.seconds,
            *(1e3 * quantile(each.latencies, share) for share in (0.5, 0.95, 0.99)),
            each.refused,
        )
        for callers, each in seen.items()
    ]
    return Table(("callers", "images", "images/s", "p50 ms", "p95 ms", "p99 ms", "refused"), rows)


def _median_ms(seconds: list[float]) -> float:
    return 1e3 * statistics.median(seconds) if seconds else 0.0
