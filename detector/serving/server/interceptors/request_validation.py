"""Requests that no service can take are refused with an error of ours.

gRPC for Python answers a message that is not the protobuf one that it should be with UNKNOWN or INTERNAL, as if
the server were at fault; a call that ends before its message with nothing, ever; and a method that there is not
with a status that says no reason.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar, cast

import grpc
from google.protobuf import message as protobuf
from google.protobuf.message import DecodeError

from detector.results.errors import InvalidRequestError, UnknownMethodError
from detector.serving.wire.handlers import Behaviour, Context, Continuation, Handler, refusing
from detector.serving.wire.statuses import abort, to_status

_FOR_GRPC_S = 0.1
"""If gRPC itself refused a request, for its size, its own status is on the way: it ends the handler meanwhile."""


class RequestValidationInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Parses requests itself and refuses those that do not parse, are missing, or are for no method."""

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        """Return the service's handler, guarded; it takes requests for a stream, and reads one if there is one."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return refusing(UnknownMethodError(f"there is no method {handler_call_details.method}"))
        replies = "stream" if handler.response_streaming else "unary"
        behaviour = getattr(handler, f"{'stream' if handler.request_streaming else 'unary'}_{replies}")
        make = getattr(grpc, f"stream_{replies}_rpc_method_handler")
        rebuilt: Handler = make(
            _guarded(behaviour, handler.request_streaming),
            _parser(handler.request_deserializer or bytes),
            handler.response_serializer,
        )
        return rebuilt


Message = TypeVar("Message", bound=protobuf.Message)


def parsed(kind: type[Message], data: bytes) -> Message:
    """Return the message that `data` is.

    Raises:
        InvalidRequestError: if it is none.
    """
    return cast(Message, _checked(_parser(kind.FromString)(data)))


def _parser(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Like `deserialize`, but returns its error: raised there, it would end up as UNKNOWN."""

    def parse(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError as error:
            return error

    return parse


def _guarded(behaviour: Behaviour, streaming: bool) -> Behaviour:
    """`behaviour`, given only requests that parse; it is a coroutine or an asynchronous generator, and stays so.

    Args:
        behaviour: the service's.
        streaming: whether it takes a stream of requests, as what comes back does, or one.
    """

    async def taken(requests: AsyncIterator[Any]) -> Any:
        return _each_checked(requests) if streaming else await _first_checked(requests)

    async def coroutine(requests: AsyncIterator[Any], context: Context) -> Any:
        try:
            return await behaviour(await taken(requests), context)
        except InvalidRequestError as error:
            await abort(context, to_status(error))

    async def generator(requests: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
        try:
            async for reply in behaviour(await taken(requests), context):
                yield reply
        except InvalidRequestError as error:
            await abort(context, to_status(error))

    return generator if inspect.isasyncgenfunction(behaviour) else coroutine


async def _each_checked(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        yield _checked(request)


async def _first_checked(requests: AsyncIterator[Any]) -> Any:
    async for request in requests:
        return _checked(request)
    await asyncio.sleep(_FOR_GRPC_S)
    raise _refusal("the call ended before its request was whole")


def _checked(request: Any) -> Any:
    """Return the request; raises InvalidRequestError if it did not parse."""
    if isinstance(request, DecodeError):
        raise _refusal("the request is not the protobuf message that this method takes") from request
    return request


def _refusal(message: str) -> InvalidRequestError:
    """Return an error in the whole of a request."""
    refusal = InvalidRequestError(message)
    refusal.field = ""
    return refusal
