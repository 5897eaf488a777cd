"""The gate's training: `digit-detector-train gate`, validated by what it lets through."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from detector.models.architecture import build_gate
from detector.models.backend import Network
from detector.models.model_files import EMBEDDED, load_model
from detector.models.tensorflow_backend import Gate
from detector.pipeline.detector import DigitDetector
from detector.pipeline.gate import GATE_GRID, WINDOWS
from detector.pipeline.pyramid import HALF, Level, levels, with_halves
from detector.pipeline.score_map import GRID
from detector.pipeline.tiles import Plane, slide
from detector.results.detections import FloatArray
from detector.system.progress_bar import progress_bar
from training.data.detector_data import load_detector_data
from training.data.labels.folder import LabelOptions
from training.data.scenes import Image, LabelledImage
from training.engine.provenance import announce, record, save_detector
from training.engine.training_run import Row, TrainingTask, train
from training.gate.recipe import GateRecipe, GateTargetConfig, cell_targets
from training.gate.sampler import FOUND, LEAST_HEIGHT, GateSampler, GateSources, Marker
from training.samplers.proposals import data_key
from training.samplers.synthetic import render_scenes

_Item = TypeVar("_Item")

_HELD_OUT = 8
"""One photograph in so many, and as many rendered scenes, validate."""

_DIGIT_FREE = 0.35
"""Of the rendered scenes."""


def train_gate(
    recipe: GateRecipe,
    model_dir: Path | None,
    data_dir: Path,
    out_dir: Path,
    fonts: Path | None = None,
    options: LabelOptions | None = None,
) -> None:
    """Train a gate for a model, or resume a run that was stopped.

    Args:
        recipe: how.
        model_dir: the model that gets the gate; None for the embedded one. What it finds beside the labelled digits
            the gate learns to let through, too.
        data_dir: as for the FCN.
        out_dir: gets the model, with the gate, beside the run's own files.
        fonts: a folder of fonts to render scenes in; None for this machine's.
        options: how labels of one's own are read.

    Raises:
        DataError: if data is missing or damaged.
        ModelError: if the model cannot be used.
        ResumeError: if `out_dir` holds a run of another recipe.
    """
    weights, known = load_model(model_dir or EMBEDDED)
    data = load_detector_data(data_dir, options, recipe.seed)
    announce(data)
    photos, kept_photos = _split(data.sources.photos)
    learned, kept = _split(render_scenes(recipe.rendered, photos, recipe.seed, fonts, _DIGIT_FREE))
    kept_in = out_dir / known.sha256[:12]
    kept_in.mkdir(parents=True, exist_ok=True)
    key = data_key(data, recipe.seed, recipe.rendered, fonts)
    marker = Marker(DigitDetector.load(model_dir), kept_in, key)
    sources = GateSources(
        marker.scenes(data.learned, "learned"), marker.rendered(learned, "rendered"), _digit_free(photos)
    )
    validated = [
        *marker.scenes(data.validation, "validation"),
        *marker.rendered(kept, "rendered_validation"),
        *_digit_free(kept_photos),
    ]
    sampler = GateSampler(sources, recipe)

    def save(gate: list[FloatArray], row: Row, seconds: float) -> None:
        # The threshold becomes a part of the gate's last bias, so that cells pass from 0 on.
        shifted = [*gate[:-1], np.asarray(gate[-1] - row["threshold"], np.float32)]
        training = {**known.training, "gate": record(recipe, data, row, seconds)}
        manifest = replace(known, training=training, self_check={})
        save_detector(out_dir, replace(weights, gate=shifted), manifest, data.files)

    task = TrainingTask(
        build=build_gate,
        make_batch=lambda _, rng: sampler.batch(rng),
        validate=lambda gate: _row(measure(Gate(gate), validated, recipe.target), recipe),
        save=save,
        images=len(validated),
        loss=gate_loss,
    )
    train(recipe, task, out_dir)


def gate_loss(target: keras.KerasTensor, output: keras.KerasTensor) -> keras.KerasTensor:
    """Weighted cross entropy, the mean over cells.

    Args:
        target: (B, rows, columns, 2), as `GateSampler.batch` describes it.
        output: (B, rows, columns, 1), the gate's output.

    Returns:
        The scalar loss.
    """
    through, weight = target[..., 0], target[..., 1]
    loss = ops.softplus(output[..., 0]) - through * output[..., 0]
    return ops.sum(weight * loss) / (ops.sum(weight) + 1.0)


@dataclass(frozen=True, eq=False)
class GateOutputs:
    """The outputs of a gate in images.

    Attributes:
        digits: (N,) its highest output at each digit that the model finds, over all cells and levels that should let
            it through.
        sides: (N,) each digit's longer side, px of its image.
        background: (M,) its outputs of all cells that are not near a digit.
    """

    digits: FloatArray
    sides: FloatArray
    background: FloatArray

    def threshold(self, kept: float) -> float:
        """Return the output that this fraction of the digits reaches."""
        return float(np.quantile(self.digits, 1 - kept, method="lower"))

    def passing(self, threshold: float) -> float:
        """Return the fraction of the cells away from digits that reach an output."""
        return float(np.mean(self.background >= threshold))


def measure(gate: Network, images: Sequence[LabelledImage], config: GateTargetConfig) -> GateOutputs:
    """Run the gate over every level of images, those with digits and those without."""
    digits, sides, background = [], [], []
    for image in progress_bar(images, "gate's validation", unit="image", leave=False):
        best = np.full(len(image.boxes), -np.inf, np.float32)
        for level, half in with_halves(levels(image.pixels, LEAST_HEIGHT, np.inf, beyond=HALF)):
            outputs = cell_outputs(gate, level, half)
            pitch = WINDOWS * GRID.stride
            y, x = (pitch * np.arange(length) + pitch / 4 for length in outputs.shape)
            scaled = (image.boxes * np.array(level.scale * 2)).astype(np.float32)
            positive, ignored = cell_targets(x, y, scaled, config)
            best = np.maximum(best, np.where(positive, outputs, -np.inf).max(axis=(1, 2)))
            background.append(outputs[~(ignored | positive.any(axis=0))])
        found = (image.labels == FOUND) & np.isfinite(best)  # some are larger than any level shows whole
        digits.append(best[found])
        sides.append((image.boxes[:, 2:] - image.boxes[:, :2]).max(axis=1, initial=0)[found])
    return GateOutputs(np.concatenate(digits), np.concatenate(sides), np.concatenate(background))


def cell_outputs(gate: Network, level: Level, half: Level) -> NDArray[np.float32]:
    """(rows, columns) float32: the gate's output for each cell of a level, from that of half its scale."""
    rows, columns = GRID.shape(*level.shape)
    outputs = np.full((-(-rows // WINDOWS), -(-columns // WINDOWS)), -np.inf, np.float32)
    for hits in slide(gate, [Plane(half, np.ones(outputs.shape, bool))], GATE_GRID, -np.inf):
        outputs[hits.rows, hits.columns] = hits.outputs[:, 0]
    return outputs


def _row(outputs: GateOutputs, recipe: GateRecipe) -> Row:
    """Return the threshold, the fraction of cells without digits that pass it, and by that the score."""
    threshold = outputs.threshold(recipe.kept)
    passing = outputs.passing(threshold)
    return {"threshold": threshold, "passing": passing, "score": 1 - passing}


def _split(items: Sequence[_Item]) -> tuple[list[_Item], list[_Item]]:
    """Return the items to learn from, and those that validate."""
    return [item for i, item in enumerate(items) if i % _HELD_OUT], list(items[::_HELD_OUT])


def _digit_free(photos: Sequence[Image]) -> list[LabelledImage]:
    return [LabelledImage(photo, np.empty((0, 4), np.float32), np.empty(0, np.int32)) for photo in photos]
