"""Pictures that come in as bodies of HTTP requests: so many at a time, so large, in so much time.

The limits are checked before anything is kept: a slot is taken before the first byte is read, and a body that says
that it is too large, or turns out to be, is not read to its end.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from detector.results.errors import (
    CallCancelledError,
    DeadlineExceededError,
    ImageTooLargeError,
    InvalidRequestError,
    OverloadedError,
)
from detector.results.interface import MAX_MESSAGE_BYTES

UPLOAD_S = 120.0
"""Seconds until a picture must have arrived: 32 MB at 2 Mbit/s."""

BINARY = "application/octet-stream"

Result = TypeVar("Result")


class UploadSlots:
    """Slots for pictures, on their way in or in work; all methods belong to one event loop."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = asyncio.Semaphore(count)

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Hold a slot while the block runs.

        Raises:
            OverloadedError: if none is free.
        """
        if self._free.locked():
            raise OverloadedError(f"{self._count} pictures are in work already; try again in a moment")
        async with self._free:
            yield


async def read_picture(request: Request) -> bytes:
    """Return the body of a request.

    Raises:
        InvalidRequestError: if it does not say that it is a picture. A page of another server cannot say so without
            asking first, which nobody allows it.
        ImageTooLargeError: if it has more than `MAX_MESSAGE_BYTES`.
        DeadlineExceededError: if it takes more than `UPLOAD_S`.
        CallCancelledError: if the sender goes away.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != BINARY and not kind.startswith("image/"):
        raise InvalidRequestError(f"send the bytes of a picture, with Content-Type: {BINARY}")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal():
        _check_size(int(announced))
    try:
        async with asyncio.timeout(UPLOAD_S):
            return await _read(request)
    except TimeoutError as error:
        raise DeadlineExceededError(f"the picture did not arrive within {UPLOAD_S:g} seconds") from error
    except ClientDisconnect as error:
        raise CallCancelledError("the sender has gone") from error


async def cancel_on_disconnect(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of `work`, which ends early if the sender of the request, whose body is read, goes away.

    Raises:
        CallCancelledError: if the sender goes away.
    """
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_until_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise CallCancelledError("the sender has gone")
        return task.result()
    finally:
        for each in (task, gone):
            each.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _until_gone(request: Request) -> None:
    await request.receive()  # after the whole body nothing else can come


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        _check_size(len(body) + len(part))
        body += part
    return bytes(body)


def _check_size(size: int) -> None:
    if size > MAX_MESSAGE_BYTES:
        raise ImageTooLargeError(
            f"the picture has more than {MAX_MESSAGE_BYTES >> 20} MB, which is the limit"
        )
