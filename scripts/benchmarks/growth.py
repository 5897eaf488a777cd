"""The section on how time grows: with the pixels of a photograph, and with the digits in it."""

from pathlib import Path

from matplotlib.figure import Figure as Plot

from benchmarks.measuring import Bench, Figure, Picture, Result, Table, medians
from benchmarks.scenes import encoded, most_numbers, photographs, scene
from detector.pipeline.detector import DigitDetector

MEGAPIXELS = (0.1, 0.2, 0.5, 1, 2, 5, 12, 24, 48)
NUMBERS = (0, 1, 2, 4, 8, 16, 32, most_numbers())
SIZE = (640, 480)
"""Of the photograph that is filled with numbers."""

RATIO_OF = (48, 12)
"""Megapixels, of whose times the ratio is a figure."""

_PASTED = 2


def growth(bench: Bench) -> list[Result]:
    """Time against pixels, 0.1 to 48 megapixels of one scene, and against the digits in a picture of 640x480."""
    photo = photographs(bench.photos)[0]
    by_pixels = _by_pixels(bench.shipped, photo, bench.repetitions)
    if bench.plot is not None:
        draw(by_pixels, bench.plot)
    seconds = dict(by_pixels)
    large, small = RATIO_OF
    return [
        Figure(f"{large} MP / {small} MP", seconds[large] / seconds[small], target="<= 4.4, aim 4"),
        Table(
            ("megapixels", "median ms", "ms per megapixel"),
            [(size, 1e3 * each, 1e3 * each / size) for size, each in by_pixels],
        ),
        _by_digits(bench.shipped, photo, bench.repetitions),
    ]


def _by_pixels(detector: DigitDetector, photo: Picture, repetitions: int) -> list[tuple[float, float]]:
    """(megapixels, median seconds) of the scene at each size."""
    measured = []
    for size in MEGAPIXELS:
        height = round((size * 1e6 * 3 / 4) ** 0.5)
        (data,) = encoded([scene(photo, round(height * 4 / 3), height, _PASTED)])
        (seconds,) = medians(repetitions, lambda data=data: detector.detect(data))
        measured.append((size, seconds))
    return measured


def _by_digits(detector: DigitDetector, photo: Picture, repetitions: int) -> Table:
    images = list(encoded([scene(photo, *SIZE, numbers) for numbers in NUMBERS]))
    times = medians(repetitions, *(lambda data=data: detector.detect(data) for data in images))
    found = [len(detector.detect(data).digits) for data in images]
    rows: list[tuple[str | float, ...]] = [
        (numbers, digits, 1e3 * seconds)
        for numbers, digits, seconds in zip(NUMBERS, found, times, strict=True)
    ]
    return Table(("numbers pasted", "digits found", "median ms"), rows)


def draw(by_pixels: list[tuple[float, float]], path: Path) -> None:
    """Draws time against pixels, both in decades, beside a line of proportional growth."""
    plot = Plot(figsize=(6, 4), layout="constrained")
    axes = plot.subplots()
    sizes, seconds = zip(*by_pixels, strict=True)
    axes.loglog(sizes, seconds, "o-", label="detect")
    first, last = by_pixels[0][0], by_pixels[-1][0]
    last_seconds = by_pixels[-1][1]
    axes.loglog([first, last], [last_seconds * first / last, last_seconds], ":", label="proportional")
    axes.set(xlabel="megapixels", ylabel="seconds from JPEG to result")
    axes.grid(True, which="both", alpha=0.3)
    axes.legend()
    plot.savefig(path, dpi=120)
