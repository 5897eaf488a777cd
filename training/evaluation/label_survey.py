"""The report of `digit-detector-train check`: every problem, counts, and pictures of the labels."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from detector.results.detections import FloatArray
from training.data.labels.folder import Labels, remarks
from training.data.labels.records import printable
from training.engine.plots import write_png
from training.evaluation.contact_sheets import labelled

_PERCENTILES = (5, 50, 95)


def report(labels: Labels) -> str:
    """Every problem in a line of its own, then what the folder holds."""
    return "\n".join([*(str(problem) for problem in labels.problems), *map(printable, _summary(labels))])


def _summary(labels: Labels) -> Iterator[str]:
    scenes = labels.scenes
    more = f" and {len(labels.sources) - 1:,} more" if len(labels.sources) > 1 else ""
    yield f"format: {labels.format} ({labels.sources[0]}{more})"
    splits = ", ".join(f"{split} {len(found):,}" for split, found in labels.splits.items())
    without = sum(not len(scene.labels) for scene in scenes)
    yield f"images: {len(scenes):,} ({splits or 'none'}), {without:,} of them without digits"
    digits = np.concatenate([np.empty(0, np.int32), *(scene.labels for scene in scenes)])
    counts = np.bincount(digits, minlength=10)
    by_digit = "  ".join(f"{digit}: {count:,}" for digit, count in enumerate(counts.tolist()))
    yield f"digits: {len(digits):,} ({by_digit})"
    heights = heights_of(labels)
    if len(heights):
        low, middle, high = np.percentile(heights, _PERCENTILES)
        yield f"heights: {low:.0f} px (5%), {middle:.0f} px (median), {high:.0f} px (95%)"
    yield f"clipped: {labels.clipped:,} boxes that leave their image in part"
    if not labels.ignored:
        yield "ignored: 0 boxes of other classes"
    yield from remarks(labels)
    counted = f"the counts above are without the {labels.left_out:,} images that have some"
    yield f"problems: {len(labels.problems):,} ({counted})"


def heights_of(labels: Labels) -> FloatArray:
    """(N,) the heights of all digits, px."""
    boxes = np.concatenate([np.empty((0, 4), np.float32), *(scene.boxes for scene in labels.scenes)])
    return np.asarray(boxes[:, 3] - boxes[:, 1], np.float32)


def write_pictures(labels: Labels, folder: Path) -> list[Path]:
    """Draw labelled samples and the digits' heights, if there are digits.

    Returns:
        The files written.
    """
    if not labels.digit_count:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    figures = {"contact_sheet": labelled(labels.scenes), "heights": _histogram(heights_of(labels))}
    for name, figure in figures.items():
        write_png(folder / f"{name}.png", figure)
    return [folder / f"{name}.png" for name in figures]


def _histogram(heights: FloatArray) -> Figure:
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    low, high = max(float(heights.min()), 1.0), max(float(heights.max()), 2.0)
    axes.hist(heights, bins=np.geomspace(low, max(high, 1.01 * low), 30).tolist())
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("height of a digit, px of its image")
    axes.set_ylabel("digits")
    return figure
