"""The figures of validation, on images that a training does not learn from, and those of two models side by side."""

from pathlib import Path

import numpy as np

from detector.images.decode import read_image_file
from detector.models.model_files import Manifest
from detector.pipeline.detector import DigitDetector
from detector.system.progress_bar import progress_bar
from training.data.detector_data import DetectorData
from training.evaluation.metrics import judge, precision_recall, sequence_accuracy

VALIDATED = Manifest("validated", "", "", "")
"""Of a network that has no model folder yet."""

Figures = dict[str, dict[str, dict[str, float]]]
"""For each data, the figures "before" and "after"."""


def validate(detector: DigitDetector, data: DetectorData) -> dict[str, float]:
    """Detect at default settings.

    Args:
        detector: what to measure.
        data: whose validation images and crops are read.

    Returns:
        `f1_50` and `f1_30` (digits), `sequence_accuracy`, `crop_accuracy`, and `score`, the mean of the four, by
        which the best weights are chosen; all 0..1.
    """
    scenes = progress_bar(data.validation, "validation", unit="image", leave=False)
    results = [detector.detect(read_image_file(scene.path)) for scene in scenes]
    digits = [result.digits for result in results]
    at_50, at_30 = precision_recall(judge(data.validation, digits, (0.5, 0.3)))
    right = detector.classify_crops(data.validation_crops) == data.validation_labels
    figures = {
        "f1_50": at_50.f1,
        "f1_30": at_30.f1,
        "sequence_accuracy": sequence_accuracy(data.validation, digits),
        "crop_accuracy": float(np.mean(right)),
    }
    return figures | {"score": float(np.mean(list(figures.values())))}


def before_and_after(before: Path, after: Path, data: dict[str, DetectorData]) -> Figures:
    """Return the figures of `validate` of two model folders."""
    detectors = {"before": DigitDetector.load(before), "after": DigitDetector.load(after)}
    return {
        name: {when: validate(detector, part) for when, detector in detectors.items()}
        for name, part in data.items()
    }


def format_figures(figures: Figures) -> str:
    """Return a table with a line for each figure."""
    lines = [f"{'validation images':<28}{'before':>8}{'after':>8}{'change':>9}"]
    for name, rows in figures.items():
        for figure, before in rows["before"].items():
            after = rows["after"][figure]
            lines.append(f"{f'{name}: {figure}':<28}{before:>8.3f}{after:>8.3f}{after - before:>+9.3f}")
    return "\n".join(lines)
