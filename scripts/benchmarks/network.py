"""Sections about the detector in one process: its own cost beside the network's, and what sliding once saves."""

import statistics
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.measuring import Bench, Figure, Picture, Result, medians
from detector.images.draw import encode_image
from detector.models.architecture import build_fcn, multiply_adds
from detector.models.layers import RECEPTIVE_FIELD, STRIDE

LARGEST_DIFFERENCE = 1e-4


def detect(bench: Bench) -> list[Result]:
    """Time `detect` on an encoded picture against the bare network calls on the same tiles and windows."""
    data = encode_image(bench.picture, ".jpg")
    tiles, windows = bench.tiles(bench.picture), bench.windows(bench.picture)
    stages: dict[str, list[float]] = {}

    def whole() -> None:
        for stage, seconds in bench.detector.detect(data).stage_seconds.items():
            stages.setdefault(stage, []).append(seconds)

    def bare() -> None:
        for batch in tiles:
            bench.fcn(batch)
        for batch in windows:
            bench.refiner(batch)

    whole_seconds, bare_seconds = medians(
        bench.repetitions, whole, bare
    )  # each stage's first time is not counted
    return [
        Figure("detect", 1e3 * whole_seconds, "ms"),
        Figure("bare calls of the networks", 1e3 * bare_seconds, "ms"),
        Figure("detect / bare calls", whole_seconds / bare_seconds, target="<= 1.3"),
        *(Figure(f"stage {name}", 1e3 * statistics.median(each[1:]), "ms") for name, each in stages.items()),
    ]


def windows(bench: Bench) -> list[Result]:
    """Time one dense pass against classifying each window separately.

    Raises:
        SystemExit: if the scores of the two ways differ.
    """
    parts = bench.levels(bench.picture)
    alone = [cut for part in parts for cut in batches_of_windows(part, bench.batch)]
    dense_scores = np.concatenate([bench.fcn(part[None]).reshape(-1, 15) for part in parts])
    scores = np.concatenate([bench.fcn(batch)[:, 0, 0] for batch in alone])
    difference = float(np.abs(scores - dense_scores).max())
    if difference > LARGEST_DIFFERENCE:
        raise SystemExit(
            f"benchmark: the two ways differ by {difference:g}; at most {LARGEST_DIFFERENCE:g} is right"
        )
    dense_seconds, alone_seconds = medians(
        bench.repetitions,
        lambda: [bench.fcn(part[None]) for part in parts],
        lambda: [bench.fcn(batch) for batch in alone],
    )
    limit = arithmetic_limit(parts, len(scores))
    speed_up = alone_seconds / dense_seconds
    return [
        Figure("windows", len(scores)),
        Figure("slid", 1e3 * dense_seconds, "ms"),
        Figure("each on its own", 1e3 * alone_seconds, "ms"),
        Figure("largest difference of scores", difference, target=f"<= {LARGEST_DIFFERENCE:g}"),
        Figure("speed-up", speed_up, target=">= 8"),
        Figure("arithmetic limit", limit),
        Figure("part of the limit", speed_up / limit, target=">= 0.6"),
    ]


def arithmetic_limit(parts: Sequence[Picture], window_count: int) -> float:
    """Multiply-adds of all windows on their own / those of the tiles that hold them, summed over the layers."""
    model = build_fcn()
    slid = sum(multiply_adds(model, *part.shape[:2]) for part in parts)
    return window_count * multiply_adds(model, RECEPTIVE_FIELD, RECEPTIVE_FIELD) / slid


def batches_of_windows(part: Picture, size: int) -> Iterator[Picture]:
    """All windows of one tile, row by row, in batches of up to `size`: (B, 32, 32, 3)."""
    grid = np.lib.stride_tricks.sliding_window_view(part, (RECEPTIVE_FIELD, RECEPTIVE_FIELD, 3))[
        ::STRIDE, ::STRIDE, 0
    ]
    rows, columns = np.indices(grid.shape[:2]).reshape(2, -1)
    for start in range(0, len(rows), size):
        yield grid[rows[start : start + size], columns[start : start + size]]
