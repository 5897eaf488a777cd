"""How commands run: the detector that one chooses, and how a folder job begins and ends."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from detector.cli.exit_codes import INTERRUPTED, TERMINATED
from detector.folders.listing import VIDEO_HINT
from detector.folders.progress import FolderSummary
from detector.folders.rows import printable_name
from detector.pipeline.loading import TENSORFLOW, load_detector
from detector.results.interface import ImageDetector
from detector.serving.client.connection import Connection


@dataclass(frozen=True)
class DetectorChoice:
    """Who detects.

    Attributes:
        model: a model's folder; None for the embedded one.
        runtime: what computes it, see `detector.pipeline.loading`.
        server: a server, or several, that detect instead of this process.
    """

    model: Path | None = None
    runtime: str = TENSORFLOW
    server: Connection | None = None

    @contextmanager
    def open(self) -> Iterator[ImageDetector]:
        """Provide the detector, ready to detect.

        Raises:
            ModelError: if the model cannot be used.
            InvalidOptionError: if the runtime is not installed.
            ServiceUnavailableError: if the server does not answer.
        """
        if self.server is None:
            yield load_detector(self.model, self.runtime)
            return
        from detector.serving.client import DetectorClient  # noqa: PLC0415 - gRPC comes in with a server only

        with DetectorClient(self.server.servers, tls=self.server.tls, token=self.server.token) as client:
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
