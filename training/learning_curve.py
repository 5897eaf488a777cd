"""A picture of how a detector's training went."""

from collections.abc import Sequence

from matplotlib.figure import Figure


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
