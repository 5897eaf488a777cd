"""Requests that are not the protobuf message they should be get INVALID_ARGUMENT, on every service.

gRPC for Python answers them with UNKNOWN or INTERNAL, as if the server were at fault.
"""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from detector.errors import InvalidRequestError
from detector.serving.statuses import abort, to_status

Behaviour = Callable[[Any, Any], Any]

_MAKERS = {
    (False, False): (grpc.unary_unary_rpc_method_handler, "unary_unary"),
    (False, True): (grpc.unary_stream_rpc_method_handler, "unary_stream"),
    (True, False): (grpc.stream_unary_rpc_method_handler, "stream_unary"),
    (True, True): (grpc.stream_stream_rpc_method_handler, "stream_stream"),
}
"""By whether requests and replies are streams: what makes a handler, and the handler's field."""


class MalformedRequestInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Parses requests itself and refuses those that do not parse."""

    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[Any, Any]":
        """The service's handler, guarded."""
        handler = await continuation(handler_call_details)
        if handler is None or handler.request_deserializer is None:
            return handler
        make, field = _MAKERS[handler.request_streaming, handler.response_streaming]
        return make(
            _guarded(getattr(handler, field)),
            request_deserializer=_parser(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )


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

    async def coroutine(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        try:
            return await behaviour(_checked(request), context)
        except InvalidRequestError as error:
            await abort(context, to_status(error))

    async def generator(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
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
