"""The environment of a serving process: its threads, cores and log; and requests to reload, to stop or to end."""

import asyncio
import math
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from detector.models.backend import usable_cores
from detector.results.errors import ServerStartError
from detector.serving.server.settings import ServerSettings
from detector.serving.telemetry import logs
from detector.system.native_notices import import_quietly

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name))
"""SIGTERM and SIGINT stop a server, SIGHUP makes it load its model anew."""

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def check_system(settings: ServerSettings) -> None:
    """Check that this system has what serving needs.

    Raises:
        ServerStartError: if not.
    """
    if not hasattr(signal, "SIGHUP"):
        raise ServerStartError(
            "a server is controlled by signals that this system lacks: run it on Linux or macOS, or in a container"
        )
    if settings.processes > 1 and not hasattr(socket, "SO_REUSEPORT"):
        raise ServerStartError("several processes cannot share a port on this system: serve with one")


def prepare(settings: ServerSettings) -> None:
    """To be called once in each process: for the log, the networks' threads, and machines without a place to write."""
    logs.configure(settings.observability.log_format)
    share = max(1, available_cores() // settings.processes)
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(share))  # the OpenVINO backend reads it, too
    try:
        tempfile.gettempdir()
    except FileNotFoundError:  # a machine without a place to write
        tempfile.tempdir = os.sep  # TensorFlow asks for one when it is imported, but writes nothing there
        sys.modules.setdefault("matplotlib", None)  # type: ignore[arg-type] # Keras does without, it would not


def prepare_replica(cpus: int, log_format: str) -> None:
    """Prepare a process that has so many processors to itself, and nobody to read what TensorFlow says."""
    logs.configure(log_format)
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[name] = str(cpus)
    import_quietly()


def available_cores(quota: Path = _QUOTA) -> int:
    """Processors that the scheduler gives this process, or fewer if a container's limit allows less time; 1 or more.

    Args:
        quota: the file of the limit (cgroup v2): "MICROSECONDS PERIOD", or "max PERIOD" for none.
    """
    cores = usable_cores()
    try:
        time, period = quota.read_text(encoding="ascii").split()
        return max(1, min(cores, math.ceil(int(time) / int(period))))
    except (OSError, ValueError):  # there is no limit
        return cores


def end_process() -> NoReturn:
    """Exit with 0 now: a thread that loads or infers cannot be stopped, and has nothing worth waiting for."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


class ServerControl:
    """Requests to stop or reload, as events of the running loop.

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
        """From now on signals are requests, those too that were held back until now."""
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
    """Return the result of `work`, or raise its error, from a daemon thread of this name."""
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
    """Wait for either; return whether `future` is done."""
    waiting = asyncio.ensure_future(event.wait())
    await asyncio.wait((future, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    return future.done()
