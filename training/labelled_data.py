"""What either kind of labelled pictures gives to training."""

from dataclasses import dataclass

from detector.detections import IntArray
from training.appearance import Image
from training.scenes import Scene

MAX_VALIDATION = 400


@dataclass(frozen=True, eq=False)
class LabelledData:
    """Labelled scenes and crops, those that validate kept apart.

    Attributes:
        learned: scenes to learn from.
        validation: scenes that are not learned from.
        crops: (N, 32, 32, 3) uint8, of the learned scenes.
        crop_labels: (N,) their digits.
        validation_crops: (M, 32, 32, 3) uint8, of the others.
        validation_labels: (M,) their digits.
        counts: how many images each part gave.
        origin: where they are from, for people.
    """

    learned: list[Scene]
    validation: list[Scene]
    crops: Image
    crop_labels: IntArray
    validation_crops: Image
    validation_labels: IntArray
    counts: dict[str, int]
    origin: str
