"""Calls as OpenTelemetry spans, sent over OTLP; it needs the extra `tracing`.

Where they go, and how many, is for the standard OTEL_ environment variables to say, such as
OTEL_EXPORTER_OTLP_ENDPOINT (default http://localhost:4317) and OTEL_TRACES_SAMPLER.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from detector.serving.telemetry.telemetry import Call, Metadata

_SERVER_ERRORS = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
"""Those that make a server's span an error, as OpenTelemetry's conventions for gRPC say; others are the caller's."""


class Tracing:
    """Sends spans from its making on, until it is closed."""

    def __init__(self) -> None:
        os.environ.setdefault("OTEL_SERVICE_NAME", "digit-detector")
        self._provider = TracerProvider()
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("detector.serving")

    @contextmanager
    def trace(self, call: Call, metadata: Metadata) -> Iterator[None]:
        """Make a call a span, in its caller's trace if it has one."""
        parent = propagate.extract({key: value for key, value in metadata if isinstance(value, str)})
        service, _, method = call.method.removeprefix("/").partition("/")
        attributes = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method}
        with self._tracer.start_as_current_span(
            f"{service}/{method}",
            parent,
            trace.SpanKind.SERVER,
            attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            call.trace_id = trace.format_trace_id(span.get_span_context().trace_id)
            try:
                yield
            finally:
                span.set_attributes(_result(call))
                if grpc.StatusCode[call.code] in _SERVER_ERRORS:
                    span.set_status(trace.StatusCode.ERROR, call.reason or None)

    def close(self) -> None:
        """Send the spans that have not been sent yet, for as long as the OTEL_ variables allow."""
        self._provider.shutdown()


def _result(call: Call) -> dict[str, str | int]:
    return {
        "rpc.grpc.status_code": grpc.StatusCode[call.code].value[0],
        "digit_detector.request_id": call.request_id,
        "digit_detector.images": call.images,
        "digit_detector.digits": call.digits,
    }
