"""Requests answered with replies of the wire, alone or in streams, whatever transport brings them."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from google.rpc.status_pb2 import Status

from detector.results.errors import DetectorError, OverloadedError
from detector.serving.server.inference_queue import InferenceQueue
from detector.serving.telemetry import telemetry
from detector.serving.wire.converters import detections_to_wire, info_to_wire, options_from_wire
from detector.serving.wire.statuses import to_status
from detector.v1 import detector_pb2 as wire

_log = logging.getLogger(__name__)


class Answering:
    """Translates requests into work on a `InferenceQueue`, and what comes of it into replies."""

    def __init__(self, inference_queue: InferenceQueue) -> None:
        self._inference_queue = inference_queue

    async def info(self) -> wire.ModelInfo:
        """The model that answers.

        Raises:
            ServiceUnavailableError: if there is none, yet or any more.
        """
        return info_to_wire(self._inference_queue.info())

    async def detect(
        self, request: wire.DetectRequest, deadline: float | None = None, patient: bool = False
    ) -> wire.DetectResponse:
        """The digits of one image; what the arguments mean and what is raised says `InferenceQueue.detect`."""
        options = options_from_wire(request.options)
        found = await self._inference_queue.detect(request.image, options, deadline, patient)
        telemetry.detected(found)
        return detections_to_wire(found)

    async def outcome(
        self, request: wire.DetectRequest, deadline: float | None = None
    ) -> wire.DetectStreamResponse:
        """The digits of one image of many, or the error that it met; it waits for a place.

        Not to be read is how the sender of a stream learns of a full house.
        """
        reply = wire.DetectStreamResponse()
        try:
            reply.response.CopyFrom(await self.detect(request, deadline, patient=True))
        except Exception as error:  # whatever it is, the others go on
            reply.error.CopyFrom(status_of(error))
        return reply


def status_of(error: Exception) -> Status:
    """The status of any error; of one that nobody foresaw the caller learns no more than that."""
    if isinstance(error, MemoryError):
        error = OverloadedError("there is not enough memory for this image now")
    if isinstance(error, DetectorError):
        return to_status(error)
    _log.error("a request failed in a way that nobody foresaw", exc_info=error)
    return to_status(DetectorError("the server failed; its log says why"))


Request = TypeVar("Request")

Request_contra = TypeVar("Request_contra", contravariant=True)

Reply = TypeVar("Reply")

Reply_co = TypeVar("Reply_co", covariant=True)


class Answer(Protocol[Request_contra, Reply_co]):
    """Answers one request."""

    def __call__(self, request: Request_contra, /) -> Coroutine[Any, Any, Reply_co]:
        """Works on `request`; several calls run at the same time."""
        ...


async def answered_in_order(
    requests: AsyncIterator[Request], answer: Answer[Request, Reply], window: int, stop: asyncio.Event
) -> AsyncGenerator[Reply, None]:
    """Answers requests as they come in.

    Args:
        requests: read no further ahead than `window`; its errors are raised when all before it are answered.
        answer: does the work on one request.
        window: requests that are in work, or answered but not taken yet.
        stop: when it is set no more requests are read; those that have been are still answered.
    """
    room = asyncio.Semaphore(window)
    replies: asyncio.Queue[asyncio.Task[Reply] | None] = asyncio.Queue()

    async def read() -> None:
        try:
            await room.acquire()
            async for request in requests:
                replies.put_nowait(asyncio.create_task(answer(request)))
                await room.acquire()
        finally:
            replies.put_nowait(None)

    reader, stopper = asyncio.create_task(read()), asyncio.create_task(stop.wait())
    stopper.add_done_callback(lambda _: reader.cancel())
    try:
        while (task := await replies.get()) is not None:
            yield await task
            room.release()
        if not stop.is_set():
            await reader
    finally:
        stopper.cancel()
        while not replies.empty():
            if (abandoned := replies.get_nowait()) is not None:
                abandoned.cancel()


class Draining:
    """The open calls of a server.

    Attributes:
        begun: set when no more work is to be taken on.
    """

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self._open: set[object] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """While it lasts, a call is open."""
        call = object()
        self._opened(call)
        try:
            yield
        finally:
            self._closed(call)

    def count_task(self) -> None:
        """Counts the call that the current task serves until the task ends: by then its reply has been sent, too."""
        task = asyncio.current_task()
        assert task is not None
        self._opened(task)
        task.add_done_callback(self._closed)

    async def drain(self) -> None:
        """Says that no more work is to be taken on, and waits until no call is open."""
        self.begun.set()
        await self._idle.wait()

    def _opened(self, call: object) -> None:
        self._open.add(call)
        self._idle.clear()

    def _closed(self, call: object) -> None:
        self._open.discard(call)
        if not self._open:
            self._idle.set()
