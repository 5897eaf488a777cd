"""A folder of one's own labels as training data: what is learned from, and what validates."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detector.detections import IntArray
from training.appearance import Image
from training.crops import cut_crops
from training.labels.folder import LabelOptions, read_labels
from training.scenes import Scene

MAX_VALIDATION = 400
_HELD_OUT = 5
"""One image in so many validates where the folder itself names none that do."""


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


def read_own_data(data_dir: Path, options: LabelOptions, seed: int) -> LabelledData:
    """Reads the folder and splits it by image.

    Images of the folder's own split "val" validate; where there are none, `seed` draws one in five of "train".
    Images of "test" are left alone.

    Raises:
        DataError: if the labels have problems and are not to be read without them.
    """
    labels = read_labels(data_dir, options)
    splits = labels.splits
    learned, validation = splits.get("train", []), splits.get("val", [])
    if not validation:
        order = np.random.default_rng(seed).permutation(len(learned))
        held_out = set(order[: -(-len(learned) // _HELD_OUT)].tolist())
        validation = [scene for index, scene in enumerate(learned) if index in held_out]
        learned = [scene for index, scene in enumerate(learned) if index not in held_out]
    validation = validation[:MAX_VALIDATION]
    counts = {"train_images": len(learned), "validation_images": len(validation)}
    origin = f"pictures with labels of one's own ({labels.format}), and, where given"
    return LabelledData(learned, validation, *cut_crops(learned), *cut_crops(validation), counts, origin)
