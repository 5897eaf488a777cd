"""One call's bookkeeping: where its time goes, and whether its result is still wanted."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from detector.models.backend import Network
from detector.results.detections import FloatArray
from detector.results.errors import CallCancelledError, DeadlineExceededError
from detector.results.interface import ImageProgress


class CancellationToken:
    """Tells work in another thread that its result is not wanted any more; any thread may use it.

    The work calls `raise_if_cancelled` between its steps. A step itself is never interrupted.

    Args:
        deadline: when the result comes too late, on the clock of `time.monotonic`; None for never.
    """

    def __init__(self, deadline: float | None = None) -> None:
        self._deadline = deadline
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """End the work at its next step."""
        self._cancelled.set()

    def raise_if_cancelled(self) -> None:
        """Return while the result is wanted.

        Raises:
            CallCancelledError: if `cancel` was called.
            DeadlineExceededError: if the deadline has passed.
        """
        if self._cancelled.is_set():
            raise CallCancelledError("the caller has cancelled the call")
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise DeadlineExceededError("the deadline passed before there was an answer")


class Call:
    """A call in progress, in one thread.

    Args:
        cancellation: ends the work early, between two calls of a network; None to carry it through.
        progress: called with the fraction of the work that is done; None if nobody asks.

    Attributes:
        seconds: spent per stage; while a stage runs within another, the other's clock stands still.
    """

    def __init__(
        self, cancellation: CancellationToken | None = None, progress: ImageProgress | None = None
    ) -> None:
        self.seconds: dict[str, float] = {}
        self._cancellation = cancellation or CancellationToken()
        self._progress = progress
        self._done = 0.0
        self._stages: list[str] = []
        self._since = 0.0

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Count what is done within as this stage's."""
        return _Stage(self, name)

    def enter(self, name: str) -> None:
        """Begin a stage, within the one that is under way."""
        self._count()
        self._stages.append(name)

    def leave(self) -> None:
        """End the stage that began last."""
        self._count()
        self._stages.pop()

    def part(self, share: float) -> Callable[[float], None]:
        """Return a callback that adds to the call's progress; it takes the newly finished fraction of a part.

        Args:
            share: the part's fraction of the whole work, 0..1.
        """

        def advance(done: float) -> None:
            self._done = min(self._done + done * share, 1.0)
            if self._progress is not None:
                self._progress(self._done)

        return advance

    def network(self, network: Network, stage: str) -> Network:
        """Return the network, its calls counted as a stage, and none begun that nobody waits for."""
        return _NetworkOfCall(network, self, stage)

    def raise_if_cancelled(self) -> None:
        """Return while the result is wanted.

        Raises:
            CallCancelledError, DeadlineExceededError: if it is not wanted any more.
        """
        self._cancellation.raise_if_cancelled()

    def _count(self) -> None:
        now = time.perf_counter()
        if self._stages:
            stage = self._stages[-1]
            self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now


class _Stage(AbstractContextManager[None]):
    """A class, since a small image goes through dozens of stages: a generator takes twice as long."""

    def __init__(self, call: Call, name: str) -> None:
        self._call, self._name = call, name

    def __enter__(self) -> None:
        self._call.enter(self._name)

    def __exit__(self, *_: object) -> None:
        self._call.leave()


class _NetworkOfCall(Network):
    """A network that counts as a stage of a call, and begins no batch that nobody waits for.

    To the stage belongs what is done while the network computes: making all batches but the first.
    """

    def __init__(self, network: Network, call: Call, stage: str) -> None:
        self.parameter_count = network.parameter_count
        self._network, self._call, self._stage = network, call, stage

    def __call__(self, images: NDArray[np.uint8]) -> FloatArray:
        """Return what the network says."""
        (outputs,) = self.map([images])
        return outputs

    def map(self, batches: Iterable[NDArray[np.uint8]]) -> Iterator[FloatArray]:
        """Yield what the network says of each batch."""
        remaining = iter(batches)
        first = list(islice(remaining, 1))
        results = self._network.map(self._wanted(chain(first, remaining)))
        while True:
            with self._call.stage(self._stage):
                outputs = next(results, None)
            if outputs is None:
                return
            yield outputs

    def _wanted(self, batches: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
        for images in batches:
            self._call.raise_if_cancelled()
            yield images
