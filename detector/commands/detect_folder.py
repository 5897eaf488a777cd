"""`digit-detector detect-folder`: one row for each image below a folder."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from detector import folders
from detector.commands.choice import DetectorChoice, one_line_if_broken_off
from detector.console import INTERRUPTED, OK, SOME_FAILED, TERMINATED, complain
from detector.folders.listing import VIDEO_HINT
from detector.folders.plan import FolderJob, plan_folder
from detector.folders.report import PAGE
from detector.folders.rows import printable_name
from detector.folders.summary import FolderSummary


class _Terminated(KeyboardInterrupt):
    """SIGTERM: the end that Ctrl-C brings, with an exit code of its own."""


def detect_folder(job: FolderJob, choice: DetectorChoice) -> int:
    """Writes one line of JSON for each image below a folder; returns the exit code."""
    plan = plan_folder(job)
    if plan.videos:
        _say(
            f"{len(plan.videos)} videos are not read, such as {printable_name(plan.videos[0])}: {VIDEO_HINT}"
        )
    rows_so_far = f"the rows so far are in {plan.job.output}, --resume goes on"
    try:
        with _interrupted_by_sigterm(), choice.open() as detector, one_line_if_broken_off(rows_so_far):
            summary = folders.detect_folder(plan, detector)
    except KeyboardInterrupt as interrupt:
        complain(f"stopped: {rows_so_far}" if _has_rows(plan.job.output) else "stopped before the first row")
        return TERMINATED if isinstance(interrupt, _Terminated) else INTERRUPTED
    _say(_account(summary, job.output))
    if job.report is not None:
        _say(f"to look at them, open {printable_name(str(job.report / PAGE))}")
    return SOME_FAILED if summary.errors else OK


def _account(summary: FolderSummary, output: Path) -> str:
    return (
        f"{summary.rows} images ({summary.errors} not read), {summary.digits} digits, {summary.numbers} numbers: "
        f"{printable_name(str(output))}"
    )


def _say(message: str) -> None:
    print(message, file=sys.stderr)


def _has_rows(output: Path) -> bool:
    return output.exists() and output.stat().st_size > 0


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
