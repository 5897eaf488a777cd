"""The pictures of `digit-detector-train check --out`: labelled samples, and a histogram of the digits' heights."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from detector.results.detections import FloatArray
from training.data.labels.gathering import Labels
from training.engine.plots import write_png
from training.evaluation.contact_sheets import labelled
from training.evaluation.label_survey import heights_of


def write_pictures(labels: Labels, folder: Path) -> list[Path]:
    """Draws labelled samples and the digits' heights, if there are digits.

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
