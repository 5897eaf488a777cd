"""Serving as a whole program: in this process, or in several behind one port that this one looks after.

The kernel spreads connections over all that listen at the port (SO_REUSEPORT). The processes are spawned, not
forked, and this one never loads a network: TensorFlow does not survive a fork.
"""

import asyncio
import functools
import logging
import multiprocessing
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing import resource_tracker

from detector.pipeline.loading import load_checked
from detector.pipeline.options import DetectorConfig
from detector.results.errors import DetectorError
from detector.results.interface import MAX_PIXELS
from detector.serving.server.listener import reserved_port
from detector.serving.server.processes.environment import SIGNALS, ServerControl, check_system, prepare
from detector.serving.server.processes.process import (
    READY,
    RELOAD,
    STOP,
    LoadDetector,
    run_worker,
    serve_until_stopped,
)
from detector.serving.server.settings import ServerSettings
from detector.serving.telemetry import metrics
from detector.system.addresses import address
from detector.v1 import detector_pb2


def serve(settings: ServerSettings) -> int:
    """Serve the model that the settings name; see `serve_detector`.

    Raises:
        ServerStartError: if it cannot start as the settings say.
        ModelError: if the model cannot be used.
    """
    config = DetectorConfig(max_pixels=settings.max_pixels or MAX_PIXELS)
    return serve_detector(functools.partial(load_checked, settings.model, settings.runtime, config), settings)


def serve_detector(load: LoadDetector, settings: ServerSettings) -> int:
    """Serve until SIGTERM or SIGINT; a second signal ends it at once, SIGHUP loads the model anew.

    Prints `ready: detector.v1 on HOST:PORT` when it answers. To be called in the main thread of a process that
    does nothing else: it ends with the server.

    Args:
        load: loads a detector that is checked and warm; with several processes it must be importable, as `pickle`
            needs it.
        settings: where to listen and what to take on.

    Returns:
        0, the process's exit code, if it served with several processes.

    Raises:
        ServerStartError: if it cannot start as the settings say.
        Exception: whatever `load` raises.
    """
    check_system(settings)
    prepare(settings)
    page = settings.observability
    with metrics.published(page.metrics_host, page.metrics_port, settings.processes):
        asyncio.run(_serve(load, settings))
    return 0


async def _serve(load: LoadDetector, settings: ServerSettings) -> None:
    def announce(port: int) -> None:
        print(f"ready: {detector_pb2.DESCRIPTOR.package} on {address(settings.host, port)}", flush=True)

    if settings.processes > 1:
        await supervise(load, settings, announce)
        return
    control = ServerControl()
    control.install_signal_handlers()
    await serve_until_stopped(load, settings, control, announce)


_log = logging.getLogger(__name__)

_HEALTHY_S = 10.0
"""A process that answered so long did not die of its start; the next one starts at once."""

_MAX_PAUSE_S = 30.0
"""The longest pause between two starts of a process that keeps dying."""

_KILL_AFTER_S = 10.0
"""Beyond the grace: a process that has not ended by then is killed."""


async def supervise(load: LoadDetector, settings: ServerSettings, announce: Callable[[int], None]) -> None:
    """Serve with `settings.processes` processes until SIGTERM or SIGINT; a second signal ends them at once.

    Args:
        load: loads the detector, in each process; it must be importable, as `pickle` needs it.
        settings: where to listen, and what each process takes on.
        announce: is told the port once all of them answer.

    Raises:
        ServerStartError: if it cannot start as the settings say.
        DetectorError: what kept a process from its first start.
    """
    with reserved_port(settings.host, settings.port) as port:
        pool = _WorkerPool(load, replace(settings, port=port))
        control = ServerControl(pool.kill)
        control.install_signal_handlers()
        work = asyncio.gather(*(pool.run_slot(slot) for slot in range(settings.processes)))
        helpers = asyncio.gather(
            _announce_when_ready(pool, lambda: announce(port)),
            _reload_on_request(pool, control),
            _stop_on_request(pool, control, settings.grace_s),
        )
        try:
            done, _ = await asyncio.wait((work, helpers), return_when=asyncio.FIRST_COMPLETED)
            for future in done:
                future.result()
        finally:
            pool.kill()
            for future in (work, helpers):
                future.cancel()
            await asyncio.gather(work, helpers, return_exceptions=True)


class _WorkerPool:
    """The processes, each in its slot."""

    def __init__(self, load: LoadDetector, settings: ServerSettings) -> None:
        self._load = load
        self._settings = settings
        self._stopping = asyncio.Event()
        self._workers: dict[int, _Worker] = {}
        self.ready = [asyncio.Event() for _ in range(settings.processes)]

    async def run_slot(self, slot: int) -> None:
        """Run a process, and after its end the next, until `stop`.

        Raises:
            DetectorError: what the process said that it cannot start for, if that slot never had one that could.
        """
        deaths, first = 0, True
        while not self._stopping.is_set():
            worker = _Worker(self._load, self._settings, self.ready[slot], listen_first=first)
            self._workers[slot] = worker
            code = await worker.ended
            metrics.forget(worker.pid)
            if self._stopping.is_set():
                return
            if worker.error and not self.ready[slot].is_set():
                raise worker.error
            deaths = 0 if worker.answered_s() >= _HEALTHY_S else deaths + 1
            pause = min(2.0**deaths - 1, _MAX_PAUSE_S)
            _log.error(
                "serving process %d ended by itself (code %s%s); the next starts in %g s",
                *(worker.pid, code, f": {worker.error}" if worker.error else "", pause),
            )
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            first = False

    def stop(self) -> None:
        """All drain and end, and no more are started."""
        self._stopping.set()
        self.tell(STOP)

    def tell(self, order: str) -> None:
        """Give each process an order."""
        for worker in self._workers.values():
            worker.tell(order)

    def kill(self) -> None:
        """No process runs after this."""
        self._stopping.set()
        for worker in self._workers.values():
            worker.kill()


class _Worker:
    """A serving process, seen from outside; it runs from the start.

    Attributes:
        ended: its exit code, negative for a signal, once it has ended.
        error: what it said that it cannot start for.
    """

    def __init__(
        self, load: LoadDetector, settings: ServerSettings, ready: asyncio.Event, listen_first: bool
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready = ready
        self._answered_since: float | None = None
        self.ended: asyncio.Future[int | None] = self._loop.create_future()
        self.error: DetectorError | None = None
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=run_worker, args=(theirs, load, settings, listen_first))
        resource_tracker.ensure_running()  # started later, it would let the signals in
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # held for the process until it handles them
        self._process.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        theirs.close()
        self._loop.add_reader(self._pipe.fileno(), self._hear)
        self._loop.add_reader(self._process.sentinel, self._finish)

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    def answered_s(self) -> float:
        """For how long it has answered, in seconds."""
        return 0.0 if self._answered_since is None else time.monotonic() - self._answered_since

    def tell(self, order: str) -> None:
        """Give an order; a process that is gone needs none."""
        with suppress(OSError):
            self._pipe.send(order)

    def kill(self) -> None:
        """End it at once."""
        if not self.ended.done():
            self._process.kill()

    def _hear(self) -> None:
        try:
            message = self._pipe.recv()
        except (EOFError, OSError):
            self._loop.remove_reader(self._pipe.fileno())
            return
        if message == READY:
            self._answered_since = time.monotonic()
            self._ready.set()
        else:
            self.error = message

    def _finish(self) -> None:
        self._loop.remove_reader(self._process.sentinel)
        while self._loop.remove_reader(self._pipe.fileno()) and self._pipe.poll():
            self._hear()
        self._process.join()
        self._pipe.close()
        self.ended.set_result(self._process.exitcode)


async def _announce_when_ready(pool: _WorkerPool, announce: Callable[[], None]) -> None:
    for ready in pool.ready:
        await ready.wait()
    announce()


async def _reload_on_request(pool: _WorkerPool, control: ServerControl) -> None:
    while True:
        await control.reload.wait()
        control.reload.clear()
        pool.tell(RELOAD)


async def _stop_on_request(pool: _WorkerPool, control: ServerControl, grace_s: float) -> None:
    await control.stop.wait()
    pool.stop()
    await asyncio.sleep(grace_s + _KILL_AFTER_S)
    pool.kill()
