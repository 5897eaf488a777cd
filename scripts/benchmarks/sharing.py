"""The section that asks whether images of concurrent requests should share calls of the network."""

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np

from benchmarks.measuring import SAMPLES, Bench, Figure, Picture, Result, medians
from detector.images.decode import decode_image, read_image_file

SIZES = ((64, 48), (128, 96), (256, 192), (640, 480))
TOGETHER = 4


def sharing(bench: Bench) -> list[Result]:
    """Call of the network for four pictures at once, against calls for each: is a server faster that waits for four?

    First with four pictures of one size, the best that sharing can be; then with real pictures, whose sizes
    differ, each level of the pyramid framed in black to the largest of the four. Nothing is said here of the time
    that requests would wait for each other.
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
    """Time of a call for each tile / time of a call for each stack of tiles."""
    tiles = [[bench.tiles(picture) for picture in group] for group in groups]
    stacks = [
        _stacked([tile for tile in level if tile is not None])
        for group in tiles
        for level in zip_longest(*group)
    ]
    alone, shared = medians(
        bench.repetitions,
        lambda: [bench.fcn(tile[None]) for group in tiles for picture in group for tile in picture],
        lambda: [bench.fcn(stack) for stack in stacks],
    )
    return alone / shared


def _stacked(tiles: Sequence[Picture]) -> Picture:
    """(N, H, W, 3): each tile in the upper left corner of a black picture."""
    height, width = np.max([tile.shape[:2] for tile in tiles], axis=0)
    stack = np.zeros((len(tiles), height, width, 3), np.uint8)
    for picture, tile in zip(stack, tiles, strict=True):
        picture[: tile.shape[0], : tile.shape[1]] = tile
    return stack
