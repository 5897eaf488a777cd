"""The server: it listens at once, says SERVING when it has a detector, and drains before its process ends."""

import asyncio

from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from detector.serving.server import listener
from detector.serving.server.inference_queue import InferenceQueue, PixelDetector
from detector.serving.server.servicer import DigitDetectorServicer
from detector.serving.server.settings import ServerSettings
from detector.v1 import detector_pb2, detector_pb2_grpc

SERVICE = detector_pb2.DESCRIPTOR.services_by_name["DigitDetector"].full_name

_LINGER_S = 0.2
"""Time for last replies to cross the network: the end of a process can cut off what the kernel has not sent."""


class DetectorServer:
    """A server on the running event loop: `start`, then `open` with a detector, in the end `drain`."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._inference_queue = InferenceQueue(settings.limits)
        self._servicer = DigitDetectorServicer(self._inference_queue)
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]
        self._tracing = listener.start_tracing(settings.observability)
        self._server = listener.make_server(settings, self._tracing)
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
        port = listener.bind(self._server, self._settings)
        await self._server.start()
        return port

    async def open(self, detector: PixelDetector) -> None:
        """Serves `detector`, which is loaded and warm, from the next call on; calls in work keep the one they have."""
        self._inference_queue.open(detector)
        await self._set_health(health_pb2.HealthCheckResponse.SERVING)

    async def drain(self, grace_s: float, leave_port: bool = False) -> bool:
        """Takes on no more work and finishes what there is; returns whether all that was accepted has been answered.

        It goes on to listen, and every call that comes ends with UNAVAILABLE: it is refused, or its connection ends
        with the process. So the process is to end now, and not by way of `stop`, in which gRPC would end calls that
        come at that moment with CANCELLED, which no client tries again.

        Args:
            grace_s: seconds that work in flight gets to finish.
            leave_port: other processes listen at this port. Calls that come from now on are not refused but wait for
                the end of this process, so that callers try again with another one.
        """
        await self._health.enter_graceful_shutdown()
        drained = True
        try:
            await asyncio.wait_for(self._servicer.drain(leave_port), grace_s)
            await asyncio.sleep(_LINGER_S)
        except TimeoutError:
            drained = False
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)
        return drained

    async def stop(self) -> None:
        """Closes the port and all connections, for a process that goes on without the server."""
        await self._server.stop(grace=0)

    async def _set_health(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for service in (health.OVERALL_HEALTH, SERVICE):
            await self._health.set(service, status)
