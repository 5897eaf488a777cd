"""The results tables, made from the `row.json` that every run writes."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np

from detector.system.files import write_whole
from detector.system.json_records import read_record
from training.classifiers.recipes import RECIPES, NotesFigure
from training.errors import DataError

BEGIN = "<!-- recipes: begin (digit-detector-train list --runs DIR --into FILE) -->"
END = "<!-- recipes: end -->"
TOLERATED = 0.02


@dataclass(frozen=True)
class ResultRow:
    """The results of one run. Accuracies are fractions 0..1.

    Attributes:
        recipe: its name.
        dataset: what it was trained on.
        parameters: of the model.
        epochs: trained; None of what is not trained in epochs.
        best_epoch: the one that was kept, counted from 1; None in cross-validation.
        cpu_seconds: of training and validating, all cores together, if known.
        validation_accuracy: of the kept epoch; in cross-validation the folds' mean after the last epoch.
        validation_at_notes_epoch: at the epoch that the notes report, if they name one.
        test_accuracy: of the kept epoch; None where test was not read.
        folds: accuracy of each fold; empty unless cross-validated.
    """

    recipe: str
    dataset: str
    parameters: int
    epochs: int | None = None
    best_epoch: int | None = None
    cpu_seconds: float | None = None
    validation_accuracy: float | None = None
    validation_at_notes_epoch: float | None = None
    test_accuracy: float | None = None
    folds: Sequence[float] = ()

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write_row` wrote.

        Raises:
            DataError: if it is missing or not such a file.
        """
        try:
            return read_record(cls, path.read_bytes())
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: not a row of results: {error}") from error


def write_row(path: Path, row: ResultRow) -> ResultRow:
    """Write the row as JSON, and return it."""
    write_whole(path, (json.dumps(asdict(row), indent=2) + "\n").encode())
    return row


def read_rows(runs: Path) -> list[ResultRow]:
    """Return the rows of all runs in the folders of `runs`, in the recipes' order.

    Raises:
        DataError: if there is none, or one is damaged.
    """
    rows = [ResultRow.read(path) for path in sorted(runs.glob("*/row.json"))]
    if not rows:
        raise DataError(f"{runs}: none of its folders holds a row.json of a finished run")
    order = {name: index for index, name in enumerate(RECIPES)}
    return sorted(rows, key=lambda row: order.get(row.recipe, len(order)))


def detector_row(evaluation: Path, name: str, parameters: int) -> ResultRow:
    """Return the row of the FCN alone on SVHN's crops, from the JSON that `evaluate` writes.

    Raises:
        DataError: if it is not such a file, or measured no crops.
    """
    try:
        error = float(json.loads(evaluation.read_bytes())["crop_error_fcn"])
    except (OSError, ValueError, TypeError, KeyError) as problem:
        raise DataError(f"{evaluation}: not an evaluation with a crop_error_fcn: {problem}") from problem
    return ResultRow(name, "svhn", parameters, test_accuracy=1 - error)


def like_for_like(row: ResultRow) -> float | None:
    """Our figure for what the notes report: the same split, the same epoch; None if they report nothing."""
    notes = _notes(row)
    if notes is None:
        return None
    if notes.split == "test":
        return row.test_accuracy
    return row.validation_accuracy if notes.epoch is None else row.validation_at_notes_epoch


def render(rows: Iterable[ResultRow]) -> str:
    """Markdown tables: recipes on their own data, on SVHN's crops, cross-validated; none without rows."""
    known = list(rows)
    own = [row for row in known if not row.folds and _native(row)]
    svhn = [row for row in known if not row.folds and row.dataset == "svhn"]
    crossed = [row for row in known if row.folds]
    common = "parameters | epochs (kept) | CPU minutes | validation | test"
    parts = []
    if own:
        parts.append(_table(f"recipe | {common} | notes report | like for like here", map(_own_cells, own)))
    if svhn:
        cells = [[*_common_cells(row), _percent(_error(row))] for row in svhn]
        parts.append(_table(f"on SVHN's crops | {common} | test error", cells))
    if crossed:
        header = "cross-validation | data | folds | epochs | CPU minutes | mean | standard deviation"
        parts.append(_table(header, map(_fold_cells, crossed)))
    return "\n\n".join(parts)


def unmeasured(rows: Iterable[ResultRow]) -> str:
    """Return a sentence that names the recipes without a finished run on their own data; "" if there are none."""
    measured = {row.recipe for row in rows if _native(row) and not row.folds}
    names = ", ".join(name for name in RECIPES if name not in measured)
    return f"No finished run on their own data yet: {names}." if names else ""


def insert(document: Path, table: str) -> None:
    """Put the table between the two marks in a Markdown file.

    Raises:
        DataError: if the marks are not there.
    """
    text = document.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise DataError(f"{document}: the lines\n{BEGIN}\n{END}\nmust show where the table goes")
    write_whole(document, f"{head}{BEGIN}\n{table}\n{END}{tail}".encode())


def _native(row: ResultRow) -> bool:
    return row.recipe in RECIPES and RECIPES[row.recipe].dataset == row.dataset


def _notes(row: ResultRow) -> NotesFigure | None:
    return RECIPES[row.recipe].notes if _native(row) else None


def _error(row: ResultRow) -> float | None:
    return None if row.test_accuracy is None else 1 - row.test_accuracy


def _common_cells(row: ResultRow) -> list[str]:
    epochs = "-" if row.epochs is None else f"{row.epochs} ({row.best_epoch})"
    figures = [_figure(row.validation_accuracy), _figure(row.test_accuracy)]
    return [row.recipe, f"{row.parameters:,}", epochs, _cpu_minutes(row), *figures]


def _own_cells(row: ResultRow) -> list[str]:
    notes, here = _notes(row), like_for_like(row)
    if notes is None:
        return [*_common_cells(row), "-", "-"]
    compared = _figure(here)
    if here is not None and here < notes.low - TOLERATED:
        compared += f" (**{100 * (notes.low - here):.1f} points below**)"
    return [*_common_cells(row), str(notes), compared]


def _fold_cells(row: ResultRow) -> list[str]:
    accuracies = np.array(row.folds)
    spread = _figure(float(accuracies.std(ddof=1)))
    return [
        row.recipe,
        row.dataset,
        str(len(accuracies)),
        str(row.epochs),
        _cpu_minutes(row),
        _figure(float(accuracies.mean())),
        spread,
    ]


def _table(header: str, rows: Iterable[list[str]]) -> str:
    names = header.split(" | ")
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cpu_minutes(row: ResultRow) -> str:
    return "-" if row.cpu_seconds is None else f"{row.cpu_seconds / 60:.1f}"


def _figure(accuracy: float | None) -> str:
    return "-" if accuracy is None else f"{accuracy:.4f}"


def _percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{100 * fraction:.2f}%"
