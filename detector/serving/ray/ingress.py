"""Calls that a proxy passes on, answered by replicas elsewhere: the thin end of a service on a cluster.

The proxy hands over a request's bytes and a context, and sends what the context says of the call's end.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from typing import Protocol

import grpc
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health, health_pb2

from detector.results.errors import OverloadedError
from detector.results.interface import MAX_MESSAGE_BYTES
from detector.serving.ray.cluster_settings import ClusterSettings
from detector.serving.ray.raw_methods import DETECTOR
from detector.serving.server.service import DetectionService, status_of
from detector.serving.telemetry import telemetry
from detector.serving.telemetry.telemetry import Call
from detector.serving.wire.converters import parsed
from detector.serving.wire.statuses import Trailers, ending, from_status, reason_of
from detector.v1 import detector_pb2 as wire

_PAUSE_S = 0.05
"""Between two tries of an image of a stream to get a place."""


class Replicas(Protocol):
    """Those who have the model."""

    async def detect(self, request: bytes) -> wire.DetectStreamResponse:
        """Return the digits of the image in a serialized DetectRequest, or the error that it met.

        Raises:
            OverloadedError: if no more images can wait.
            ServiceUnavailableError: if there is no replica, or the one that had the image has ended.
        """
        ...

    async def info(self) -> wire.ModelInfo:
        """Describe the model that answers; raise what `detect` does."""
        ...


class Context(Protocol):
    """The part of Ray Serve's gRPC context that is needed here."""

    def invocation_metadata(self) -> Sequence[tuple[str, str | bytes]]:
        """Return the metadata that the caller sent."""
        ...

    def peer(self) -> str:
        """Where the call comes from."""
        ...

    def set_code(self, code: grpc.StatusCode) -> None:
        """Says how the call ends."""
        ...

    def set_details(self, details: str) -> None:
        """Says why."""
        ...

    def set_trailing_metadata(self, trailing_metadata: list[tuple[str, str | bytes]]) -> None:
        """Says what goes with the end."""
        ...


class RefusedError(Exception):
    """The call's context says how it ends, and why.

    Attributes:
        code: how.
    """

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(code, details)
        self.code = code


class _ReplicaBackend:
    """The replicas as a `Backend`."""

    def __init__(self, replicas: Replicas) -> None:
        self._replicas = replicas

    async def detect(
        self, request: wire.DetectRequest, deadline: float | None = None, wait: bool = False
    ) -> wire.DetectResponse:
        serialized = request.SerializeToString()
        while True:
            try:
                reply = await self._replicas.detect(serialized)
            except OverloadedError:
                if not wait:
                    raise
                await asyncio.sleep(_PAUSE_S)
                continue
            if reply.HasField("error"):
                raise from_status(reply.error)
            return reply.response

    async def info(self) -> wire.ModelInfo:
        return await self._replicas.info()


class Ingress:
    """Has replicas do the work, and ends each call as a server on one machine would.

    A call with one reply gives it as a stream of one, see `detector.serving.ray.raw_methods`.
    """

    def __init__(self, replicas: Replicas, settings: ClusterSettings) -> None:
        self._service = DetectionService(_ReplicaBackend(replicas), settings.streams, settings.stream_window)

    async def drain(self) -> None:
        """Refuse new work, end streams after the images that they have sent, wait until all is answered."""
        await self._service.draining.drain()

    async def Detect(  # noqa: N802
        self, request: bytes, grpc_context: Context
    ) -> AsyncIterator[wire.DetectResponse]:
        """Find the digits of one image."""
        try:
            with _observed("Detect", grpc_context) as call, self._service.draining.counted():
                response = await self._service.detect(call, parsed(wire.DetectRequest, _small(request)))
        except RefusedError as refusal:
            _check_final(refusal)
            response = wire.DetectResponse()
        yield response

    async def GetModelInfo(  # noqa: N802
        self, request: bytes, grpc_context: Context
    ) -> AsyncIterator[wire.ModelInfo]:
        """Describe the model that answers."""
        try:
            with _observed("GetModelInfo", grpc_context), self._service.draining.counted():
                parsed(wire.GetModelInfoRequest, _small(request))
                info = await self._service.info()
        except RefusedError as refusal:
            _check_final(refusal)
            info = wire.ModelInfo()
        yield info

    async def DetectStream(  # noqa: N802
        self, requests: AsyncIterator[bytes], grpc_context: Context
    ) -> AsyncIterator[wire.DetectStreamResponse]:
        """Answer each image in its turn.

        Raises:
            RefusedError: if it ends early; the proxy then sends the context's code and details, but no trailers.
        """
        with _observed("DetectStream", grpc_context) as call, self._service.draining.counted():
            async with aclosing(self._service.stream(call, _items(requests))) as replies:
                async for reply in replies:
                    yield reply

    async def Check(self, request: bytes, grpc_context: Context) -> health_pb2.HealthCheckResponse:  # noqa: N802
        """Return whether a model answers; an overloaded one is healthy."""
        reply = health_pb2.HealthCheckResponse()
        with suppress(RefusedError), _observed("Check", grpc_context, health.SERVICE_NAME) as call:
            service = parsed(health_pb2.HealthCheckRequest, _small(request)).service
            if service not in ("", DETECTOR.full_name):
                _end(call, grpc_context, Status(code=grpc.StatusCode.NOT_FOUND.value[0]))
                return reply
            self._service.draining.check_open()
            with suppress(OverloadedError):
                await self._service.info()
            reply.status = health_pb2.HealthCheckResponse.SERVING
        return reply


async def _items(requests: AsyncIterator[bytes]) -> AsyncIterator[wire.DetectStreamRequest]:
    """Yield the messages of a stream; an invalid one, or one that is too large, ends it."""
    async for request in requests:
        yield parsed(wire.DetectStreamRequest, _small(request))


def _small(request: bytes) -> bytes:
    """Return the request; raises OverloadedError, as gRPC's own limit does on one machine, if it is too large."""
    if len(request) > MAX_MESSAGE_BYTES:
        raise OverloadedError(f"the message is larger than max ({len(request)} vs. {MAX_MESSAGE_BYTES})")
    return request


@contextmanager
def _observed(method: str, context: Context, service: str = DETECTOR.full_name) -> Iterator[Call]:
    """Report a call when it has ended, and tell its context how; of an error RefusedError remains."""
    call = telemetry.begin(f"/{service}/{method}", context.invocation_metadata())
    call.peer = context.peer()
    call.code = given_up = grpc.StatusCode.CANCELLED.name  # unless it comes to another end
    context.set_trailing_metadata(_trailers(call))
    try:
        yield call
        if call.code == given_up:
            call.code = grpc.StatusCode.OK.name
    except Exception as error:
        status = status_of(error)
        code = _end(call, context, status)
        raise RefusedError(code, status.message) from None
    finally:
        telemetry.report(call)


def _check_final(refusal: RefusedError) -> None:
    """Check that an empty reply can go with a refusal, as it does with the trailers that say all of it.

    Raises:
        RefusedError: if a client may try again, which it only does with what has had no reply at all.
    """
    if refusal.code is grpc.StatusCode.UNAVAILABLE:
        raise refusal


def _end(call: Call, context: Context, status: Status) -> grpc.StatusCode:
    """Say to both how the call ends; return its code."""
    code, details, trailers = ending(status)
    call.code, call.reason = code.name, reason_of(status)
    context.set_code(code)
    context.set_details(details)
    context.set_trailing_metadata(_trailers(call, trailers))
    return code


def _trailers(call: Call, trailers: Trailers = ()) -> list[tuple[str, str | bytes]]:
    return [(telemetry.REQUEST_ID, call.request_id), *trailers]
