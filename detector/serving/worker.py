"""One of several serving processes, as it is from inside; `supervisor` starts it and tells it what to do.

The two talk over a pipe. The supervisor says "stop" and "reload"; the worker says READY, or sends the error that
kept it from starting. When the pipe breaks the supervisor is dead, and the worker drains and follows it.
"""

import asyncio
import contextlib
import sys
from multiprocessing.connection import Connection

from detector.errors import DetectorError
from detector.serving.model import LoadDetector
from detector.serving.orders import Orders
from detector.serving.process import serve_until_told
from detector.serving.settings import ServerSettings
from detector.serving.surroundings import prepare

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
    orders = Orders()
    orders.heed_signals()
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
