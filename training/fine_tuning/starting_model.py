"""The model that a training starts from: `--init embedded|DIR|none`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from detector.models.model_files import EMBEDDED, Manifest, Weights, load_model
from detector.results.errors import ModelError
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
        refiner: the network that looks again, ready to use; None if the model has none.
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
        from detector.models.tensorflow_backend import networks_of  # noqa: PLC0415 - TensorFlow comes in with a network, not before

        try:
            _, refiner, _ = networks_of(weights)
        except ValueError as error:
            raise ModelError(f"{folder}: {error}") from error
        return cls(name, folder, weights, manifest, refiner)
