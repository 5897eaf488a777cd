"""The server: it listens at once, says SERVING when it has a detector, and drains before it stops."""

import asyncio

from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from detector.serving.server import listener
from detector.serving.server.inference_queue import InferenceQueue, PixelDetector
from detector.serving.server.servicer import DigitDetectorServicer
from detector.serving.server.settings import ServerSettings
from detector.v1 import detector_pb2, detector_pb2_grpc

SERVICE = detector_pb2.DESCRIPTOR.services_by_name["DigitDetector"].full_name

_FLUSH_S = 1.0
"""Time for last replies to leave; after it, calls that never end (health watches) are cut."""


class DetectorServer:
    """A server on the running event loop: `start`, then `open` with a detector, in the end `stop`."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._inference_queue = InferenceQueue(settings.limits)
        self._servicer = DigitDetectorServicer(self._inference_queue)
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]
        self._server = listener.make_server(settings)
        detector_pb2_grpc.add_DigitDetectorServicer_to_server(self._servicer, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )

    async def start(self) -> int:
        """Listen, healthy but NOT_SERVING; return the port.

        Raises:
            ServerStartError: if the address is taken or not ours.
        """
        await self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        port = listener.bind(self._server, self._settings)
        await self._server.start()
        return port

    async def open(self, detector: PixelDetector) -> None:
        """Serve `detector`, which is loaded and warm, from the next call on; calls in work keep the one they have."""
        self._inference_queue.open(detector)
        await self._set_health(health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, grace_s: float, leave_port: bool = False) -> bool:
        """Drains and stops; returns whether all that was accepted has been answered.

        Args:
            grace_s: seconds that work in flight gets to finish.
            leave_port: send callers away at once, to others that listen at this port; else they are told
                meanwhile that the server is going away.
        """
        await self._health.enter_graceful_shutdown()
        leaving = asyncio.create_task(self._server.stop(grace_s)) if leave_port else None
        drained = True
        try:
            await asyncio.wait_for(self._servicer.drain(), grace_s)
        except TimeoutError:
            drained = False
        await self._server.stop(_FLUSH_S if drained else 0)
        if leaving is not None:
            await leaving
        return drained

    async def _set_health(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for service in (health.OVERALL_HEALTH, SERVICE):
            await self._health.set(service, status)
