"""A comparison as text: the table of `evaluate`, a column for each model, and the differences to the first."""

from collections.abc import Sequence

from training.comparison.comparing import DECIDING, Interval, Row


def format_comparison(names: Sequence[str], rows: Sequence[Row]) -> str:
    """The table, as lines of text.

    Args:
        names: of the models.
        rows: of `training.comparison.comparing.compare`.
    """
    header = ["", names[0]]
    for name in names[1:]:
        header += [name, "difference", "95% interval"]
    cells = [header, *(_cells(row) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in cells
    )


def verdict(names: Sequence[str], rows: Sequence[Row], by: str, better: bool) -> str:
    """What was decided, and by what, in one line."""
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
