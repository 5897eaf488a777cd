"""The client for asyncio; users find it as `detector.serving.client.AsyncDetectorClient`."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Coroutine, Iterable
from types import TracebackType
from typing import Any, Self

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from detector.results.detections import ImageDetections
from detector.results.interface import DetectOptions, ModelInfo
from detector.serving.client.channel import (
    StreamItem,
    StreamResult,
    connect_async,
    stream_request,
    stream_result,
    trace_metadata,
)
from detector.serving.client.connection import Connection, Tls, checked_timeout
from detector.serving.wire.converters import detections_from_wire, info_from_wire, request_to_wire
from detector.serving.wire.statuses import from_rpc_error
from detector.v1 import detector_pb2 as wire
from detector.v1 import detector_pb2_grpc


class AsyncDetectorClient:
    """`DetectorClient` for asyncio: the same arguments, calls, limits and errors, but its calls are awaited.

    Make it where an event loop runs, and use it there; close it, or use it in an `async with` block.

    Args:
        servers: HOST:PORT; several with commas between them take turns, as do the addresses that one name has.
        tls: how to encrypt; None for a connection in the clear.
        token: the bearer token, where the server asks for one; it needs TLS, or a server on this machine.
        timeout_s: seconds until a call fails with DeadlineExceededError, where a call gives none of its own.
        stream_timeout_s: the same for the whole of a stream.

    Raises:
        ClientSetupError: if an address, a file of `tls` or the token is no use.
        InvalidOptionError: if a timeout leaves no time.
    """

    def __init__(
        self,
        servers: str,
        *,
        tls: Tls | None = None,
        token: str | None = None,
        timeout_s: float = 60.0,
        stream_timeout_s: float = 3600.0,
    ) -> None:
        self._channel = connect_async(Connection(servers, tls, token))
        self._stub = detector_pb2_grpc.DigitDetectorStub(self._channel)
        self._health = health_pb2_grpc.HealthStub(self._channel)
        self._timeout_s = checked_timeout(timeout_s, timeout_s)
        self._stream_timeout_s = checked_timeout(stream_timeout_s, stream_timeout_s)

    async def detect(
        self, image: bytes, options: DetectOptions | None = None, timeout_s: float | None = None
    ) -> ImageDetections:
        """Find the digits of one encoded image; see `DetectorClient.detect`."""
        request = request_to_wire(image, options or DetectOptions())
        try:
            reply = await self._stub.Detect(
                request, timeout=checked_timeout(timeout_s, self._timeout_s), metadata=trace_metadata()
            )
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error
        return detections_from_wire(reply)

    async def detect_stream(
        self, items: Iterable[StreamItem] | AsyncIterable[StreamItem], timeout_s: float | None = None
    ) -> AsyncGenerator[StreamResult]:
        """Find the digits of many images over one call; see `DetectorClient.detect_stream`.

        `items` may be an ordinary iterable too, if it does not block.
        """
        failures: list[BaseException] = []
        replies = self._stub.DetectStream(
            _stream_requests(items, failures),
            timeout=checked_timeout(timeout_s, self._stream_timeout_s),
            metadata=trace_metadata(),
        )
        end = StreamEnd(replies)
        try:
            async for reply in replies:
                yield stream_result(reply)
        except grpc.RpcError as error:
            raise (failures[0] if failures else from_rpc_error(end.of(error))) from error
        except asyncio.CancelledError:
            if failures:  # which is why gRPC cancelled the call
                raise failures[0] from None
            raise
        finally:
            replies.cancel()

    async def info(self, timeout_s: float | None = None) -> ModelInfo:
        """Return the model that answers, its limits and its defaults; see `DetectorClient.info`."""
        request = wire.GetModelInfoRequest()
        try:
            return info_from_wire(
                await self._stub.GetModelInfo(
                    request, timeout=checked_timeout(timeout_s, self._timeout_s), metadata=trace_metadata()
                )
            )
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error

    async def is_serving(self, timeout_s: float = 5.0) -> bool:
        """Return whether the server says that it is ready; see `DetectorClient.is_serving`."""
        try:
            reply = await self._health.Check(
                health_pb2.HealthCheckRequest(), timeout=checked_timeout(timeout_s, timeout_s)
            )
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error
        return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:
        """End the connection; calls in flight fail."""
        await self._channel.close(grace=None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _stream_requests(
    items: Iterable[StreamItem] | AsyncIterable[StreamItem], failures: list[BaseException]
) -> AsyncIterator[wire.DetectStreamRequest]:
    """Yield the items as requests; gRPC swallows what its source raises, so that is kept in `failures`."""
    try:
        if isinstance(items, AsyncIterable):
            async for item in items:
                yield stream_request(item)
        else:
            for item in items:
                yield stream_request(item)
    except Exception as error:
        failures.append(error)
        raise


_OVERWRITTEN = "Internal error from Core"


class StreamEnd:
    """Remembers every status that a call ends with; to be made as soon as the call is."""

    def __init__(self, call: "grpc.aio.StreamStreamCall[Any, Any]") -> None:
        self._ends: list[grpc.aio.AioRpcError] = []
        call.add_done_callback(self._remember)

    def of(self, error: grpc.RpcError) -> grpc.RpcError:
        """Return the error that the call's end was before grpc.aio overwrote it with `error`, or else `error`."""
        return next((end for end in self._ends if end.details() != _OVERWRITTEN), error)

    def _remember(self, call: Any) -> None:
        """Keep the status while it is the call's."""
        code = _result(call.code())
        if code is not grpc.StatusCode.OK:
            details, trailing = _result(call.details()), _result(call.trailing_metadata())
            self._ends.append(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, details, None))


def _result(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return the result of a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the call has ended, so its status is known")
