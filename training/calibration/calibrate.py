"""Calibration: choose a model's operating point on validation sets of equal weight, and write it into the manifest."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from detector.models.model_files import read_manifest, write_manifest
from detector.models.operating_point import OperatingPoint, Thresholds
from detector.models.runtimes import load_networks
from detector.pipeline.detector import DigitDetector
from detector.pipeline.loading import record_self_check
from training.calibration.observations import ImageOutput, ValidationSet, network_outputs
from training.calibration.search import Goal, ScoredSet, SetFigures, choose_thresholds, scored_set
from training.evaluation.evaluation_plots import draw_reliability
from training.evaluation.reliability import ScoredDigits, expected_calibration_error, fit_calibration


@dataclass(frozen=True, eq=False)
class SetReport:
    """One validation set before and after.

    Attributes:
        name: of the set.
        before: its figures at the operating point that the model had.
        after: at the one that was chosen.
        raw: its digits with the networks' own scores, at the weight that was chosen.
        calibrated: the same digits with their probabilities.
        returned: those of them that are returned by default.
    """

    name: str
    before: SetFigures
    after: SetFigures
    raw: ScoredDigits
    calibrated: ScoredDigits
    returned: ScoredDigits


@dataclass(frozen=True, eq=False)
class CalibrationReport:
    """The chosen operating point and its figures.

    Attributes:
        point: the operating point.
        sets: what it means for each validation set.
    """

    point: OperatingPoint
    sets: Sequence[SetReport]

    def __str__(self) -> str:
        """Return a table with three lines for each set, then the operating point."""
        header = f"{'':<24}{'F1@0.3':>8}{'recall':>8}{'numbers':>12}{'precision':>11}{'false':>12}{'ECE':>7}"
        lines = [header]
        for report in self.sets:
            lines.append(_line(f"{report.name}, before", report.before, report.raw))
            lines.append(_line(f"{report.name}, after", report.after, report.calibrated))
            error = expected_calibration_error(report.returned)
            lines.append(
                f"{'':<24}expected calibration error of the digits that are returned by default: {error:.3f}"
            )
        return "\n".join([*lines, *_point_lines(self.point)])

    def figure(self) -> Figure:
        """Return a reliability diagram for each set, before and after calibration."""
        figure = Figure(figsize=(4.5 * len(self.sets), 4.8), layout="constrained")
        for axes, report in zip(figure.subplots(1, len(self.sets), squeeze=False)[0], self.sets, strict=True):
            draw_reliability(axes, report.raw, report.calibrated)
            axes.set_title(report.name)
        return figure


def _line(name: str, figures: SetFigures, digits: ScoredDigits) -> str:
    numbers = f"{figures.sequences.found} of {figures.sequences.truths}"
    false = f"{figures.false_digits} in {figures.blank_images}"
    return (
        f"{name:<24}{figures.digits.f1:>8.3f}{figures.digits.recall:>8.3f}{numbers:>12}"
        f"{figures.sequences.precision:>11.3f}{false:>12}{expected_calibration_error(digits):>7.3f}"
    )


def _point_lines(point: OperatingPoint) -> Iterator[str]:
    yield f"weight of the refiner's scores: {point.score_weight:g}"
    raw = {name: float(point.calibration.inverse(score)) for name, score in asdict(point.thresholds).items()}
    for name, score in asdict(point.thresholds).items():
        yield f"{name} threshold: {score:.4f} (the networks' own score {raw[name]:.3f})"
    knots = zip(point.calibration.scores, point.calibration.probabilities, strict=True)
    yield "calibration: " + ", ".join(f"{score:.3f} -> {probability:.3f}" for score, probability in knots)


SCORE_WEIGHTS = (0.35, 0.45, 0.55, 0.65, 0.75)
"""Weights of the refiner that are tried."""

MakeDetector = Callable[[OperatingPoint], DigitDetector]
Observed = Sequence[tuple[ValidationSet, Sequence[ImageOutput]]]


@dataclass(frozen=True, eq=False)
class _Choice:
    """An operating point before it is calibrated: thresholds in the networks' own scores."""

    score_weight: float
    thresholds: Thresholds
    sets: Sequence[ScoredSet]
    score: float


def calibrate(
    model_dir: Path, sets: Sequence[ValidationSet], tolerance: float, kept_in: Path | None = None
) -> CalibrationReport:
    """Choose the weight of the refiner and the thresholds, fit the calibration, and rewrite the manifest.

    Args:
        model_dir: the model's folder.
        sets: what to choose on; the model must not have learned from it.
        tolerance: by how much a set's score, the mean of both F1, may fall for the good of the others.
        kept_in: a folder that keeps the networks' outputs for the next time; None keeps nothing.

    Raises:
        ModelError: if the model cannot be used.
        DataError: if an image cannot be read.
    """
    networks, manifest = load_networks(model_dir), read_manifest(model_dir)

    def at(point: OperatingPoint) -> DigitDetector:
        return DigitDetector(
            networks.fcn, manifest, refiner=networks.refiner, gate=networks.gate, operating_point=point
        )

    observed = [(data, network_outputs(at(OperatingPoint()), data, kept_in)) for data in sets]
    known = manifest.operating_point
    start = _mapped(known.thresholds, known.calibration.inverse)
    before = _Choice(known.score_weight, start, _scored(at, observed, known.score_weight), -np.inf)
    goal = Goal(tuple(old.figures(start).score - tolerance for old in before.sets))
    tried = SCORE_WEIGHTS if networks.refiner else (known.score_weight,)
    chosen = _choose(at, observed, before, goal, tried)
    report = _report(before, chosen)
    write_manifest(model_dir, replace(manifest, operating_point=report.point))
    record_self_check(model_dir)
    return report


def _choose(
    at: MakeDetector, observed: Observed, start: _Choice, goal: Goal, weights: Sequence[float]
) -> _Choice:
    """Return the best of all weights, each with the thresholds that suit it; the model's own weight comes first."""
    best = start
    for weight in dict.fromkeys([start.score_weight, *weights]):
        sets = _scored(at, observed, weight)
        thresholds, score = choose_thresholds(sets, best.thresholds, goal)
        print(f"refiner's weight {weight:g}: mean score {score:.4f}", flush=True)
        if score > best.score:
            best = _Choice(weight, thresholds, sets, score)
    return best


def _scored(at: MakeDetector, observed: Observed, weight: float) -> Sequence[ScoredSet]:
    detector = at(OperatingPoint(weight))
    return [scored_set(detector, data, outputs) for data, outputs in observed]


def _report(before: _Choice, chosen: _Choice) -> CalibrationReport:
    raw = [scored.scored_digits() for scored in chosen.sets]
    calibration = fit_calibration(raw)
    reports = [
        SetReport(
            name=new.name,
            before=old.figures(before.thresholds),
            after=new.figures(chosen.thresholds),
            raw=digits,
            calibrated=digits.mapped(calibration),
            returned=new.scored_digits(chosen.thresholds).mapped(calibration),
        )
        for old, new, digits in zip(before.sets, chosen.sets, raw, strict=True)
    ]
    thresholds = _mapped(chosen.thresholds, calibration)
    return CalibrationReport(OperatingPoint(chosen.score_weight, calibration, thresholds), reports)


def _mapped(thresholds: Thresholds, function: Callable[[float], NDArray[Any]]) -> Thresholds:
    return Thresholds(
        **{name: round(float(function(score)), 4) for name, score in asdict(thresholds).items()}
    )
