"""Pictures of a training run and of confusions, as PNG files, without a display."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from detector.system.files import write_whole


def learning_curve(history: Sequence[dict[str, float]]) -> Figure:
    """Training loss and validation figures by step.

    Args:
        history: a row for each validation: `step`, `loss`, and figures between 0 and 1 under any other names.
    """
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    steps = [row["step"] for row in history]
    left.plot(steps, [row["loss"] for row in history], "o-", label="training loss")
    for name in history[-1]:
        if name not in {"step", "loss"}:
            right.plot(steps, [row[name] for row in history], "o-", label=name.replace("_", " "))
    left.set(xlabel="step", ylabel="loss", yscale="log")
    right.set(xlabel="step", ylabel="validation", ylim=(None, 1))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def write_png(path: Path, figure: Figure) -> None:
    """Write the figure whole or not at all."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=100)
    write_whole(path, content.getvalue())


def confusion_matrix(counts: NDArray[np.int64], classes: Sequence[str]) -> Figure:
    """(classes, classes) counts, rows are the truth, coloured by their fraction of the row."""
    figure = Figure(figsize=(7, 6.5), layout="constrained")
    axes = figure.subplots()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    ticks = range(len(classes))
    axes.set(xlabel="predicted", ylabel="true")
    axes.set_xticks(ticks, classes, rotation=45)
    axes.set_yticks(ticks, classes)
    write_cells(axes, counts, dark=share > 0.5)
    return figure


def write_cells(axes: Axes, values: NDArray[Any], dark: NDArray[np.bool_], size: int = 8) -> None:
    """Write each value on its cell, white where that is dark."""
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if dark[row, column] else "black"
        axes.text(column, row, str(value), ha="center", va="center", color=colour, fontsize=size)
