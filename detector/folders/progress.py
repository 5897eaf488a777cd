"""Progress on standard error: the counts of a folder job, and an image that takes long."""

import sys
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from tqdm import tqdm

from detector.folders.rows import Row, printable_name
from detector.system.progress_bar import LINE_SECONDS

SLOW_SECONDS = 2.0
"""A terminal shows which image is waited for after so long."""

_CLEAR = "\r\x1b[K"


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


class Progress(Protocol):
    """Is told of every row, and how far a large image is."""

    def __call__(self, summary: FolderSummary) -> None:
        """Show that there are so many rows by now."""
        ...

    def part(self, done: float) -> None:
        """Show, if it takes long, that this part of the next image is done, 0..1."""
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
        yield _Bar(bar, before)


class _Bar:
    def __init__(self, bar: "tqdm[Any]", before: FolderSummary) -> None:
        self._bar, self._summary = bar, before
        self._since, self._drawn = time.monotonic(), 0.0

    def __call__(self, summary: FolderSummary) -> None:
        self._summary, self._since = summary, time.monotonic()
        self._bar.set_postfix(numbers=summary.numbers, errors=summary.errors, refresh=False)
        self._bar.update(summary.rows - self._bar.n)

    def part(self, done: float) -> None:
        now = time.monotonic()
        if now - self._since >= SLOW_SECONDS and now - self._drawn >= self._bar.mininterval:
            self._drawn = now
            numbers, errors = self._summary.numbers, self._summary.errors
            self._bar.set_postfix(numbers=numbers, errors=errors, image=f"{done:.0%}")


class _Lines:
    def __init__(self, before: int, total: int | None, pause: float) -> None:
        self._before, self._total, self._pause = before, total, pause
        self._start = self._said = time.monotonic()
        self._rows = before

    def __call__(self, summary: FolderSummary) -> None:
        self._rows = summary.rows
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

    def part(self, done: float) -> None:
        now = time.monotonic()
        if now - self._said >= self._pause:
            self._said = now
            print(f"image {self._rows + 1}: {done:.0%} done", file=sys.stderr, flush=True)


@contextmanager
def shown_while_slow(
    names: Sequence[str], slow_seconds: float = SLOW_SECONDS, line_seconds: float = LINE_SECONDS
) -> Iterator["Waiting"]:
    """Show on standard error which image is waited for, and how far it is.

    Args:
        names: the images in the order of their results.
        slow_seconds: a terminal shows nothing before.
        line_seconds: pause between lines where standard error is no terminal.
    """
    terminal = sys.stderr.isatty()
    waiting = Waiting(names, terminal, slow_seconds if terminal else line_seconds)
    waiting.start()
    try:
        yield waiting
    finally:
        waiting.stop()


class Waiting(threading.Thread):
    """Shows which image is waited for; see `shown_while_slow`."""

    def __init__(self, names: Sequence[str], terminal: bool, pause: float) -> None:
        super().__init__(name="waiting", daemon=True)
        self._names, self._terminal, self._pause = names, terminal, pause
        self._index, self._shown, self._part = 0, False, 0.0
        self._since = self._said = time.monotonic()
        self._lock, self._ended = threading.Lock(), threading.Event()

    def run(self) -> None:
        """Says it again and again until the end."""
        while not self._ended.wait(min(0.5, self._pause / 4)):
            with self._lock:
                self._say(time.monotonic())

    def part(self, done: float) -> None:
        """Take that this part of the image is done, 0..1."""
        self._part = done

    def next(self) -> None:
        """Go on to the next image, before the result of this one is printed."""
        with self._lock:
            self._clear()
            self._index += 1
            self._part = 0.0
            self._since = self._said = time.monotonic()

    def stop(self) -> None:
        """End it."""
        self._ended.set()
        self.join()
        self._clear()

    def _say(self, now: float) -> None:
        if self._index >= len(self._names):
            return
        which = f" ({self._index + 1} of {len(self._names)})" if len(self._names) > 1 else ""
        part = f"{self._part:.0%} done, " if self._part else ""  # a server tells nothing
        line = f"{printable_name(self._names[self._index])}{which}: {part}{now - self._since:.0f} s so far"
        if self._terminal and now - self._since >= self._pause:
            print(f"{_CLEAR}{line}", end="", file=sys.stderr, flush=True)
            self._shown = True
        elif not self._terminal and now - self._said >= self._pause:
            print(line, file=sys.stderr, flush=True)
            self._said = now

    def _clear(self) -> None:
        if self._shown:
            print(_CLEAR, end="", file=sys.stderr, flush=True)
            self._shown = False
