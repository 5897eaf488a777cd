"""Pictures of an evaluation, as PNG files, without a display."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.engine.plots import confusion_matrix, write_png
from training.evaluation.contact_sheets import false_alarms, missed_numbers, misses
from training.evaluation.figures import Evaluation, ReliabilityFigures, SceneFigures, SceneObservations
from training.evaluation.metrics import GroupRecall, Judgement, judge, match
from training.evaluation.reliability import (
    BINS,
    ScoredDigits,
    expected_calibration_error,
    reliability_bins,
)

_NONE = "none"


def write_evaluation_plots(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write every picture that the evaluation has matter for into `folder`, which is made if need be.

    Returns:
        The files written.
    """
    figures: dict[str, Figure] = {}
    if evaluation.crops:
        figures["crop_confusion"] = confusion_matrix(evaluation.crops.confusion, [str(d) for d in range(10)])
    if evaluation.scenes:
        observed = evaluation.scenes.observations
        figures |= {
            "precision_recall": precision_recall_curves(evaluation.scenes),
            "digit_confusion": confusion_matrix(
                digit_confusion(observed), [*(str(d) for d in range(10)), _NONE]
            ),
            "reliability": reliability(evaluation.scenes.reliability),
            "recall": recall_bars(evaluation.scenes),
            "misses": misses(observed),
            "numbers_missed": missed_numbers(observed),
            "false_alarms": false_alarms(observed, evaluation.photos),
        }
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        write_png(folder / f"{name}.png", figure)
    return [folder / f"{name}.png" for name in figures]


def precision_recall_curves(scenes: SceneFigures) -> Figure:
    """Precision over recall of all digits together, at IoU 0.3 and 0.5, and where the default settings are."""
    figure = Figure(figsize=(6.5, 6), layout="constrained")
    axes = figure.subplots()
    observed = scenes.observations
    judged = judge(observed.scenes, observed.candidates, (0.3, 0.5))
    for default, row in zip((scenes.at_30, scenes.at_50), range(2), strict=True):
        recall, precision = _curve(judged, row)
        (line,) = axes.plot(recall, precision, label=f"IoU {default.iou_threshold:g}, any threshold")
        axes.plot(
            default.recall,
            default.precision,
            "o",
            color=line.get_color(),
            label=f"IoU {default.iou_threshold:g}, default settings: F1 {default.f1:.3f}",
        )
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.01))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left")
    return figure


def digit_confusion(observed: SceneObservations) -> NDArray[np.int64]:
    """(11, 11) counts: true digit by the label detected there (IoU 0.5, labels ignored in matching).

    The last row counts detections where no true digit is, the last column true digits that nothing hit.
    """
    counts = np.zeros((11, 11), np.int64)
    for scene, result in zip(observed.scenes, observed.results, strict=True):
        digits = result.digits
        blind = (
            replace(digits, labels=np.zeros_like(digits.labels)),
            replace(scene, labels=np.zeros_like(scene.labels)),
        )
        (taken,) = match(*blind, (0.5,))
        truth = np.where(taken >= 0, np.append(scene.labels, 10)[taken], 10)
        np.add.at(counts, (truth, digits.labels), 1)
        missed = np.setdiff1d(np.arange(len(scene.labels)), taken)
        np.add.at(counts, (scene.labels[missed], 10), 1)
    return counts


def reliability(figures: ReliabilityFigures) -> Figure:
    """Reliability diagram of the candidates, before calibration and after, above a histogram of their scores."""
    figure = Figure(figsize=(6.5, 7), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    draw_reliability(upper, figures.raw, figures.calibrated)
    lower.hist([figures.raw.scores, figures.calibrated.scores], bins=BINS, range=(0, 1))
    lower.set(xlabel="score", ylabel="detections", yscale="symlog")
    return figure


def draw_reliability(axes: Axes, raw: ScoredDigits, calibrated: ScoredDigits) -> None:
    """Draw a reliability diagram, before calibration and after; calibrated digits lie on the diagonal."""
    axes.plot([0, 1], [0, 1], ":", color="grey")
    for name, digits in (("before calibration", raw), ("after", calibrated)):
        score, right, count = reliability_bins(digits)
        error = expected_calibration_error(digits)
        (line,) = axes.plot(score, right, "-", label=f"{name}, expected calibration error {error:.3f}")
        axes.scatter(score, right, s=8 + 60 * np.sqrt(count / count.max(initial=1)), color=line.get_color())
    axes.set(xlabel="score", ylabel="fraction that hits a true digit (IoU 0.3)", xlim=(0, 1), ylim=(0, 1.01))
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", fontsize=8)


def recall_bars(scenes: SceneFigures) -> Figure:
    """Recall by digit height and by digit, at IoU 0.3, default settings."""
    figure = Figure(figsize=(9, 7), layout="constrained")
    for axes, title, groups in zip(
        figure.subplots(2, 1),
        ("digit height", "digit"),
        (scenes.recall_by_height, scenes.recall_by_digit),
        strict=True,
    ):
        names, values, notes = _bars(groups)
        axes.bar_label(axes.bar(names, values), notes, fontsize=8)
        axes.set(xlabel=title, ylabel="recall (IoU 0.3)", ylim=(0, 1.12))
    return figure


def _bars(groups: Sequence[GroupRecall]) -> tuple[list[str], list[float], list[str]]:
    there = [(group, group.recall) for group in groups if group.recall is not None]
    return (
        [group.name for group, _ in there],
        [recall for _, recall in there],
        [f"{recall:.3f}\nof {group.truths:,}" for group, recall in there],
    )


def _curve(judged: Judgement, row: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Recall and precision after each detection, best scores first."""
    hits = judged.hits[row, np.argsort(-judged.scores, kind="stable")].cumsum()
    return hits / max(len(judged.truth_labels), 1), hits / np.arange(1, len(hits) + 1)
