"""How commands run: the detector that one chooses, and how a folder job begins and ends."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from detector.cli.exit_codes import INTERRUPTED, TERMINATED
from detector.cli.tls_mistakes import explained
from detector.folders.file_kinds import LeftOutCounts
from detector.folders.progress import FolderSummary
from detector.folders.rows import printable_name
from detector.models.runtimes import OPENVINO
from detector.pipeline.detector import DigitDetector
from detector.pipeline.options import DetectorConfig
from detector.results.interface import MAX_PIXELS, ImageDetector
from detector.serving.client.batch import BatchSettings
from detector.serving.client.connection import Connection


@dataclass(frozen=True)
class DetectorChoice:
    """Who detects.

    Attributes:
        model: a model's folder; None for the embedded one.
        runtime: what computes it, see `detector.models.runtimes`.
        max_pixels: images with more pixels are refused; None for the detector's own limit.
        server: a server, or several, that detect instead of this process.
        batch: how a server has many images looked at.
    """

    model: Path | None = None
    runtime: str = OPENVINO
    max_pixels: int | None = None
    server: Connection | None = None
    batch: BatchSettings = field(default_factory=BatchSettings)

    @contextmanager
    def open(self) -> Iterator[ImageDetector]:
        """Provide the detector, ready to detect.

        Raises:
            ModelError: if the model cannot be used.
            InvalidOptionError: if the runtime is not installed.
            ServiceUnavailableError: if the server does not answer.
        """
        if self.server is None:
            config = DetectorConfig(max_pixels=self.max_pixels or MAX_PIXELS)
            yield DigitDetector.load(self.model, config, self.runtime)
            return
        from detector.serving.client import DetectorClient  # noqa: PLC0415 - gRPC comes in with a server only

        where = self.server
        with DetectorClient(where.servers, tls=where.tls, token=where.token, batch=self.batch) as client:
            with explained(where):
                client.info(timeout_s=15)
            yield client


class _Terminated(KeyboardInterrupt):
    """SIGTERM: the end that Ctrl-C brings, with an exit code of its own."""


@contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Make SIGTERM a KeyboardInterrupt; `exit_code` tells which it was."""

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


def say_left_out(counts: LeftOutCounts) -> None:
    """Tells the user what lies among the images and is not read."""
    for line in counts.lines():
        say(line)


def say_account(summary: FolderSummary, output: str) -> None:
    """Tells the user what came of the job."""
    say(
        f"{summary.rows} images ({summary.errors} not read), {summary.digits} digits, {summary.numbers} numbers: "
        f"{printable_name(output)}"
    )
