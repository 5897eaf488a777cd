"""The progress of a folder job: its counts, shown as a bar on a terminal and as lines in a log."""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from tqdm import tqdm

from detector.folders.rows import Row


@dataclass(frozen=True)
class FolderSummary:
    """The rows of an output, earlier runs' included.

    Attributes:
        rows: rows, one for each image.
        errors: those of them that say why an image, or a folder of images, could not be read.
        digits: digits found.
        numbers: numbers found.
    """

    rows: int = 0
    errors: int = 0
    digits: int = 0
    numbers: int = 0

    def plus(self, row: Row) -> "FolderSummary":
        """Return this summary with one more row in it."""
        return FolderSummary(
            self.rows + 1,
            self.errors + ("error" in row),
            self.digits + len(row.get("digits", ())),
            self.numbers + len(row.get("numbers", ())),
        )

    def joined(self, other: "FolderSummary") -> "FolderSummary":
        """Return this summary and another's rows."""
        return FolderSummary(
            self.rows + other.rows,
            self.errors + other.errors,
            self.digits + other.digits,
            self.numbers + other.numbers,
        )


LINE_SECONDS = 10.0


class Progress(Protocol):
    """Is told of every row."""

    def __call__(self, summary: FolderSummary) -> None:
        """Show that there are so many rows by now."""
        ...


@contextmanager
def shown_progress(
    before: FolderSummary, total: int | None, line_seconds: float = LINE_SECONDS
) -> Generator[Progress]:
    """Show on standard error what its function is told.

    Args:
        before: rows that are there already.
        total: rows that there will be, None if nobody knows.
        line_seconds: pause between lines where standard error is no terminal.
    """
    if not sys.stderr.isatty():
        yield _Lines(before.rows, total, line_seconds)
        return
    with tqdm(total=total, initial=before.rows, unit="image", dynamic_ncols=True) as bar:

        def show(summary: FolderSummary) -> None:
            bar.set_postfix(numbers=summary.numbers, errors=summary.errors, refresh=False)
            bar.update(summary.rows - bar.n)

        yield show


class _Lines:
    def __init__(self, before: int, total: int | None, pause: float) -> None:
        self._before, self._total, self._pause = before, total, pause
        self._start = self._said = time.monotonic()

    def __call__(self, summary: FolderSummary) -> None:
        now = time.monotonic()
        if now - self._said < self._pause:
            return
        self._said = now
        rate = (summary.rows - self._before) / (now - self._start)
        of, left = "", ""
        if self._total is not None:
            of = f" of {self._total}"
            left = f", {tqdm.format_interval((self._total - summary.rows) / rate)} left"
        print(
            f"{summary.rows}{of} images ({summary.errors} not read), {rate:.1f} images/s{left}",
            file=sys.stderr,
            flush=True,
        )
