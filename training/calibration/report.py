"""What a calibration chose and what that means for each validation set: a table, a figure, and the operating point."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from matplotlib.figure import Figure

from detector.models.operating_point import OperatingPoint
from training.calibration.search import SetFigures
from training.evaluation.evaluation_plots import draw_reliability
from training.evaluation.reliability import ScoredDigits, expected_calibration_error


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
    """What was chosen.

    Attributes:
        point: the operating point.
        sets: what it means for each validation set.
    """

    point: OperatingPoint
    sets: Sequence[SetReport]

    def __str__(self) -> str:
        """A table with three lines for each set, then the operating point."""
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
        """How often digits of a score are right, before and after calibration, for each set."""
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
