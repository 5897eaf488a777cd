"""The section that asks whether images of concurrent requests should share a call of the network."""

import numpy as np

from benchmarks.measuring import Bench, Figure, Result, medians

SIZES = ((64, 48), (128, 96), (256, 192), (640, 480))
TOGETHER = (2, 4)


def sharing(bench: Bench) -> list[Result]:
    """One network call for several pictures of one size, against a call for each: the best that sharing can be.

    Requests that wait for each other, pictures of unlike sizes that need a frame, and the stages beside the network
    would only take from it.
    """
    results: list[Result] = []
    for width, height in SIZES:
        for count in TOGETHER:
            stack = np.stack([np.roll(bench.picture, 7 * n, 1)[:height, :width] for n in range(count)])
            each, shared = medians(
                bench.repetitions,
                lambda stack=stack: [bench.fcn(picture[None]) for picture in stack],  # type: ignore[misc]
                lambda stack=stack: bench.fcn(stack),  # type: ignore[misc]
            )
            results.append(Figure(f"{width}x{height}, {count} together", each / shared, "times as fast"))
    return results
