"""A folder of one's own labels as training data: what is learned from, and what validates."""

from pathlib import Path

import numpy as np

from training.crops import cut_crops
from training.labelled_data import MAX_VALIDATION, LabelledData
from training.labels.folder import LabelOptions, read_labels

_HELD_OUT = 5
"""One image in so many validates where the folder itself names none that do."""


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
