"""Every call gets an id and a context for logs, metrics and traces; it is counted, timed and logged when it ends."""

import logging
import re
import time
import uuid
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field

import grpc
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from detector.serving.telemetry import metrics
from detector.v1 import detector_pb2

REQUEST_ID = "x-request-id"
"""The metadata that brings a caller's id for a call, and the trailer that returns it."""

_MAX_METHOD_CHARACTERS = 200
_GOOD_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")

METHODS = frozenset(
    f"/{service.full_name}/{method.name}"
    for file in (detector_pb2, health_pb2, reflection_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
)
"""All that a server answers. Others are counted together: callers could make up any number of them."""

Metadata = Sequence[tuple[str, str | bytes]]

_log = logging.getLogger(__name__)


@dataclass
class Call:
    """One call, filled in as it goes on.

    Attributes:
        method: its full name, "/package.Service/Method", as the caller wrote it.
        request_id: the caller's, or one that was made.
        peer: the address that it comes from, as gRPC writes it.
        caller: the name of the token that it carries; empty without.
        trace_id: of the trace that it belongs to; empty without.
        images: images that were answered with detections.
        digits: digits in them.
        refused: images of a stream that were answered with an error.
        code: the name of the status that it ended with; empty until it is known.
        reason: the reason of the error that it ended with; empty without.
        started: on the clock of `time.perf_counter`.
    """

    method: str
    request_id: str
    peer: str = ""
    caller: str = ""
    trace_id: str = ""
    images: int = 0
    digits: int = 0
    refused: int = 0
    code: str = ""
    reason: str = ""
    started: float = field(default_factory=time.perf_counter)

    def count_answer(self, digits: int) -> None:
        """Count an image that is answered with so many digits."""
        self.images += 1
        self.digits += digits

    def summary(self, seconds: float) -> dict[str, str | int | float]:
        """Return the log fields of a call that took so long; nothing of its images' content is among them."""
        told: dict[str, str | int | float] = {
            "method": self.method[:_MAX_METHOD_CHARACTERS],
            "code": self.code,
            "reason": self.reason,
            "duration_ms": round(seconds * 1000, 1),
            "request_id": self.request_id,
            "trace_id": self.trace_id,
            "peer": self.peer,
            "caller": self.caller,
            "images": self.images,
            "digits": self.digits,
            "refused": self.refused,
        }
        return {name: value for name, value in told.items() if value != ""}


_current: ContextVar[Call | None] = ContextVar("call", default=None)


def begin(method: str, metadata: Iterable[tuple[str, str | bytes]]) -> Call:
    """Return the call that this task serves from now on."""
    ids = [value for key, value in metadata if key == REQUEST_ID]
    good = len(ids) == 1 and isinstance(ids[0], str) and _GOOD_ID.fullmatch(ids[0])
    call = Call(method, str(ids[0]) if good else uuid.uuid4().hex)
    _current.set(call)
    return call


def current() -> Call | None:
    """Return the call that runs; None outside of any."""
    return _current.get()


def report(call: Call) -> None:
    """Count and log a call that has ended."""
    seconds = time.perf_counter() - call.started
    known = call.method in METHODS
    metrics.count_call(call.method if known else "unknown", call.code, seconds)
    if call.reason:
        metrics.count_rejection(call.reason)
    probe = known and not call.method.startswith(f"/{detector_pb2.DESCRIPTOR.package}.")
    quiet = probe and call.code == grpc.StatusCode.OK.name
    _log.log(logging.DEBUG if quiet else logging.INFO, "call", extra={"fields": call.summary(seconds)})
