"""Several models on the same data: their figures side by side, how sure the differences are, and the table of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.labels.folder import LabelOptions, labels_are_own
from training.data.svhn import official_parts
from training.errors import DataError
from training.evaluation.evaluation_report import table_lines
from training.evaluation.figures import Evaluation, SceneFigures
from training.evaluation.metrics import number_marks

Float64Array = NDArray[np.float64]

DECIDING = {
    "f1_50": ("F1@0.5", 1),
    "f1_30": ("F1@0.3", 1),
    "precision_50": ("precision@0.5", 1),
    "precision_30": ("precision@0.3", 1),
    "recall_50": ("recall@0.5", 1),
    "recall_30": ("recall@0.3", 1),
    "sequence_accuracy": ("sequence accuracy", 1),
    "numbers_exact": ("numbers exact", 1),
    "numbers_found": ("numbers found", 1),
    "numbers_spurious": ("numbers spurious", -1),
    "crop_error": ("crop error", -1),
    "false_per_mp": ("false digits per MP", -1),
}
"""The figures that have intervals, as `evaluate --json` calls them: their names in its table, and whether more is
better (1) or worse (-1)."""

RESAMPLES = 2000

_LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Ratio:
    """A figure as a sum over images by another: (N,) float64 each, N images (or photographs, or crops)."""

    numerators: Float64Array
    denominators: Float64Array


@dataclass(frozen=True)
class Interval:
    """A 95% interval, both ends included."""

    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """One figure of all models.

    Attributes:
        name: of the figure.
        spec: how its values are formatted.
        values: one for each model.
        intervals: of the differences to the first model, one for each of the others; None for a figure that
            is no sum over images.
    """

    name: str
    spec: str
    values: tuple[float, ...]
    intervals: tuple[Interval | None, ...]


def compare(evaluations: Sequence[Evaluation], resamples: int = RESAMPLES, seed: int = 0) -> list[Row]:
    """Return the figures of `evaluate` side by side, those that all models have.

    Args:
        evaluations: of each model, on the same data.
        resamples: how often the images are drawn anew.
        seed: of the draws.
    """
    ratios = [ratios_of(evaluation) for evaluation in evaluations]
    intervals = _intervals(ratios, resamples, seed)
    none = (None,) * (len(evaluations) - 1)
    tables = [{line.name: line for line in table_lines(evaluation)} for evaluation in evaluations]
    return [
        Row(name, line.spec, tuple(table[name].value for table in tables), intervals.get(name, none))
        for name, line in tables[0].items()
        if all(name in table for table in tables)
    ]


def is_better(rows: Sequence[Row], by: str) -> bool:
    """Return whether the last model's figure is better than the first's beyond the interval of their difference.

    Args:
        rows: of `compare`.
        by: one of `DECIDING`.
    """
    name, direction = DECIDING[by]
    interval = next(row.intervals[-1] for row in rows if row.name == name)
    assert interval is not None
    return interval.low > 0 if direction > 0 else interval.high < 0


def check_measurable(data_dir: Path, split: str | None, options: LabelOptions, by: str) -> None:
    """Make sure, before anything is measured, that the data allows the figure that decides.

    Args:
        data_dir: as `evaluate` takes it.
        split: likewise.
        options: how labels of one's own are read.
        by: one of `DECIDING`.

    Raises:
        DataError: if it does not.
    """
    if labels_are_own(data_dir, options):
        if by == "false_per_mp":
            raise DataError(
                f"--by {by} needs photographs in backgrounds/SPLIT, which labels of your own do not have; choose "
                "another --by"
            )
        return
    parts = official_parts(data_dir, split or "test")
    needed = {"crop_error": parts.crops, "false_per_mp": parts.photos}.get(by, parts.labels)
    if not needed.exists() and any(part.exists() for part in parts):
        raise DataError(f"{by} cannot be measured, and it was to decide: {needed} is missing")


def ratios_of(evaluation: Evaluation) -> dict[str, Ratio]:
    """Return each figure that is a ratio of sums over images, by its name in the table."""
    ratios: dict[str, Ratio] = {}
    if evaluation.scenes:
        ratios |= _scene_ratios(evaluation.scenes)
    if evaluation.crops:
        wrong = evaluation.crops.wrong.astype(np.float64)
        ratios["crop error"] = Ratio(wrong, np.ones_like(wrong))
    if evaluation.photos:
        photos = evaluation.photos.results
        ratios["false digits per MP"] = Ratio(
            np.array([len(photo.digits) for photo in photos], np.float64),
            np.array([photo.width_px * photo.height_px / 1e6 for photo in photos]),
        )
    return ratios


def hits_of_images(scenes: SceneFigures) -> Float64Array:
    """(T, N) digits found of each of N images that hit a true one, at IoU 0.5 and 0.3."""
    observed = scenes.observations
    lengths = [len(result.digits) for result in observed.results]
    image = np.repeat(np.arange(len(lengths)), lengths)
    return np.stack([np.bincount(image, hits, minlength=len(lengths)) for hits in observed.judged.hits])


def _scene_ratios(scenes: SceneFigures) -> dict[str, Ratio]:
    observed = scenes.observations
    found = np.array([len(result.digits) for result in observed.results], np.float64)
    truths = np.array([len(scene.labels) for scene in observed.scenes], np.float64)
    ratios: dict[str, Ratio] = {}
    for threshold, hits in zip(observed.judged.thresholds, hits_of_images(scenes), strict=True):
        ratios[f"precision@{threshold:g}"] = Ratio(hits, found)
        ratios[f"recall@{threshold:g}"] = Ratio(hits, truths)
        ratios[f"F1@{threshold:g}"] = Ratio(2 * hits, found + truths)
    digits = [result.digits for result in observed.results]
    numbers = [result.numbers for result in observed.results]
    marks = number_marks(observed.scenes, digits, numbers, observed.numbers)
    images = np.ones(len(digits))
    return ratios | {
        "sequence accuracy": Ratio(marks.accuracy, images),
        "numbers exact": Ratio(marks.exact, images),
        "numbers found": Ratio(marks.found, marks.truths),
        "numbers spurious": Ratio(marks.spurious, images),
    }


def _intervals(
    ratios: Sequence[dict[str, Ratio]], resamples: int, seed: int
) -> dict[str, tuple[Interval | None, ...]]:
    """By figure, for each model but the first."""
    intervals: dict[str, tuple[Interval | None, ...]] = {}
    for name in ratios[0]:
        values = resampled([model[name] for model in ratios], resamples, seed)
        low, high = np.quantile(values[:, 1:] - values[:, :1], [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2], axis=0)
        intervals[name] = tuple(Interval(float(a), float(b)) for a, b in zip(low, high, strict=True))
    return intervals


def resampled(ratios: Sequence[Ratio], resamples: int, seed: int) -> Float64Array:
    """(R, K) a figure of K models, each time on images drawn anew, the same ones for all; a ratio to nothing is 0.

    The same seed draws the same images for every figure of as many images.
    """
    sums = np.stack([np.stack([ratio.numerators, ratio.denominators]) for ratio in ratios])  # (K, 2, N)
    count = sums.shape[2]
    rng = np.random.default_rng(seed)
    drawn = np.empty((resamples, len(ratios), 2))
    for index in range(resamples):
        times = np.bincount(rng.integers(0, count, count), minlength=count)
        drawn[index] = sums @ times
    numerators, denominators = drawn[..., 0], drawn[..., 1]
    return np.divide(numerators, denominators, out=np.zeros_like(numerators), where=denominators > 0)


def comparison_cells(names: Sequence[str], rows: Sequence[Row]) -> list[list[str]]:
    """Return the table as texts, the header first: the figure, the first model, and three columns for each other.

    Args:
        names: of the models.
        rows: of `compare`.
    """
    header = ["", names[0]]
    for name in names[1:]:
        header += [name, "difference", "95% interval"]
    return [header, *(_cells(row) for row in rows)]


def format_comparison(names: Sequence[str], rows: Sequence[Row]) -> str:
    """Return the table, as lines of text; what the arguments are says `comparison_cells`."""
    cells = comparison_cells(names, rows)
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in cells
    )


def verdict(names: Sequence[str], rows: Sequence[Row], by: str, better: bool) -> str:
    """Return the decision and its reason, in one line."""
    figure, direction = DECIDING[by]
    row = next(row for row in rows if row.name == figure)
    interval = row.intervals[-1]
    assert interval is not None
    lead = "is better than" if better else "is not shown to be better than"
    wish = "above" if direction > 0 else "below"
    return (
        f"{names[-1]} {lead} {names[0]}: {figure} differs by {_signed(row.values[-1] - row.values[0], row.spec)}, "
        f"95% interval {_range(interval, row.spec)}; better is an interval wholly {wish} 0"
    )


def _cells(row: Row) -> list[str]:
    cells = [row.name, f"{row.values[0]:{row.spec}}"]
    for value, interval in zip(row.values[1:], row.intervals, strict=True):
        cells += [f"{value:{row.spec}}", _signed(value - row.values[0], row.spec)]
        cells.append(_range(interval, row.spec) if interval else "")
    return cells


def _range(interval: Interval, spec: str) -> str:
    return f"{_signed(interval.low, spec)} to {_signed(interval.high, spec)}"


def _signed(value: float, spec: str) -> str:
    return f"{value:+{spec}}"
