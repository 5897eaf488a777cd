"""Progress bars: tqdm's on a terminal, a line now and then in a log."""

import io
import sys
from collections.abc import Iterable
from typing import Any, TypeVar, cast

from tqdm import tqdm

LINE_SECONDS = 10.0
"""Pause between lines where standard error is no terminal."""

Item = TypeVar("Item")


def progress_bar(
    items: Iterable[Item] | None = None,
    desc: str | None = None,
    line_seconds: float = LINE_SECONDS,
    **options: Any,
) -> "tqdm[Item]":
    """Return a tqdm bar on standard error; where that is no terminal, whole lines, and none for what is done sooner.

    Args:
        items: what is worked off; None if the bar is told with `update`.
        desc: what stands before the figures.
        line_seconds: pause between lines where standard error is no terminal.
        options: tqdm's own, for example `unit`, `total` and `disable`.
    """
    if not sys.stderr.isatty():
        pauses = {"mininterval": line_seconds, "maxinterval": line_seconds, "delay": line_seconds}
        options = {**options, **pauses, "file": _Lines()}
    return cast("tqdm[Item]", tqdm(items, desc, **options))


class _Lines(io.TextIOBase):
    """Takes what tqdm draws over and over in one line, and writes it as lines of their own."""

    def write(self, text: str) -> int:
        line = text.strip()
        if line:
            print(line, file=sys.stderr, flush=True)
        return len(text)
