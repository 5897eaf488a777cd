"""The calls of detector.v1.DigitDetector over gRPC, answered by this process."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc

from detector.serving.server.inference_queue import InferenceQueue
from detector.serving.server.service import DetectionService
from detector.serving.telemetry import metrics, telemetry
from detector.serving.telemetry.telemetry import Call
from detector.serving.wire.converters import detections_to_wire, info_to_wire, options_from_wire
from detector.v1 import detector_pb2 as wire
from detector.v1 import detector_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


class QueueBackend:
    """The model of this process, behind its queue; see `detector.serving.server.service.Backend`."""

    def __init__(self, inference_queue: InferenceQueue) -> None:
        self._inference_queue = inference_queue

    async def detect(
        self, request: wire.DetectRequest, deadline: float | None = None, wait: bool = False
    ) -> wire.DetectResponse:
        """Find the digits of one image; see `InferenceQueue.detect`."""
        options = options_from_wire(request.options)
        found = await self._inference_queue.detect(request.image, options, deadline, wait)
        metrics.count_detections(found)
        return detections_to_wire(found)

    async def info(self) -> wire.ModelInfo:
        """Describe the model; see `InferenceQueue.info`."""
        return info_to_wire(self._inference_queue.info())


class DigitDetectorServicer(detector_pb2_grpc.DigitDetectorServicer):
    """Answers calls with work on an `InferenceQueue`; `CallInterceptor` makes statuses of the errors it raises."""

    def __init__(self, inference_queue: InferenceQueue) -> None:
        self._inference_queue = inference_queue
        limits = inference_queue.limits
        self._service = DetectionService(QueueBackend(inference_queue), limits.streams, limits.stream_window)
        self._hold_late_calls = False

    async def drain(self, hold_late_calls: bool) -> None:
        """Take on no new work, end streams after the images that they have sent, wait until all is answered.

        Args:
            hold_late_calls: leave calls that come from now on open, for the end of the process to end them; else
                they are refused at once.
        """
        self._hold_late_calls = hold_late_calls
        self._inference_queue.close()
        await self._service.draining.drain()

    async def Detect(self, request: wire.DetectRequest, context: Context) -> wire.DetectResponse:  # noqa: N802
        """Find the digits of one image."""
        return await self._service.detect(await self._opened(), request, _deadline(context))

    async def GetModelInfo(  # noqa: N802
        self, request: wire.GetModelInfoRequest, context: Context
    ) -> wire.ModelInfo:
        """Describe the model that answers."""
        await self._opened()
        return await self._service.info()

    async def DetectStream(  # noqa: N802
        self, requests: AsyncIterator[wire.DetectStreamRequest], context: Context
    ) -> None:
        """Answer each image in its turn; end early, with UNAVAILABLE, only if the server shuts down."""
        call = await self._opened()
        async with aclosing(self._service.stream(call, requests, _deadline(context))) as replies:
            async for reply in replies:
                await context.write(reply)

    async def _opened(self) -> Call:
        """Count the call that this task serves as open, and return it; one that comes too late may be held."""
        if self._service.draining.begun.is_set():
            if self._hold_late_calls:
                await asyncio.Event().wait()
            self._service.draining.check_open()
        self._service.draining.count_task()
        call = telemetry.current()
        assert call is not None
        return call


def _deadline(context: Context) -> float | None:
    """Return the call's deadline on the clock of `time.monotonic`."""
    remaining = context.time_remaining()
    return None if remaining is None else time.monotonic() + remaining
