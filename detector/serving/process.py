"""One serving process: from loading the model to the order that ends it."""

import asyncio
from collections.abc import Callable

from detector.model_files import EMBEDDED, MANIFEST
from detector.serving.model import LoadDetector, load_in_thread, reload_when_told, settle_garbage, watch
from detector.serving.orders import Orders, end_process
from detector.serving.server import DetectorServer
from detector.serving.settings import ServerSettings
from detector.serving.threads import done_before


async def serve_until_told(
    load: LoadDetector,
    settings: ServerSettings,
    orders: Orders,
    announce: Callable[[int], None],
    listen_first: bool = True,
) -> None:
    """Listens, loads, serves, drains.

    Where work still holds a thread at the end, the process ends here, with 0, without waiting for it.

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
            await server.stop(grace_s=0)
            raise
        announce(port)
        helpers.append(asyncio.create_task(reload_when_told(server, load, orders.reload)))
        await orders.stop.wait()
    for helper in helpers:
        helper.cancel()
    leave = settings.processes > 1 and orders.stopped_by_signal
    drained = await server.stop(settings.grace_s, leave_port=leave)
    if not (loading.done() and drained):
        end_process()
