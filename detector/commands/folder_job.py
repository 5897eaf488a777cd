"""How a folder job begins and ends on the command line, on one machine or many."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from detector.console import INTERRUPTED, TERMINATED
from detector.folders.listing import VIDEO_HINT
from detector.folders.rows import printable_name
from detector.folders.summary import FolderSummary


class _Terminated(KeyboardInterrupt):
    """SIGTERM: the end that Ctrl-C brings, with an exit code of its own."""


@contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Makes SIGTERM a KeyboardInterrupt; `exit_code` tells which it was."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """Of a job that was stopped."""
    return TERMINATED if isinstance(interrupt, _Terminated) else INTERRUPTED


def say(message: str) -> None:
    """Tells the user, on standard error: standard output is for results."""
    print(message, file=sys.stderr)


def say_videos(count: int, first: str) -> None:
    """Tells the user that there are videos among the images."""
    if count:
        say(f"{count} videos are not read, such as {printable_name(first)}: {VIDEO_HINT}")


def say_account(summary: FolderSummary, output: str) -> None:
    """Tells the user what came of the job."""
    say(
        f"{summary.rows} images ({summary.errors} not read), {summary.digits} digits, {summary.numbers} numbers: "
        f"{printable_name(output)}"
    )
