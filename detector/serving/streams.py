"""Many requests in, as many replies out, in the same order, a few in work at a time."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from typing import Any, Protocol, TypeVar

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
