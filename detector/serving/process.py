"""A process that serves: from loading the model to the signal that ends it."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from detector.self_check import load_checked
from detector.serving import logs, metrics_page
from detector.serving.listening import address
from detector.serving.server import DetectorServer
from detector.serving.settings import ServerSettings
from detector.serving.workbench import PixelDetector
from detector.v1 import detector_pb2


def serve(settings: ServerSettings, model_dir: Path | None = None) -> int:
    """Serves the model in `model_dir`, or the embedded one; see `serve_detector`.

    Raises:
        ServerStartError: if it cannot listen there.
        ModelError: if the model cannot be used.
    """
    return serve_detector(lambda: load_checked(model_dir), settings)


def serve_detector(load: Callable[[], PixelDetector], settings: ServerSettings) -> int:
    """Serves until SIGTERM or SIGINT; a second signal ends the process at once.

    Prints `ready: detector.v1 on HOST:PORT` when it answers. To be called in the main thread of a process that
    does nothing else: where work still holds a thread at the end, the process ends without waiting for it.

    Args:
        load: loads the detector; it runs in a thread, so that signals and health checks are heeded meanwhile.
        settings: where to listen and what to take on.

    Returns:
        0, the process's exit code.

    Raises:
        ServerStartError: if it cannot start as the settings say.
        Exception: whatever `load` raises.
    """
    logs.configure(settings.observability.log_format)
    with metrics_page.published(settings.observability, processes=1):
        asyncio.run(_serve(load, settings))
    return 0


async def _serve(load: Callable[[], PixelDetector], settings: ServerSettings) -> None:
    stopping = _stop_signal()
    server = DetectorServer(settings)
    port = await server.start()
    loading = _load_in_thread(load)
    either: tuple[asyncio.Future[Any], ...] = (loading, stopping)
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if loading.done():
        try:
            await server.open(loading.result())
        except BaseException:
            await server.stop(grace_s=0)
            raise
        print(f"ready: {detector_pb2.DESCRIPTOR.package} on {address(settings.host, port)}", flush=True)
        await stopping
    drained = await server.stop(settings.grace_s)
    if not (loading.done() and drained):
        _end_process()


def _stop_signal() -> "asyncio.Future[None]":
    """Done when the first SIGTERM or SIGINT comes; the second one ends the process."""
    loop = asyncio.get_running_loop()
    stopping = loop.create_future()

    def stop() -> None:
        if stopping.done():
            _end_process()
        stopping.set_result(None)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    return stopping


def _load_in_thread(load: Callable[[], PixelDetector]) -> "asyncio.Future[PixelDetector]":
    """The loaded and warm detector, from a thread that nobody has to wait for."""
    loop = asyncio.get_running_loop()
    loaded: asyncio.Future[PixelDetector] = loop.create_future()

    def run() -> None:
        try:
            detector = load()
        except Exception as error:
            loop.call_soon_threadsafe(loaded.set_exception, error)
        else:
            loop.call_soon_threadsafe(loaded.set_result, detector)

    threading.Thread(target=run, name="load", daemon=True).start()
    return loaded


def _end_process() -> None:
    """Exits with 0 now: a thread that loads or infers cannot be stopped, and has nothing worth waiting for."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
