"""Cooperative cancellation: long work looks, between its steps, whether anybody still waits for its result."""

import threading
import time

from detector.results.errors import CallCancelledError, DeadlineExceededError


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
