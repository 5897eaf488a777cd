"""The record of a training in its model's folder: command, settings, data counts, every picture learned from."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras

from detector.models.model_files import Manifest, Weights, save_model
from detector.pipeline.loading import record_self_check
from detector.system.files import write_whole
from training.data.detector_data import DetectorData
from training.engine.recipe import TrainingRecipe
from training.engine.training_run import Row

TRAINED_ON = "trained_on.txt"
"""In a model's folder: every picture that was learned from or validated on, one a line."""


def announce(data: DetectorData) -> None:
    """Print what a run learns from, and what is missing."""
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in data.counts.items())
    print(f"data: {counts}")
    for path in data.missing:
        print(f"not there, going on without: {path}")


def record(
    recipe: TrainingRecipe, data: DetectorData, row: Row, seconds: float, arguments: str | None = None
) -> dict[str, Any]:
    """Return the manifest's record of a training: command, settings, data counts, time, figures.

    Args:
        recipe: its settings.
        data: what was learned from.
        row: the figures of the weights that are kept.
        seconds: spent so far.
        arguments: the rest of the command line, beside steps and seed; the recipe's own if None.
    """
    rest = recipe.arguments if arguments is None else arguments
    return {
        "command": f"digit-detector-train {recipe.name} --steps {recipe.steps} --seed {recipe.seed}{rest}"
        f" --data DIR{data.options.arguments()} --out DIR",
        "recipe": asdict(recipe),
        "data": data.counts,
        "data_missing": data.missing,
        "seconds": round(seconds),
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "validation": row,
    }


def listed_files(models: Iterable[Path]) -> list[str]:
    """Return the lines of the file of `TRAINED_ON` of each model's folder, as far as there is one."""
    lists = [folder / TRAINED_ON for folder in models]
    return [line for path in lists if path.is_file() for line in path.read_text("utf-8").splitlines()]


def joined_origins(origins: Iterable[str]) -> str:
    """Join the origins of data that was learned from in turn, each named once."""
    return ". Then: ".join(dict.fromkeys(origins))


def write_file_list(files: Iterable[str], out_dir: Path) -> None:
    """Write the file of `TRAINED_ON`, each line once."""
    write_whole(out_dir / TRAINED_ON, "".join(f"{line}\n" for line in dict.fromkeys(files)).encode())


def save_detector(out_dir: Path, weights: Weights, manifest: Manifest, files: Iterable[str]) -> None:
    """Write a model that detects: its folder, its self-check, and the file of `TRAINED_ON`."""
    save_model(out_dir, weights, manifest)
    record_self_check(out_dir)
    write_file_list(files, out_dir)
