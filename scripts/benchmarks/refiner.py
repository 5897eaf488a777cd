"""The section about the refiner: what it adds to an image with ten digits."""

import json
from itertools import accumulate

import numpy as np

from benchmarks.measuring import SAMPLES, Bench, Figure, Picture, Result, medians
from detector.images.decode import decode_image, read_image_file
from detector.models.architecture import build_fcn, build_refiner, multiply_adds
from detector.models.layers import REFINER_WINDOW
from detector.pipeline.detector import DigitDetector

DIGITS = 10
SIZE = (480, 640)


def refiner(bench: Bench) -> list[Result]:
    """Time an image with ten digits with and without the refiner.

    Returns:
        Nothing if the model has none.
    """
    if bench.refiner is None:
        return []
    once = DigitDetector(bench.fcn, bench.detector.manifest)
    picture = picture_of_ten()
    found = len(bench.detector.detect(picture).digits)
    windows = sum(map(len, bench.windows(picture)))
    again = windows * multiply_adds(build_refiner(), REFINER_WINDOW, REFINER_WINDOW)
    dense = sum(len(batch) * multiply_adds(build_fcn(), *batch.shape[1:3]) for batch in bench.tiles(picture))
    pixels = picture.shape[0] * picture.shape[1]
    with_it, without = medians(
        bench.repetitions, lambda: bench.detector.detect(picture), lambda: once.detect(picture)
    )
    return [
        Figure("digits found", found),
        Figure("windows refined", windows),
        Figure("with the refiner", 1e3 * with_it, "ms"),
        Figure("without it", 1e3 * without, "ms"),
        Figure("with / without", with_it / without, target="<= 1.2"),
        Figure("multiply-adds per pixel", (dense + again) / pixels, target="<= 250000"),
    ]


def picture_of_ten() -> Picture:
    """Return the first sample images that show ten digits together, one below and beside the other on grey."""
    images = json.loads((SAMPLES / "samples.json").read_text())["images"]
    counts = list(accumulate(len(image["number"]) for image in images))
    canvas = np.full((*SIZE, 3), 128, np.uint8)
    x = y = deepest = 0
    for image in images[: counts.index(DIGITS) + 1]:
        pixels = decode_image(read_image_file(SAMPLES / image["file"]))
        height, width = pixels.shape[:2]
        if x + width > SIZE[1]:
            x, y = 0, deepest
        canvas[y : y + height, x : x + width] = pixels
        x, deepest = x + width, max(deepest, y + height)
    return canvas
