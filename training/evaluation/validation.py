"""The figures by which a training run is watched, on train images that it does not learn from."""

import numpy as np

from detector.images.decode import read_image_file
from detector.pipeline.detector import DigitDetector
from detector.system.progress_bar import progress_bar
from training.data.detector_data import DetectorData
from training.evaluation.metrics import judge, number_figures, precision_recall


def validate(detector: DigitDetector, data: DetectorData) -> dict[str, float]:
    """Detects at default settings.

    Args:
        detector: what to watch.
        data: whose validation images and crops are looked at.

    Returns:
        `f1_50` and `f1_30` (digits), `number_accuracy`, `crop_accuracy`, and `score`, the mean of the four, by
        which the best weights are chosen; all 0..1.
    """
    scenes = progress_bar(data.validation, "validation", unit="image", leave=False)
    results = [detector.detect(read_image_file(scene.path)) for scene in scenes]
    digits = [result.digits for result in results]
    at_50, at_30 = precision_recall(judge(data.validation, digits, (0.5, 0.3)))
    numbers = number_figures(data.validation, digits, [result.numbers for result in results])
    right = detector.classify_crops(data.validation_crops) == data.validation_labels
    figures = {
        "f1_50": at_50.f1,
        "f1_30": at_30.f1,
        "number_accuracy": numbers.accuracy,
        "crop_accuracy": float(np.mean(right)),
    }
    return figures | {"score": float(np.mean(list(figures.values())))}
