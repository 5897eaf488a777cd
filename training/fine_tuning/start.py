"""The start of a fine-tuning: the model of `--init embedded|DIR`, and the pictures that it goes on learning from."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from detector.models.model_files import EMBEDDED, Manifest, Weights, load_model
from detector.results.errors import ModelError
from training.data.detector_data import DetectorData, load_detector_data
from training.data.labels.folder import LabelOptions
from training.errors import TrainingError

if TYPE_CHECKING:
    from detector.models.tensorflow_backend import Refiner

EMBEDDED_NAME = "embedded"


def model_folder(name: str) -> Path:
    """Return the folder of a model as a command line names it: a folder, or "embedded"."""
    return EMBEDDED if name == EMBEDDED_NAME else Path(name)


@dataclass(frozen=True, eq=False)
class StartingModel:
    """A model whose networks are trained on.

    Attributes:
        name: as it was asked for.
        folder: its files.
        weights: of its networks.
        manifest: what is known of them.
        refiner: the network of the second stage, ready to use; None if the model has none.
    """

    name: str
    folder: Path
    weights: Weights
    manifest: Manifest
    refiner: "Refiner | None"

    @classmethod
    def load(cls, name: str, out_dir: Path) -> Self:
        """Read a model folder, or the embedded model.

        Args:
            name: "embedded" or a folder.
            out_dir: where the new model is written: not there.

        Raises:
            ModelError: if a file is missing, damaged, not what the manifest says, or does not fit the networks.
            TrainingError: if the new model would replace the one it starts from.
        """
        folder = model_folder(name)
        if folder.resolve() == out_dir.resolve():
            raise TrainingError(f"--out {out_dir} would replace the model of --init; choose another --out")
        weights, manifest = load_model(folder)
        from detector.models.tensorflow_backend import networks_of  # noqa: PLC0415 - TensorFlow comes in with it

        try:
            _, refiner, _ = networks_of(weights)
        except ValueError as error:
            raise ModelError(f"{folder}: {error}") from error
        return cls(name, folder, weights, manifest, refiner)


@dataclass(frozen=True, eq=False)
class Pictures:
    """The pictures that a fine-tuning learns from.

    Attributes:
        own: the new pictures.
        old: data of the kind that the model has learned from before; None if none is given.
    """

    own: DetectorData
    old: DetectorData | None

    @classmethod
    def load(cls, own: Path, old: Path | None, options: LabelOptions | None, seed: int) -> Self:
        """Read both folders and print what is in them.

        Raises:
            DataError: if data is missing or damaged.
        """
        from training.engine.provenance import announce  # noqa: PLC0415 - Keras comes in with it

        pictures = cls(
            load_detector_data(own, options, seed), load_detector_data(old, seed=seed) if old else None
        )
        announce(pictures.own)
        if pictures.old:
            print("old data, mixed in:")
            announce(pictures.old)
        return pictures
