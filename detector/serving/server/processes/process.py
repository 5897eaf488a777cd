"""One serving process, alone or as one of several: from loading the model to the order that ends it."""

import asyncio
import contextlib
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import NoReturn

from detector.models.model_files import EMBEDDED, MANIFEST
from detector.results.errors import DetectorError
from detector.serving.server.model_reload import (
    LoadDetector,
    load_in_thread,
    reload_when_told,
    settle_garbage,
    watch,
)
from detector.serving.server.processes.environment import prepare
from detector.serving.server.processes.server_control import ServerControl, done_before, end_process
from detector.serving.server.server import DetectorServer
from detector.serving.server.settings import ServerSettings


async def serve_until_told(
    load: LoadDetector,
    settings: ServerSettings,
    orders: ServerControl,
    announce: Callable[[int], None],
    listen_first: bool = True,
) -> NoReturn:
    """Listens, loads, serves, drains, and ends the process, with 0.

    It ends here, and at once: open connections end with it, and work that still holds a thread is not waited for.

    Args:
        load: loads the detector; it runs in a thread, so that orders and health checks are heeded meanwhile.
        settings: where to listen and what to take on.
        orders: when to load anew and when to stop.
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
        helpers.append(asyncio.create_task(watch((settings.model or EMBEDDED) / MANIFEST, orders.reload)))
        await asyncio.sleep(0)  # it looks at the file before the file is loaded
    loading = load_in_thread(load)
    if await done_before(loading, orders.stop):
        try:
            detector = loading.result()
            port = port or await server.start()
            await server.open(detector)
            settle_garbage()
        except BaseException:
            await server.stop()
            raise
        announce(port)
        helpers.append(asyncio.create_task(reload_when_told(server, load, orders.reload)))
        await orders.stop.wait()
    for helper in helpers:
        helper.cancel()
    leave = settings.processes > 1 and orders.stopped_by_signal
    await server.drain(settings.grace_s, leave_port=leave)
    end_process()


STOP, RELOAD, READY = "stop", "reload", "ready"


def run_worker(
    pipe: "Connection[object, object]", load: LoadDetector, settings: ServerSettings, listen_first: bool
) -> None:
    """The whole life of a worker.

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
    orders = ServerControl()
    orders.install_signal_handlers()
    loop = asyncio.get_running_loop()

    def hear() -> None:
        try:
            order = pipe.recv()
        except (EOFError, OSError):
            loop.remove_reader(pipe.fileno())
            order = STOP
        (orders.stop if order == STOP else orders.reload).set()

    loop.add_reader(pipe.fileno(), hear)
    await serve_until_told(load, settings, orders, lambda _: _say(pipe, READY), listen_first)


def _say(pipe: "Connection[object, object]", message: object) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more
        pipe.send(message)
