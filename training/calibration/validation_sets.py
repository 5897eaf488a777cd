"""What a model is calibrated on: images that no network learns from, and no test split."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.data.labelled_data import is_validation, split_off_validation
from training.data.labels.folder import LabelOptions, holds_own_labels, read_labels
from training.data.labels.tree import OFFICIAL
from training.data.scenes import Scene
from training.data.svhn import read_scenes
from training.errors import DataError
from training.evaluation.sequences import TrueNumber, true_numbers, whole_numbers


@dataclass(frozen=True, eq=False)
class ValidationSet:
    """Labelled images of one kind; every set weighs the same, however many images it has.

    Attributes:
        folder: where it is from.
        scenes: images with the boxes of their digits; those without digits are there for what they must not show.
        numbers: the true numbers of each.
    """

    folder: Path
    scenes: Sequence[Scene]
    numbers: Sequence[Sequence[TrueNumber]]

    @property
    def name(self) -> str:
        """The folder's name, for people."""
        return self.folder.name


def read_validation_set(folder: Path, options: LabelOptions | None = None, seed: int = 1) -> ValidationSet:
    """Return the images of a data folder that trainings keep for validation.

    Of SVHN they are those of `train` that validate every training; of labels of one's own those of the split "val", or
    where there is none those that a training of `seed` draws from "train".

    Raises:
        DataError: if labels are missing or have problems, or no digit is there.
    """
    if holds_own_labels(folder):
        validation = split_off_validation(read_labels(folder, options or LabelOptions()).splits, seed)[1]
        chosen = ValidationSet(folder, validation, true_numbers(validation, folder))
    else:
        official = folder / OFFICIAL
        scenes = [scene for scene in read_scenes(official / "train") if is_validation(scene)]
        chosen = ValidationSet(official, scenes, whole_numbers(scenes))
    if not sum(len(scene.labels) for scene in chosen.scenes):
        raise DataError(f"{folder} has no labelled digits to validate on")
    return chosen
