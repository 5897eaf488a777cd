"""Requests that are not the protobuf message they should be get INVALID_ARGUMENT, on every service.

gRPC for Python answers them with UNKNOWN or INTERNAL, as if the server were at fault.
"""

import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from detector.errors import InvalidRequestError, UnknownMethodError
from detector.serving.handlers import Behaviour, Context, Continuation, Handler, rebuilt, refusing
from detector.serving.statuses import abort, to_status


class MalformedRequestInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Parses requests itself and refuses those that do not parse, or are for no method."""

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        """The service's handler, guarded."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return refusing(UnknownMethodError(f"there is no method {handler_call_details.method}"))
        if handler.request_deserializer is None:
            return handler
        return rebuilt(handler, _guarded, _parser(handler.request_deserializer))


def _parser(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Like `deserialize`, but returns its error: raised there, it would end up as UNKNOWN."""

    def parse(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError as error:
            return error

    return parse


def _guarded(behaviour: Behaviour) -> Behaviour:
    """`behaviour`, given only requests that parse; it is a coroutine or an asynchronous generator, and stays so."""

    async def coroutine(request: Any, context: Context) -> Any:
        try:
            return await behaviour(_checked(request), context)
        except InvalidRequestError as error:
            await abort(context, to_status(error))

    async def generator(request: Any, context: Context) -> AsyncIterator[Any]:
        try:
            async for reply in behaviour(_checked(request), context):
                yield reply
        except InvalidRequestError as error:
            await abort(context, to_status(error))

    return generator if inspect.isasyncgenfunction(behaviour) else coroutine


def _checked(request: Any) -> Any:
    """A request, or a stream of requests, that raises InvalidRequestError in place of what did not parse."""
    if hasattr(request, "__aiter__"):
        return _checked_stream(request)
    if isinstance(request, DecodeError):
        refusal = InvalidRequestError("the request is not the protobuf message that this method takes")
        refusal.field = ""  # the whole of it
        raise refusal from request
    return request


async def _checked_stream(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        yield _checked(request)
