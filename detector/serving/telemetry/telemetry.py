"""Every call is counted, timed and logged, and gets an id."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from functools import partial

import grpc
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from detector.results.detections import ImageDetections
from detector.serving.telemetry import call_context, metrics
from detector.serving.telemetry.call_context import Call
from detector.serving.wire.handlers import Context, Continuation, Handler, surrounded
from detector.serving.wire.statuses import reason_in
from detector.v1 import detector_pb2

METHODS = frozenset(
    f"/{service.full_name}/{method.name}"
    for file in (detector_pb2, health_pb2, reflection_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
)
"""All that a server answers. Others are counted together: callers could make up any number of them."""

Metadata = Sequence[tuple[str, str | bytes]]
Trace = Callable[[Call, Metadata], AbstractContextManager[None]]
"""The context in which a traced call runs."""

_log = logging.getLogger(__name__)


class TelemetryInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Begins a `Call`, and reports it when it has ended in whatever way. It is to be the outermost.

    Args:
        trace: makes each call part of a trace; None for no traces.
    """

    def __init__(self, trace: Trace | None = None) -> None:
        self._trace = trace or (lambda _call, _metadata: nullcontext())

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        """Return the service's handler, observed."""
        metadata = tuple(handler_call_details.invocation_metadata or ())
        call = call_context.begin(handler_call_details.method, metadata)
        handler = await continuation(handler_call_details)
        return surrounded(handler, partial(self._observed, call, metadata))

    @asynccontextmanager
    async def _observed(self, call: Call, metadata: Metadata, context: Context) -> AsyncIterator[None]:
        context.set_trailing_metadata(((call_context.REQUEST_ID, call.request_id),))
        call.peer = context.peer()
        call.code = grpc.StatusCode.OK.name
        try:
            with self._trace(call, metadata):
                try:
                    yield
                except BaseException as error:
                    call.code = _code_of(error, context).name
                    call.reason = reason_in(context.trailing_metadata() or ())
                    raise
        finally:
            report(call)


def detected(found: ImageDetections) -> None:
    """Return an image of the call that runs is answered."""
    metrics.count_detections(found)
    call = call_context.current()
    if call is not None:
        call.images += 1
        call.digits += len(found.digits)


def refused(reason: str) -> None:
    """Return an image of the stream that runs is answered with an error."""
    metrics.count_rejection(reason)
    call = call_context.current()
    if call is not None:
        call.refused += 1


def _code_of(error: BaseException, context: Context) -> grpc.StatusCode:
    """Return the status that the caller sees of a handler that ended with `error`."""
    if isinstance(error, asyncio.CancelledError):
        remaining = context.time_remaining()
        late = remaining is not None and remaining <= 0
        return grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.CANCELLED
    return context.code() or grpc.StatusCode.UNKNOWN


def report(call: Call) -> None:
    """Count and logs a call that has ended."""
    seconds = time.perf_counter() - call.started
    known = call.method in METHODS
    metrics.count_call(call.method if known else "unknown", call.code, seconds)
    if call.reason:
        metrics.count_rejection(call.reason)
    probe = known and not call.method.startswith(f"/{detector_pb2.DESCRIPTOR.package}.")
    quiet = probe and call.code == grpc.StatusCode.OK.name
    _log.log(logging.DEBUG if quiet else logging.INFO, "call", extra={"fields": call.summary(seconds)})
