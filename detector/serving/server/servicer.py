"""The calls of detector.v1.DigitDetector, answered."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import aclosing
from typing import Any, TypeVar

import grpc

from detector.results.errors import OverloadedError, ServiceUnavailableError
from detector.serving.server.inference_queue import InferenceQueue
from detector.serving.server.request_handler import Answering, Draining, answered_in_order, status_of
from detector.serving.telemetry import telemetry
from detector.serving.wire.statuses import abort, reason_of
from detector.v1 import detector_pb2 as wire
from detector.v1 import detector_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]
Reply = TypeVar("Reply")


class DigitDetectorServicer(detector_pb2_grpc.DigitDetectorServicer):
    """Answers calls with work on a `InferenceQueue`, and errors with statuses."""

    def __init__(self, inference_queue: InferenceQueue) -> None:
        self._inference_queue = inference_queue
        self._answering = Answering(inference_queue)
        self._streams = 0
        self._draining = Draining()
        self._hold_late_calls = False

    async def drain(self, hold_late_calls: bool) -> None:
        """Takes on no new work, ends streams after the images that they have sent, waits until all is answered.

        Args:
            hold_late_calls: leave calls that come from now on open, for the end of the process to end them; else
                they are refused at once.
        """
        self._hold_late_calls = hold_late_calls
        self._inference_queue.close()
        await self._draining.drain()

    async def Detect(self, request: wire.DetectRequest, context: Context) -> wire.DetectResponse:  # noqa: N802
        """Finds the digits of one image."""
        return await self._answer(context, self._answering.detect(request, _deadline(context)))

    async def GetModelInfo(  # noqa: N802
        self, request: wire.GetModelInfoRequest, context: Context
    ) -> wire.ModelInfo:
        """Describes the model that answers."""
        return await self._answer(context, self._answering.info())

    async def DetectStream(  # noqa: N802
        self, requests: AsyncIterator[wire.DetectStreamRequest], context: Context
    ) -> None:
        """Answers each image in its turn; ends early, with UNAVAILABLE, only if the server shuts down."""
        await self._answer(context, self._stream(requests, context))

    async def _stream(self, requests: AsyncIterator[wire.DetectStreamRequest], context: Context) -> None:
        limits, deadline = self._inference_queue.limits, _deadline(context)
        if self._streams >= limits.streams:
            raise OverloadedError(f"all {limits.streams} streams are taken; try again later")

        async def answer(request: wire.DetectStreamRequest) -> wire.DetectStreamResponse:
            return await self._reply(request, deadline)

        self._streams += 1
        try:
            replies = answered_in_order(requests, answer, limits.stream_window, self._draining.begun)
            async with aclosing(replies):
                async for reply in replies:
                    await context.write(reply)
        finally:
            self._streams -= 1
        if self._draining.begun.is_set():
            raise ServiceUnavailableError("the server is shutting down")

    async def _reply(
        self, request: wire.DetectStreamRequest, deadline: float | None
    ) -> wire.DetectStreamResponse:
        """The reply to one image of a stream, which may be an error."""
        reply = await self._answering.outcome(request.request, deadline)
        reply.correlation_id = request.correlation_id
        if reply.HasField("error"):
            telemetry.refused(reason_of(reply.error))
        return reply

    async def _answer(self, context: Context, work: Awaitable[Reply]) -> Reply:
        """The result of `work`, or its error as the call's status."""
        late = self._draining.begun.is_set()
        if not late:
            self._draining.count_task()
        try:
            return await work
        except Exception as error:
            if late and self._hold_late_calls:
                await asyncio.Event().wait()
            await abort(context, status_of(error))


def _deadline(context: Context) -> float | None:
    """The call's deadline on the clock of `time.monotonic`."""
    remaining = context.time_remaining()
    return None if remaining is None else time.monotonic() + remaining
