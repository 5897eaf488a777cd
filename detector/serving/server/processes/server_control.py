"""Requests from outside to a running server: to load its model anew, to stop, to end at once."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""SIGTERM and SIGINT stop a server, SIGHUP makes it load its model anew."""


def end_process() -> NoReturn:
    """Exits with 0 now: a thread that loads or infers cannot be stopped, and has nothing worth waiting for."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


class ServerControl:
    """ServerControl as events of the running event loop.

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

    def install_signal_handlers(self) -> None:
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


Result = TypeVar("Result")


def in_thread(work: Callable[[], Result], name: str) -> "asyncio.Future[Result]":
    """What `work` returns or raises, from a thread of this name that does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def finish(end: Callable[[], None]) -> None:
        if not done.cancelled():
            end()

    def run() -> None:
        try:
            result = work()
        except Exception as error:
            failure = error
            loop.call_soon_threadsafe(finish, lambda: done.set_exception(failure))
        else:
            loop.call_soon_threadsafe(finish, lambda: done.set_result(result))

    threading.Thread(target=run, name=name, daemon=True).start()
    return done


async def done_before(future: "asyncio.Future[Any]", event: asyncio.Event) -> bool:
    """Waits for either; returns whether `future` is done."""
    waiting = asyncio.ensure_future(event.wait())
    await asyncio.wait((future, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    return future.done()
