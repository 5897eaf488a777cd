"""Images that take long: which one it is and for how long already, so that nobody takes the program for stuck."""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from detector.folders.rows import printable_name

SLOW_SECONDS, LINE_SECONDS = 2.0, 10.0
"""An image is named on a terminal after so long, in a log each time after so long."""

_CLEAR = "\r\x1b[K"


@contextmanager
def shown_while_slow(
    names: Sequence[str], slow_seconds: float = SLOW_SECONDS, line_seconds: float = LINE_SECONDS
) -> Iterator[Callable[[], None]]:
    """Show on standard error which image is waited for; its function is told of each result before that is printed.

    Args:
        names: the images in the order of their results.
        slow_seconds: a terminal shows nothing before.
        line_seconds: pause between lines where standard error is no terminal.
    """
    terminal = sys.stderr.isatty()
    waiting = _Waiting(names, terminal, slow_seconds if terminal else line_seconds)
    waiting.start()
    try:
        yield waiting.next
    finally:
        waiting.stop()


class _Waiting(threading.Thread):
    def __init__(self, names: Sequence[str], terminal: bool, pause: float) -> None:
        super().__init__(name="waiting", daemon=True)
        self._names, self._terminal, self._pause = names, terminal, pause
        self._index, self._shown = 0, False
        self._since = self._said = time.monotonic()
        self._lock, self._ended = threading.Lock(), threading.Event()

    def run(self) -> None:
        """Says it again and again until the end."""
        while not self._ended.wait(min(0.5, self._pause / 4)):
            with self._lock:
                self._say(time.monotonic())

    def next(self) -> None:
        """Goes on to the next image."""
        with self._lock:
            self._clear()
            self._index += 1
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
        line = f"{printable_name(self._names[self._index])}{which}: {now - self._since:.0f} s so far"
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
