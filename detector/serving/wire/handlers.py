"""gRPC's handlers of methods, rebuilt around a call: what interceptors have in common."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import grpc

from detector.results.errors import DetectorError
from detector.serving.wire.statuses import abort, to_status

Behaviour = Callable[[Any, Any], Any]
"""Answers a request, or a stream of them; a coroutine function or an asynchronous generator function."""

Context = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Continuation: TypeAlias = Callable[[grpc.HandlerCallDetails], Awaitable[Handler]]
Around = Callable[[Context], AbstractAsyncContextManager[None]]


def surrounded(handler: Handler, around: Around) -> Handler:
    """Yield a handler like `handler`, each call of which runs within `around` of its context."""
    kind = "_".join(
        "stream" if s else "unary" for s in (handler.request_streaming, handler.response_streaming)
    )
    behaviour: Behaviour = getattr(handler, kind)

    async def coroutine(request: Any, context: Context) -> Any:
        async with around(context):
            return await behaviour(request, context)

    async def generator(request: Any, context: Context) -> AsyncIterator[Any]:
        async with around(context):
            async for reply in behaviour(request, context):
                yield reply

    rebuilt: Handler = getattr(grpc, f"{kind}_rpc_method_handler")(
        generator if inspect.isasyncgenfunction(behaviour) else coroutine,
        handler.request_deserializer,
        handler.response_serializer,
    )
    return rebuilt


def refusing(error: DetectorError) -> Handler:
    """Return a handler that ends its call with `error`.

    It takes requests for a stream, which fits every method on the wire: so not a byte of them is read.
    """

    async def refuse(requests: AsyncIterator[Any], context: Context) -> None:
        await abort(context, to_status(error))

    return grpc.stream_stream_rpc_method_handler(refuse)
