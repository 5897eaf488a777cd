"""Who detects for a command, and how a command ends that cannot go on."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from detector.console import BROKEN_OFF, complain
from detector.errors import DetectorError, InvalidRequestError, ModelError
from detector.interface import ImageDetector
from detector.runtimes import TENSORFLOW, load_detector
from detector.serving.connection import Connection


@dataclass(frozen=True)
class DetectorChoice:
    """Who detects.

    Attributes:
        model: a model's folder; None for the embedded one.
        runtime: what computes it, see `detector.runtimes`.
        server: a server, or several, that detect instead of this process.
    """

    model: Path | None = None
    runtime: str = TENSORFLOW
    server: Connection | None = None

    @contextmanager
    def open(self) -> Iterator[ImageDetector]:
        """The detector, ready to detect.

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


@contextmanager
def one_line_if_broken_off(consequence: str) -> Iterator[None]:
    """Ends the program if the work cannot go on: the server has gone away, or the disk is full."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (InvalidRequestError, ModelError):
        raise  # what was asked for cannot be begun
    except (DetectorError, OSError) as error:
        complain(f"{error}; {consequence}")
        sys.exit(BROKEN_OFF)
