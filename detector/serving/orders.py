"""What a running server is told from outside: to load its model anew, to stop, to end at once."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""SIGTERM and SIGINT stop a server, SIGHUP makes it load its model anew."""


def end_process() -> None:
    """Exits with 0 now: a thread that loads or infers cannot be stopped, and has nothing worth waiting for."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


class Orders:
    """Orders as events of the running event loop.

    Attributes:
        stop: set when the server shall drain and stop.
        reload: set when it shall load its model anew; whoever does so clears it.
        stopped_by_signal: whether a signal to this process said to stop.

    Args:
        end: ends the process; a second signal to stop calls it.
    """

    def __init__(self, end: Callable[[], None] = end_process) -> None:
        self.stop = asyncio.Event()
        self.reload = asyncio.Event()
        self.stopped_by_signal = False
        self._end = end

    def heed_signals(self) -> None:
        """From now on signals are orders, those too that were held back until now."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self.reload.set)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def _stop(self) -> None:
        if self.stopped_by_signal:
            self._end()
        self.stopped_by_signal = True
        self.stop.set()
