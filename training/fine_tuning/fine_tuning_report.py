"""What fine-tuning changed: the model's figures before and after, on the new pictures and on old data."""

from dataclasses import replace
from pathlib import Path

from detector.models.model_files import load_model, write_manifest
from detector.pipeline.detector import DigitDetector
from detector.results.errors import ModelError
from training.data.detector_data import DetectorData
from training.engine.training_run import Row
from training.evaluation.validation import validate
from training.fine_tuning.starting_model import StartingModel

KEPT_AS = "fine_tuning"
"""Where a manifest's training record has the figures."""

Figures = dict[str, dict[str, Row]]
"""For each data, the figures "before" and "after"."""


def report(start: StartingModel, own: DetectorData, old: DetectorData | None, out_dir: Path) -> None:
    """Measures both models on images that were not learned from, prints a table and keeps it in the manifest."""
    figures = measure(start.folder, out_dir, {"own": own} | ({"old": old} if old else {}))
    print(format_figures(figures))
    manifest = load_model(out_dir)[1]
    write_manifest(out_dir, replace(manifest, training=manifest.training | {KEPT_AS: figures}))


def reported(out_dir: Path) -> bool:
    """Return whether the model in a folder has been measured and the figures kept."""
    try:
        return KEPT_AS in load_model(out_dir)[1].training
    except ModelError:
        return False


def measure(before: Path, after: Path, data: dict[str, DetectorData]) -> Figures:
    """The figures of `validate` of two model folders."""
    detectors = {"before": DigitDetector.load(before), "after": DigitDetector.load(after)}
    return {
        name: {when: validate(detector, part) for when, detector in detectors.items()}
        for name, part in data.items()
    }


def format_figures(figures: Figures) -> str:
    """A table with a line for each figure."""
    lines = [f"{'validation images':<28}{'before':>8}{'after':>8}{'change':>9}"]
    for name, rows in figures.items():
        for figure, before in rows["before"].items():
            after = rows["after"][figure]
            lines.append(f"{f'{name}: {figure}':<28}{before:>8.3f}{after:>8.3f}{after - before:>+9.3f}")
    return "\n".join(lines)
