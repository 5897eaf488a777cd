"""The service behind every transport: an image, many in order, the model; refused, counted and drained alike."""

import asyncio
import logging
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, Protocol, TypeVar

from google.rpc.status_pb2 import Status

from detector.results.errors import DetectorError, OverloadedError, ServiceUnavailableError
from detector.serving.telemetry import metrics
from detector.serving.telemetry.telemetry import Call
from detector.serving.wire.statuses import reason_of, to_status
from detector.v1 import detector_pb2 as wire

_log = logging.getLogger(__name__)


class Backend(Protocol):
    """Whoever has the model: this process, or replicas elsewhere."""

    async def detect(
        self, request: wire.DetectRequest, deadline: float | None = None, wait: bool = False
    ) -> wire.DetectResponse:
        """Find the digits of one image.

        Args:
            request: the encoded image, and what to look for.
            deadline: on the clock of `time.monotonic`; later nobody wants the reply.
            wait: wait for room instead of raising OverloadedError.

        Raises:
            DetectorError: InvalidRequestError if the request is at fault, OverloadedError, DeadlineExceededError,
                ServiceUnavailableError.
        """
        ...

    async def info(self) -> wire.ModelInfo:
        """Describe the model that answers.

        Raises:
            ServiceUnavailableError: if there is none, yet or any more.
        """
        ...


class DetectionService:
    """The calls of detector.v1.DigitDetector, answered by a backend; what goes wrong is raised.

    Args:
        backend: has the model.
        streams: streams that may be open at once.
        stream_window: images of one stream that are read ahead.

    Attributes:
        draining: the open calls; a transport counts each of its calls there.
    """

    def __init__(self, backend: Backend, streams: int, stream_window: int) -> None:
        self._backend = backend
        self._most_streams, self._window = streams, stream_window
        self._streams = 0
        self.draining = Draining()

    async def detect(
        self, call: Call, request: wire.DetectRequest, deadline: float | None = None
    ) -> wire.DetectResponse:
        """Find the digits of one image; arguments and errors are those of `Backend.detect`."""
        response = await self._backend.detect(request, deadline)
        call.count_answer(len(response.digits))
        return response

    async def info(self) -> wire.ModelInfo:
        """Describe the model that answers; see `Backend.info`."""
        return await self._backend.info()

    async def stream(
        self, call: Call, requests: AsyncIterator[wire.DetectStreamRequest], deadline: float | None = None
    ) -> AsyncGenerator[wire.DetectStreamResponse]:
        """Answer each image in its turn; an error in one is its reply.

        Raises:
            OverloadedError: if as many streams are open as may be.
            ServiceUnavailableError: at its end, if that came early because the service drains.
        """
        if self._streams >= self._most_streams:
            raise OverloadedError(f"overloaded: {self._most_streams} streams are open; try again later")

        async def answer(item: wire.DetectStreamRequest) -> wire.DetectStreamResponse:
            reply = await outcome(self._backend, item.request, deadline)
            reply.correlation_id = item.correlation_id
            return reply

        self._streams += 1
        try:
            async with aclosing(
                answered_in_order(requests, answer, self._window, self.draining.begun)
            ) as replies:
                async for reply in replies:
                    _count(call, reply)
                    yield reply
        finally:
            self._streams -= 1
        self.draining.check_open()


def _count(call: Call, reply: wire.DetectStreamResponse) -> None:
    if reply.HasField("error"):
        metrics.count_rejection(reason_of(reply.error))
        call.refused += 1
    else:
        call.count_answer(len(reply.response.digits))


async def outcome(
    backend: Backend, request: wire.DetectRequest, deadline: float | None = None
) -> wire.DetectStreamResponse:
    """Return the digits of one image of many, or the error that it met; it waits for room.

    Not to be read is how the sender of a stream learns of overload.
    """
    try:
        return wire.DetectStreamResponse(response=await backend.detect(request, deadline, wait=True))
    except Exception as error:  # whatever it is, the others go on
        return wire.DetectStreamResponse(error=status_of(error))


def status_of(error: Exception) -> Status:
    """Return the status of any error; of an unexpected one the caller learns no more than that.

    The error's frames are cleared: gRPC keeps it in a reference cycle, and with it they would keep request and image.
    """
    try:
        return _status_of(error)
    finally:
        cause: BaseException | None = error
        while cause is not None:
            traceback.clear_frames(cause.__traceback__)
            cause = cause.__cause__


def _status_of(error: Exception) -> Status:
    if isinstance(error, MemoryError):
        error = OverloadedError("there is not enough memory for this image now")
    if isinstance(error, DetectorError):
        return to_status(error)
    _log.error("unexpected error", exc_info=error)
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
        reader.cancel()  # before all else: it could begin one more that nobody waits for
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
        """While it lasts, a call is open.

        Raises:
            ServiceUnavailableError: if no more work is taken on.
        """
        self.check_open()
        call = object()
        self._opened(call)
        try:
            yield
        finally:
            self._closed(call)

    def count_task(self) -> None:
        """Count the call that the current task serves until the task ends: by then its reply has been sent, too."""
        task = asyncio.current_task()
        assert task is not None
        self._opened(task)
        task.add_done_callback(self._closed)

    def check_open(self) -> None:
        """Check that work is taken on.

        Raises:
            ServiceUnavailableError: if no more is.
        """
        if self.begun.is_set():
            raise ServiceUnavailableError("the server is shutting down")

    async def drain(self) -> None:
        """Take on no more work, and wait until no call is open."""
        self.begun.set()
        await self._idle.wait()

    def _opened(self, call: object) -> None:
        self._open.add(call)
        self._idle.clear()

    def _closed(self, call: object) -> None:
        self._open.discard(call)
        if not self._open:
            self._idle.set()
