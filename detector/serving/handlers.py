"""gRPC's handlers of methods, rebuilt around a call: what interceptors have in common."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import grpc

from detector.errors import DetectorError
from detector.serving.statuses import abort, to_status

Behaviour = Callable[[Any, Any], Any]
"""Answers a request, or a stream of them; a coroutine function or an asynchronous generator function."""

Context = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Continuation: TypeAlias = Callable[[grpc.HandlerCallDetails], Awaitable[Handler]]
Around = Callable[[Context], AbstractAsyncContextManager[None]]

_MAKERS = {
    (False, False): (grpc.unary_unary_rpc_method_handler, "unary_unary"),
    (False, True): (grpc.unary_stream_rpc_method_handler, "unary_stream"),
    (True, False): (grpc.stream_unary_rpc_method_handler, "stream_unary"),
    (True, True): (grpc.stream_stream_rpc_method_handler, "stream_stream"),
}
"""By whether requests and replies are streams: what makes a handler, and the handler's field."""


def rebuilt(
    handler: Handler,
    wrap: Callable[[Behaviour], Behaviour],
    request_deserializer: Callable[[bytes], Any] | None = None,
) -> Handler:
    """A handler like `handler`, whose behaviour is `wrap` of the old one.

    Args:
        handler: any of the four kinds.
        wrap: gives back a behaviour of the same kind as it gets.
        request_deserializer: parses requests instead of the handler's own.
    """
    make, field = _MAKERS[handler.request_streaming, handler.response_streaming]
    return make(
        wrap(getattr(handler, field)),
        request_deserializer=request_deserializer or handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )


def surrounded(handler: Handler, around: Around) -> Handler:
    """A handler like `handler`, each call of which runs within `around` of its context."""

    def wrap(behaviour: Behaviour) -> Behaviour:
        async def coroutine(request: Any, context: Context) -> Any:
            async with around(context):
                return await behaviour(request, context)

        async def generator(request: Any, context: Context) -> AsyncIterator[Any]:
            async with around(context):
                async for reply in behaviour(request, context):
                    yield reply

        return generator if inspect.isasyncgenfunction(behaviour) else coroutine

    return rebuilt(handler, wrap)


def refusing(error: DetectorError) -> Handler:
    """A handler that ends its call with `error`.

    It takes requests for a stream, which fits every method on the wire: so not a byte of them is read.
    """

    async def refuse(requests: AsyncIterator[Any], context: Context) -> None:
        await abort(context, to_status(error))

    return grpc.stream_stream_rpc_method_handler(refuse)
