"""Serving as a whole program: in this process, or in several that this one looks after."""

import asyncio
import functools

from detector.pipeline.loading import load_checked
from detector.pipeline.options import DetectorConfig
from detector.results.interface import MAX_PIXELS
from detector.serving.server.listener import address
from detector.serving.server.model_reload import LoadDetector
from detector.serving.server.processes.environment import prepare
from detector.serving.server.processes.process import serve_until_told
from detector.serving.server.processes.server_control import ServerControl
from detector.serving.server.processes.supervisor import supervise
from detector.serving.server.settings import ServerSettings
from detector.serving.telemetry import metrics_page
from detector.v1 import detector_pb2


def serve(settings: ServerSettings) -> int:
    """Serves the model that the settings name; see `serve_detector`.

    Raises:
        ServerStartError: if it cannot start as the settings say.
        ModelError: if the model cannot be used.
    """
    config = DetectorConfig(max_pixels=settings.max_pixels or MAX_PIXELS)
    return serve_detector(functools.partial(load_checked, settings.model, settings.runtime, config), settings)


def serve_detector(load: LoadDetector, settings: ServerSettings) -> int:
    """Serves until SIGTERM or SIGINT; a second signal ends it at once, SIGHUP loads the model anew.

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
    prepare(settings)
    with metrics_page.published(settings.observability, settings.processes):
        asyncio.run(_serve(load, settings))
    return 0


async def _serve(load: LoadDetector, settings: ServerSettings) -> None:
    def announce(port: int) -> None:
        print(f"ready: {detector_pb2.DESCRIPTOR.package} on {address(settings.host, port)}", flush=True)

    if settings.processes > 1:
        await supervise(load, settings, announce)
        return
    orders = ServerControl()
    orders.install_signal_handlers()
    await serve_until_told(load, settings, orders, announce)
