"""The gRPC server: it listens at once, says SERVING when the model is warm, and drains before it stops."""

import asyncio
import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from detector.digit_detector import DigitDetector
from detector.errors import ServerStartError
from detector.interface import MAX_MESSAGE_BYTES
from detector.serving.malformed import MalformedRequestInterceptor
from detector.serving.servicer import DigitDetectorServicer
from detector.serving.workbench import PixelDetector, Workbench, WorkLimits
from detector.v1 import detector_pb2, detector_pb2_grpc

SERVICE = detector_pb2.DESCRIPTOR.services_by_name["DigitDetector"].full_name

_CALLS_PER_PLACE = 4
"""Calls of any kind, health checks too, that may be open per image or stream admitted."""

_FLUSH_S = 1.0
"""Time for last replies to leave; after it, calls that never end (health watches) are cut."""


@dataclass(frozen=True)
class ServerSettings:
    """Where a server listens and what it takes on.

    Attributes:
        host: name or address to listen at.
        port: 0 for any that is free.
        grace_s: seconds that work in flight gets to finish when the server is told to stop.
        limits: how much it takes on at once.
    """

    host: str = "127.0.0.1"
    port: int = 50051
    grace_s: float = 30.0
    limits: WorkLimits = field(default_factory=WorkLimits)


class DetectorServer:
    """A server on the running event loop: `start`, then `open` with a detector, in the end `stop`."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._workbench = Workbench(settings.limits)
        self._servicer = DigitDetectorServicer(self._workbench)
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]
        limits = settings.limits
        self._server = grpc.aio.server(
            interceptors=[MalformedRequestInterceptor()],
            maximum_concurrent_rpcs=_CALLS_PER_PLACE * (limits.places + limits.streams),
            options=[
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.so_reuseport", 0),  # a port in use is an error, not a port to share
            ],
        )
        detector_pb2_grpc.add_DigitDetectorServicer_to_server(self._servicer, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )

    async def start(self) -> int:
        """Listens, healthy but NOT_SERVING; returns the port.

        Raises:
            ServerStartError: if the address is taken or not ours.
        """
        await self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        host, port = self._settings.host, self._settings.port
        try:
            port = self._server.add_insecure_port(address(host, port))
        except RuntimeError as error:
            raise ServerStartError(f"cannot listen on {address(host, port)}: {_why(host, port)}") from error
        await self._server.start()
        return port

    async def open(self, detector: PixelDetector) -> None:
        """Serves `detector`, which is loaded and warm."""
        self._workbench.open(detector)
        await self._set_health(health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, grace_s: float) -> bool:
        """Drains and stops; returns whether all that was accepted has been answered."""
        await self._health.enter_graceful_shutdown()
        drained = True
        try:
            await asyncio.wait_for(self._servicer.drain(), grace_s)
        except TimeoutError:
            drained = False
        await self._server.stop(_FLUSH_S if drained else 0)
        return drained

    async def _set_health(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for service in (health.OVERALL_HEALTH, SERVICE):
            await self._health.set(service, status)


def address(host: str, port: int) -> str:
    """HOST:PORT, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def serve(host: str = "127.0.0.1", port: int = 50051, model_dir: Path | None = None) -> int:
    """Serves the model in `model_dir`, or the embedded one; see `serve_detector`.

    Raises:
        ServerStartError: if it cannot listen there.
        ModelError: if the model cannot be used.
    """
    return serve_detector(lambda: DigitDetector.load(model_dir), ServerSettings(host, port))


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
        ServerStartError: if it cannot listen there.
        Exception: whatever `load` raises.
    """
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
            detector.warm_up()
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


def _why(host: str, port: int) -> str:
    """The operating system's own words for why nobody can listen there."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(where)
    except OSError as error:
        return os.strerror(errno.EADDRINUSE) if error.errno == errno.EADDRINUSE else str(error.strerror)
    except OverflowError as error:
        return str(error)
    return "gRPC cannot use this address"
