"""The model of a running server: loaded aside, and replaced without a call that notices."""

import asyncio
import gc
import logging
from collections.abc import Callable
from pathlib import Path

from detector.results.errors import DetectorError
from detector.serving.server.inference_queue import PixelDetector
from detector.serving.server.processes.server_control import in_thread
from detector.serving.server.server import DetectorServer

_log = logging.getLogger(__name__)

LoadDetector = Callable[[], PixelDetector]
"""Loads a detector, checks it and makes it warm; raises DetectorError if it cannot be used."""

_WATCH_S = 1.0
"""Between two looks at a watched file."""


def load_in_thread(load: LoadDetector) -> "asyncio.Future[PixelDetector]":
    """Return the result of `load`, from a daemon thread."""
    return in_thread(load, "load")


async def reload_on_request(server: DetectorServer, load: LoadDetector, told: asyncio.Event) -> None:
    """Replace the server's detector whenever `told` is set; what cannot be loaded replaces nothing."""
    while True:
        await told.wait()
        told.clear()
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
