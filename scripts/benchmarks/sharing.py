"""The section that asks whether images of concurrent requests should share calls of the network."""

from collections.abc import Sequence

import numpy as np

from benchmarks.measuring import SAMPLES, Bench, Figure, Picture, Result, medians
from detector.images.decode import decode_image, read_image_file

SIZES = ((64, 48), (128, 96), (256, 192), (640, 480))
TOGETHER = 4


def sharing(bench: Bench) -> list[Result]:
    """Measure whether batching four requests into one network call is faster.

    First with four pictures of one size, then with real pictures, whose sizes differ; tiles of one size share a call.
    Nothing is said here of the time that requests would wait for each other.
    """
    results: list[Result] = []
    for width, height in SIZES:
        pictures = [np.roll(bench.picture, 7 * n, axis=1)[:height, :width] for n in range(TOGETHER)]
        results.append(Figure(f"{width}x{height}", _gain(bench, [pictures]), "times as fast"))
    samples = [decode_image(read_image_file(path)) for path in sorted(SAMPLES.glob("*.png"))]
    groups = [samples[start : start + TOGETHER] for start in range(0, len(samples), TOGETHER)]
    results.append(Figure("real pictures", _gain(bench, groups), "times as fast"))
    return results


def _gain(bench: Bench, groups: Sequence[Sequence[Picture]]) -> float:
    """Time of the calls for each picture / time of calls for the tiles of all pictures of a group together."""
    batches = [[bench.tiles(picture) for picture in group] for group in groups]
    together = [
        stack for group in batches for stack in _joined([tiles for picture in group for tiles in picture])
    ]
    alone, shared = medians(
        bench.repetitions,
        lambda: [bench.fcn(tiles) for group in batches for picture in group for tiles in picture],
        lambda: [bench.fcn(stack) for stack in together],
    )
    return alone / shared


def _joined(batches: Sequence[Picture]) -> list[Picture]:
    """(N, H, W, 3) each: the batches of tiles of one size, one after the other."""
    by_size: dict[tuple[int, ...], list[Picture]] = {}
    for batch in batches:
        by_size.setdefault(batch.shape[1:], []).append(batch)
    return [np.concatenate(alike) for alike in by_size.values()]
