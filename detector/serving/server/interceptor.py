"""The way of every call to the service: an id, a token, a limit, its request parsed; and back: a status.

gRPC for Python answers a message that is not the protobuf one that it should be with UNKNOWN or INTERNAL, as if the
server were at fault; a call that ends before its message with nothing, ever; and a method that there is not with a
status that says no reason. Here requests are parsed, and all of these are refused with an error of ours.
"""

import asyncio
import inspect
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    aclosing,
    asynccontextmanager,
    nullcontext,
)
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health

from detector.results.errors import DetectorError, OverloadedError, UnauthenticatedError, UnknownMethodError
from detector.serving.server.service import status_of
from detector.serving.server.tokens import TokenFile
from detector.serving.telemetry import telemetry
from detector.serving.telemetry.telemetry import Call, Metadata
from detector.serving.wire.converters import invalid_request
from detector.serving.wire.statuses import abort, ending, reason_of
from detector.v1 import detector_pb2

Context = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Continuation: TypeAlias = "Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]"
Trace = Callable[[Call, Metadata], AbstractContextManager[None]]
"""The context in which a traced call runs."""

_SCHEME = "bearer "

_CHECK = f"/{health.SERVICE_NAME}/Check"
_DETECT = f"/{detector_pb2.DESCRIPTOR.services_by_name['DigitDetector'].full_name}/Detect"

_SMALL_REQUEST_S, _IMAGE_REQUEST_S = 20.0, 120.0
"""Time for a call's one request to arrive: a call that withholds it keeps a place from others."""

_FOR_GRPC_S = 0.1
"""If gRPC itself refused a request, for its size, its own status is on the way: it ends the handler meanwhile."""


class CallInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Begins each call, refuses those that may not go on, wraps the handler of the others once, and reports the end.

    A call without a known token, or beyond the limit, is refused before anything of its request is read.

    Args:
        max_open_calls: calls that may be open at once. Health checks have as many of their own: a full server is not a
            dead one. gRPC's own `maximum_concurrent_rpcs` counts both together, and refuses without a reason. A Watch
            stays open for as long as its caller likes, so it counts as any other call.
        tokens: those that callers may show, as `authorization: Bearer TOKEN` (RFC 6750); None to ask for none.
        open_health: health checks need no token; a Watch does.
        trace: makes each call part of a trace; None for no traces.
    """

    def __init__(
        self, max_open_calls: int, tokens: TokenFile | None, open_health: bool, trace: Trace | None = None
    ) -> None:
        self._limit = max_open_calls
        self._tokens = tokens
        self._open_health = open_health
        self._trace = trace or (lambda _call, _metadata: nullcontext())
        self._open: Counter[bool] = Counter()

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        """Return the service's handler, wrapped, or one that refuses."""
        method, metadata = handler_call_details.method, tuple(handler_call_details.invocation_metadata or ())
        is_check = method == _CHECK
        call = telemetry.begin(method, metadata)
        try:
            if self._tokens is not None and not (is_check and self._open_health):
                call.caller = _authenticated(self._tokens, metadata)
            self._admit(is_check)
            handler = await continuation(handler_call_details)
            if handler is None:
                raise UnknownMethodError(f"there is no method {method}")
        except DetectorError as error:
            handler = _refusing(error)
        patience_s = _IMAGE_REQUEST_S if method == _DETECT else _SMALL_REQUEST_S
        return _wrapped(handler, lambda context: self._observed(call, metadata, context), patience_s)

    def _admit(self, is_check: bool) -> None:
        if self._open[is_check] >= self._limit:
            raise OverloadedError(f"all {self._limit} calls that may be open are; try again later")
        task = asyncio.current_task()
        assert task is not None
        self._open[is_check] += 1
        # The task is the whole call, its handler only a part: it may end, cut off, before it reaches the handler.
        task.add_done_callback(lambda _: self._open.subtract([is_check]))

    @asynccontextmanager
    async def _observed(self, call: Call, metadata: Metadata, context: Context) -> AsyncIterator[None]:
        """Run a call's handler within; its errors become the call's status."""
        context.set_trailing_metadata(((telemetry.REQUEST_ID, call.request_id),))
        call.peer = context.peer()
        call.code = grpc.StatusCode.OK.name
        try:
            with self._trace(call, metadata):
                try:
                    yield
                except grpc.aio.AbortError:  # a servicer of gRPC's own ended it
                    call.code = context.code().name
                    raise
                except Exception as error:
                    status = status_of(error)
                    call.code, call.reason = ending(status)[0].name, reason_of(status)
                    await abort(context, status)
                except BaseException as error:
                    call.code = _code_of(error, context).name
                    raise
        finally:
            telemetry.report(call)


def _authenticated(tokens: TokenFile, metadata: Metadata) -> str:
    """Return the name of a call's one token.

    Raises:
        UnauthenticatedError: if it has none, several headers that claim to be it, or one that is not known.
    """
    values = [value for key, value in metadata if key == "authorization"]
    if len(values) != 1 or not isinstance(values[0], str) or not values[0].lower().startswith(_SCHEME):
        raise UnauthenticatedError("a token is needed: send `authorization: Bearer TOKEN`")
    name = tokens.name_of(values[0][len(_SCHEME) :].strip())
    if name is None:
        raise UnauthenticatedError("the server does not know this token")
    return name


def _code_of(error: BaseException, context: Context) -> grpc.StatusCode:
    """Return the status that the caller sees of a handler that was cut off with `error`."""
    if isinstance(error, asyncio.CancelledError):
        remaining = context.time_remaining()
        late = remaining is not None and remaining <= 0
        return grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.CANCELLED
    return context.code() or grpc.StatusCode.UNKNOWN


def _refusing(error: DetectorError) -> Handler:
    """Return a handler that raises `error`.

    It takes requests for a stream, which fits every method on the wire: so not a byte of them is read.
    """

    async def refuse(requests: AsyncIterator[Any], context: Context) -> None:
        raise error

    return grpc.stream_stream_rpc_method_handler(refuse, bytes)


def _wrapped(
    handler: Handler, around: Callable[[Context], AbstractAsyncContextManager[None]], patience_s: float
) -> Handler:
    """Return a handler like `handler` that runs within `around` and is given only requests that parse.

    It takes requests for a stream and reads one if the method takes one, to tell a call without a request, or
    one that is still not here after `patience_s` seconds.
    """
    replies = "stream" if handler.response_streaming else "unary"
    behaviour = getattr(handler, f"{'stream' if handler.request_streaming else 'unary'}_{replies}")

    async def taken(requests: AsyncIterator[Any]) -> Any:
        if handler.request_streaming:
            return _each_parsed(requests)
        try:
            async with asyncio.timeout(patience_s):
                return await _first_parsed(requests)
        except TimeoutError as error:
            raise invalid_request(f"the request did not arrive within {patience_s:g} s") from error

    async def coroutine(requests: AsyncIterator[Any], context: Context) -> Any:
        async with around(context):
            return await behaviour(await taken(requests), context)

    async def generator(requests: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
        async with around(context):
            async for reply in behaviour(await taken(requests), context):
                yield reply

    wrapped: Handler = getattr(grpc, f"stream_{replies}_rpc_method_handler")(
        generator if inspect.isasyncgenfunction(behaviour) else coroutine,
        _parser(handler.request_deserializer or bytes),
        handler.response_serializer,
    )
    return wrapped


def _parser(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Like `deserialize`, but returns its error: raised there, it would end up as UNKNOWN."""

    def parse(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError as error:
            return error.with_traceback(None)  # its frames hold the message

    return parse


async def _each_parsed(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """Yield the requests; raises InvalidRequestError at one that did not parse."""
    async for request in requests:
        yield _checked(request)


async def _first_parsed(requests: AsyncIterator[Any]) -> Any:
    # gRPC's generator, left suspended, is part of a reference cycle that holds the message: up to 32 MiB per call.
    async with aclosing(aiter(requests)) as messages:  # type: ignore[type-var]
        async for request in messages:
            return _checked(request)
    await asyncio.sleep(_FOR_GRPC_S)
    raise invalid_request("the call ended before its request was whole")


def _checked(request: Any) -> Any:
    """Return a request that did parse; raises InvalidRequestError for another."""
    if isinstance(request, DecodeError):
        raise invalid_request("the request is not the protobuf message that this method takes") from request
    return request
