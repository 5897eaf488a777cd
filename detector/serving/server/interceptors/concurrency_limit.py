"""So many calls may be open at once, and one more is refused before anything of its request is read."""

import asyncio
from collections import Counter

import grpc
from grpc_health.v1 import health

from detector.results.errors import OverloadedError
from detector.serving.wire.handlers import Continuation, Handler, refusing


class ConcurrencyLimitInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Refuses calls beyond a limit. Health checks have as many of their own: a full server is not a dead one.

    gRPC's own `maximum_concurrent_rpcs` counts both together, and refuses without a reason.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: Counter[bool] = Counter()

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        """Return the service's handler, or one that refuses."""
        is_health = handler_call_details.method.startswith(f"/{health.SERVICE_NAME}/")
        if self._open[is_health] >= self._limit:
            return refusing(OverloadedError(f"all {self._limit} calls that may be open are; try again later"))
        task = asyncio.current_task()
        assert task is not None
        self._open[is_health] += 1
        # The task is the whole call, its handler only a part: it may end, cut off, before it reaches the handler.
        task.add_done_callback(lambda _: self._open.subtract([is_health]))
        return await continuation(handler_call_details)
