"""The gate's training: `digit-detector-train gate`."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import keras
import numpy as np
from keras import ops

from detector.models.architecture import build_gate
from detector.models.model_files import EMBEDDED, Manifest, Weights, load_model, save_model
from detector.models.tensorflow_backend import Gate
from detector.pipeline.detector import DigitDetector
from detector.pipeline.loading import record_self_check
from detector.results.detections import FloatArray
from training.data.detector_data import DetectorData, load_detector_data
from training.data.labels.folder import LabelOptions
from training.data.scenes import Image, LabelledImage
from training.engine.optimization import compiled, warmup_cosine
from training.engine.provenance import announce, record, write_file_list
from training.engine.training_run import Row, TrainingTask, train_task
from training.gate.marker import Marker
from training.gate.measure import GateOutputs, measure
from training.gate.recipe import GateRecipe
from training.gate.sampler import GateSampler, GateSources
from training.samplers.synthetic.fonts import find_fonts, split_fonts
from training.samplers.synthetic.layout import SyntheticConfig
from training.samplers.synthetic.rendering import render_scene

_Item = TypeVar("_Item")

_HELD_OUT = 8
"""One photograph in so many, and as many rendered scenes, validate."""

_DIGIT_FREE = 0.35
"""Of the rendered scenes."""


def train(
    recipe: GateRecipe,
    model_dir: Path | None,
    data_dir: Path,
    out_dir: Path,
    fonts: Path | None = None,
    options: LabelOptions | None = None,
) -> None:
    """Trains a gate for a model, or goes on with a run that was stopped.

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
    weights, manifest = load_model(model_dir or EMBEDDED)
    data = load_detector_data(data_dir, options, recipe.seed)
    announce(data)
    photos, kept_photos = _split(data.sources.photos)
    learned, kept = _split(_rendered(recipe, photos, fonts))
    kept_in = out_dir / manifest.sha256[:12]
    kept_in.mkdir(parents=True, exist_ok=True)
    marker = Marker(DigitDetector.load(model_dir), kept_in)
    sources = GateSources(
        marker.scenes(data.learned, "learned"), marker.rendered(learned, "rendered"), _digit_free(photos)
    )
    watched = [
        *marker.scenes(data.validation, "validation"),
        *marker.rendered(kept, "rendered_validation"),
        *_digit_free(kept_photos),
    ]
    sampler = GateSampler(sources, recipe)
    task = TrainingTask(
        model=_compile_network(recipe),
        make_batch=lambda _, rng: sampler.batch(rng),
        validate=lambda gate: _row(measure(Gate(gate), watched, recipe.target), recipe),
        save=partial(_save, recipe, data, out_dir, weights, manifest),
        images=len(watched),
    )
    train_task(recipe, task, out_dir)


def gate_loss(target: keras.KerasTensor, output: keras.KerasTensor) -> keras.KerasTensor:
    """Weighted cross entropy, the mean over cells.

    Args:
        target: (B, rows, columns, 2), as `GateSampler.batch` describes it.
        output: (B, rows, columns, 1), what the gate says.

    Returns:
        The scalar loss.
    """
    through, weight = target[..., 0], target[..., 1]
    loss = ops.softplus(output[..., 0]) - through * output[..., 0]
    return ops.sum(weight * loss) / (ops.sum(weight) + 1.0)


def _row(outputs: GateOutputs, recipe: GateRecipe) -> Row:
    """Return the output from which cells pass, the part that does of those without digits, and, by it, the score."""
    threshold = outputs.threshold(recipe.kept)
    passing = outputs.passing(threshold)
    return {"threshold": threshold, "passing": passing, "score": 1 - passing}


def _save(
    recipe: GateRecipe,
    data: DetectorData,
    out_dir: Path,
    weights: Weights,
    known: Manifest,
    gate: list[FloatArray],
    row: Row,
    seconds: float,
) -> None:
    """Write the model; the threshold becomes a part of the gate's last bias, so that cells pass from 0 on."""
    shifted = [*gate[:-1], np.asarray(gate[-1] - row["threshold"], np.float32)]
    entry = record(recipe, data, row, seconds, recipe.arguments)
    manifest = replace(known, training={**known.training, "gate": entry}, self_check={})
    save_model(out_dir, replace(weights, gate=shifted), manifest)
    record_self_check(out_dir)
    write_file_list(data.files, out_dir)


def _compile_network(recipe: GateRecipe) -> keras.Model:
    learning_rate = warmup_cosine(recipe.learning_rate, recipe.steps, recipe.warmup)
    return compiled(build_gate, recipe.seed, learning_rate, recipe.weight_decay, gate_loss)


def _split(items: Sequence[_Item]) -> tuple[list[_Item], list[_Item]]:
    """Return what is learned from, and what validates."""
    return [item for i, item in enumerate(items) if i % _HELD_OUT], list(items[::_HELD_OUT])


def _rendered(recipe: GateRecipe, photos: Sequence[Image], fonts: Path | None) -> list[LabelledImage]:
    faces = split_fonts(find_fonts(fonts))[0]
    config = SyntheticConfig(digit_free=_DIGIT_FREE)
    return [
        render_scene(np.random.default_rng([recipe.seed, number]), photos, faces, config)
        for number in range(recipe.rendered)
    ]


def _digit_free(photos: Sequence[Image]) -> list[LabelledImage]:
    return [LabelledImage(photo, np.empty((0, 4), np.float32), np.empty(0, np.int32)) for photo in photos]
