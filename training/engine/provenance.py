"""The record of a training in its model's folder: command, settings, data counts, and every picture learned from."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras

from detector.system.files import write_whole
from training.data.detector_data import DetectorData
from training.engine.training_run import Row

TRAINED_ON = "trained_on.txt"
"""In a model's folder: every picture that was learned from or validated on, one a line."""


def announce(data: DetectorData) -> None:
    """Says what a run learns from, and what is missing."""
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in data.counts.items())
    print(f"data: {counts}")
    for path in data.missing:
        print(f"not there, going on without: {path}")


def record(recipe: Any, data: DetectorData, row: Row, seconds: float, arguments: str = "") -> dict[str, Any]:
    """What a manifest says of a training: command (with more `arguments`, if any), data counts, time, figures."""
    return {
        "command": f"digit-detector-train {recipe.name} --steps {recipe.steps} --seed {recipe.seed}{arguments}"
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
    """The lines of the file of `TRAINED_ON` of each model's folder, as far as there is one."""
    lists = [folder / TRAINED_ON for folder in models]
    return [line for path in lists if path.is_file() for line in path.read_text("utf-8").splitlines()]


def joined_origins(origins: Iterable[str]) -> str:
    """Where several things are from that were learned from one after the other, each told once."""
    return ". Then: ".join(dict.fromkeys(origins))


def write_file_list(files: Iterable[str], out_dir: Path) -> None:
    """Writes the file of `TRAINED_ON`, each line once."""
    write_whole(out_dir / TRAINED_ON, "".join(f"{line}\n" for line in dict.fromkeys(files)).encode())
