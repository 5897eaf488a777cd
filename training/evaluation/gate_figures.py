"""What the gate costs: the same images looked at everywhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from detector.results.boxes import iou
from detector.results.detections import ImageDetections
from training.data.scenes import Scene
from training.evaluation.metrics import judge, number_figures, precision_recall

SMALL_PX = 16.0
"""Digits below this height reach the network's range on one level alone, so they are counted apart."""

_SAME_IOU = 0.5


@dataclass(frozen=True)
class GateFigures:
    """The same images looked at exhaustively, and what of that the gate lets through.

    Attributes:
        f1_50: harmonic mean of precision and recall at IoU 0.5, without the gate.
        f1_30: the same at IoU 0.3.
        number_accuracy: whole numbers read, without the gate.
        digits: found without the gate.
        kept: of these, found with it, 0..1: label equal, IoU at least 0.5.
        small_digits: of these, less than 16 px high.
        small_kept: and of those found with the gate, 0..1; 1 if there are none.
    """

    f1_50: float
    f1_30: float
    number_accuracy: float
    digits: int
    kept: float
    small_digits: int
    small_kept: float


def measure_gate(
    scenes: Sequence[Scene],
    gated: Sequence[ImageDetections],
    detect_everywhere: Callable[[Scene], ImageDetections],
) -> GateFigures | None:
    """Compare what a detector finds with its gate and without; None if it has none.

    Args:
        scenes: the truth, boxes clipped to the images.
        gated: what was found with the gate, one for each.
        detect_everywhere: finds the digits of a scene's image without the gate.
    """
    if not any("gate" in result.stage_seconds for result in gated):
        return None
    results = [detect_everywhere(scene) for scene in scenes]
    digits = [result.digits for result in results]
    at_50, at_30 = precision_recall(judge(scenes, digits, (0.5, 0.3)))
    pairs = list(zip(results, gated, strict=True))
    kept = np.concatenate([_kept(everywhere, found) for everywhere, found in pairs])
    heights = np.concatenate([found.boxes[:, 3] - found.boxes[:, 1] for found in digits])
    small = heights < SMALL_PX
    return GateFigures(
        f1_50=at_50.f1,
        f1_30=at_30.f1,
        number_accuracy=number_figures(scenes, digits, [result.numbers for result in results]).accuracy,
        digits=len(kept),
        kept=float(kept.mean()) if len(kept) else 1.0,
        small_digits=int(small.sum()),
        small_kept=float(kept[small].mean()) if small.any() else 1.0,
    )


def _kept(everywhere: ImageDetections, gated: ImageDetections) -> np.ndarray[tuple[int], np.dtype[np.bool]]:
    same_label = everywhere.digits.labels[:, None] == gated.digits.labels[None, :]
    same_place = iou(everywhere.digits.boxes, gated.digits.boxes) >= _SAME_IOU
    return np.asarray((same_label & same_place).any(axis=1))
