"""The true end of an asynchronous stream, which grpc.aio may forget.

If the server ends a stream while the client still writes, grpc.aio overwrites the status that the server sent with
an INTERNAL of its own (https://github.com/grpc/grpc/issues/36066). A refused stream would look like a defect.
"""

from collections.abc import Coroutine
from typing import Any

import grpc

_OVERWRITTEN = "Internal error from Core"


class StreamEnd:
    """Remembers every status that a call ends with; to be made as soon as the call is."""

    def __init__(self, call: "grpc.aio.StreamStreamCall[Any, Any]") -> None:
        self._ends: list[grpc.aio.AioRpcError] = []
        call.add_done_callback(self._remember)

    def of(self, error: grpc.RpcError) -> grpc.RpcError:
        """The error that the call's end was before grpc.aio overwrote it with `error`, or else `error`."""
        return next((end for end in self._ends if end.details() != _OVERWRITTEN), error)

    def _remember(self, call: Any) -> None:
        """Called for each status, while it is the call's."""
        code = _result(call.code())
        if code is not grpc.StatusCode.OK:
            details, trailing = _result(call.details()), _result(call.trailing_metadata())
            self._ends.append(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, details, None))


def _result(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the call has ended, so its status is known")
