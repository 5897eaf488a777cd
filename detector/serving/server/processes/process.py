"""One serving process, alone or as one of several: its model loaded and reloaded, until the order that ends it."""

import asyncio
import contextlib
import gc
import logging
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from detector.models.model_files import EMBEDDED, MANIFEST
from detector.results.errors import DetectorError
from detector.serving.server.inference_queue import PixelDetector
from detector.serving.server.processes.environment import (
    ServerControl,
    done_before,
    end_process,
    in_thread,
    prepare,
)
from detector.serving.server.server import DetectorServer
from detector.serving.server.settings import ServerSettings

_log = logging.getLogger(__name__)

LoadDetector = Callable[[], PixelDetector]
"""Loads a detector, checks it and makes it warm; raises DetectorError if it cannot be used."""

_WATCH_S = 1.0
"""Between two looks at a watched file."""

STOP, RELOAD, READY = "stop", "reload", "ready"
"""A supervisor's words to a worker, and a worker's own."""


async def serve_until_stopped(
    load: LoadDetector,
    settings: ServerSettings,
    control: ServerControl,
    announce: Callable[[int], None],
    listen_first: bool = True,
) -> NoReturn:
    """Listen, load, serve, drain, and end the process, with 0.

    It ends here, and at once: open connections end with it, and work that still holds a thread is not waited for.

    Args:
        load: loads the detector; it runs in a thread, so requests to stop and health checks are answered meanwhile.
        settings: where to listen and what to take on.
        control: when to load anew and when to stop.
        announce: is told the port once the server answers.
        listen_first: listen while the model loads, NOT_SERVING; if not, nobody is let in who had to wait.

    Raises:
        ServerStartError: if it cannot start as the settings say.
        Exception: whatever `load` raises.
    """
    server = DetectorServer(settings)
    port = await server.start() if listen_first else 0
    helpers = []
    if settings.watch_model:
        helpers.append(asyncio.create_task(watch((settings.model or EMBEDDED) / MANIFEST, control.reload)))
        await asyncio.sleep(0)  # it looks at the file before the file is loaded
    loading = load_in_thread(load)
    if await done_before(loading, control.stop):
        try:
            detector = loading.result()
            port = port or await server.start()
            await server.open(detector)
            settle_garbage()
        except BaseException:
            await server.stop()
            raise
        announce(port)
        helpers.append(asyncio.create_task(reload_on_request(server, load, control.reload)))
        await control.stop.wait()
    for helper in helpers:
        helper.cancel()
    leave = settings.processes > 1 and control.stopped_by_signal
    if not await server.drain(settings.grace_s, leave_port=leave):
        _log.warning("calls were cut off: they took longer than --grace, %g s", settings.grace_s)
    end_process()


def run_worker(
    pipe: "Connection[object, object]", load: LoadDetector, settings: ServerSettings, listen_first: bool
) -> None:
    """Run a worker process until it is told to stop.

    Args:
        pipe: to the supervisor.
        load: loads the detector.
        settings: with the port that all workers share.
        listen_first: whether to listen while the model loads: not if other workers answer meanwhile.
    """
    prepare(settings)
    try:
        asyncio.run(_work(pipe, load, settings, listen_first))
    except DetectorError as error:
        _say(pipe, error)
        sys.exit(1)


async def _work(
    pipe: "Connection[object, object]", load: LoadDetector, settings: ServerSettings, listen_first: bool
) -> None:
    control = ServerControl()
    control.install_signal_handlers()
    loop = asyncio.get_running_loop()

    def hear() -> None:
        try:
            order = pipe.recv()
        except (EOFError, OSError):
            loop.remove_reader(pipe.fileno())
            order = STOP
        (control.stop if order == STOP else control.reload).set()

    loop.add_reader(pipe.fileno(), hear)
    await serve_until_stopped(load, settings, control, lambda _: _say(pipe, READY), listen_first)


def _say(pipe: "Connection[object, object]", message: object) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more
        pipe.send(message)


def load_in_thread(load: LoadDetector) -> "asyncio.Future[PixelDetector]":
    """Return the result of `load`, from a daemon thread."""
    return in_thread(load, "load")


async def reload_on_request(server: DetectorServer, load: LoadDetector, requested: asyncio.Event) -> None:
    """Replace the server's detector whenever `requested` is set; what cannot be loaded replaces nothing."""
    while True:
        await requested.wait()
        requested.clear()
        try:
            await server.open(await load_in_thread(load))
        except DetectorError as error:
            _log.error("the model was not replaced: %s", error)
        except Exception:
            _log.exception("the model was not replaced")
        else:
            _log.info("the model was replaced")
        settle_garbage()


def settle_garbage() -> None:
    """Frees what an earlier model left behind, and has the collector pass over the one that serves from now on.

    A network is full of circles, and too large to wait for its turn. And the collector looks at everything only when
    a quarter as many objects are new: beside a model's half a million, refused calls would pile up by the thousand.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.collect()  # counts what is left, which is next to nothing


async def watch(file: Path, changed: asyncio.Event) -> None:
    """Set `changed` whenever there is another file of this name, or another content."""
    known = _identity(file)
    while True:
        await asyncio.sleep(_WATCH_S)
        found = _identity(file)
        if found not in (known, None):
            known = found
            changed.set()


def _identity(file: Path) -> tuple[int, int, int, int] | None:
    """Return the identity of a file's state; None while there is no file."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
