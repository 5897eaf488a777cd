"""Calls as OpenTelemetry spans, received by a real collector's service over a socket."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

import grpc
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from detector.serving.client import AsyncDetectorClient, DetectorClient
from detector.serving.server.settings import Observability
from detector.v1 import detector_pb2 as wire
from tests.detector.pictures import encode
from tests.detector.serving.harness import PATIENCE_S, stub
from tests.detector.serving.programs import own_channel, running, serving

TRACE_ID, PARENT_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps the spans that it is sent, each with the name of the service that it is about."""

    def __init__(self) -> None:
        self.spans: Queue[tuple[str, Span]] = Queue()

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802
        for resource in request.resource_spans:
            names = {item.key: item.value.string_value for item in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.put((names["service.name"], span))
        return trace_service_pb2.ExportTraceServiceResponse()


@contextmanager
def collecting() -> Iterator[tuple[Collector, str]]:
    collector, server = Collector(), grpc.server(ThreadPoolExecutor(4))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield collector, f"http://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def attributes(span: Span) -> dict[str, str | int]:
    return {item.key: item.value.string_value or item.value.int_value for item in span.attributes}


def test_a_call_is_a_span_in_its_callers_trace(checkout: Path) -> None:
    with collecting() as (collector, endpoint):
        environment = ["env", f"OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}", "OTEL_BSP_SCHEDULE_DELAY=100"]
        server = serving("steady", observability=Observability(tracing=True))
        with running([*environment, *server], checkout) as process, own_channel(process.address()) as channel:
            caller = (("traceparent", f"00-{TRACE_ID}-{PARENT_ID}-01"), ("x-request-id", "mine"))
            stub(channel).Detect(wire.DetectRequest(image=encode("PNG")), metadata=caller)
            service, span = collector.spans.get(timeout=PATIENCE_S)
            assert service == "digit-detector"
            assert span.name == "detector.v1.DigitDetector/Detect"
            assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE_ID, PARENT_ID)
            assert span.kind == Span.SPAN_KIND_SERVER
            assert span.end_time_unix_nano > span.start_time_unix_nano
            told = attributes(span)
            assert (told["rpc.system"], told["rpc.method"]) == ("grpc", "Detect")
            assert told["rpc.grpc.status_code"] == 0
            assert told["digit_detector.request_id"] == "mine"
            assert (told["digit_detector.images"], told["digit_detector.digits"]) == (1, 1)

            stub(channel).Detect.future(wire.DetectRequest(image=b"no image")).exception(PATIENCE_S)
            _, span = collector.spans.get(timeout=PATIENCE_S)
            assert attributes(span)["rpc.grpc.status_code"] == grpc.StatusCode.INVALID_ARGUMENT.value[0]
            assert span.status.code == Status.STATUS_CODE_UNSET, "the caller is at fault"
            assert span.trace_id.hex() != TRACE_ID, "its caller has no trace, so it begins one"
            assert not span.parent_span_id

            channel.unary_unary("/detector.v1.DigitDetector/Guess").future(b"").exception(PATIENCE_S)
            _, span = collector.spans.get(timeout=PATIENCE_S)
            assert attributes(span)["rpc.grpc.status_code"] == grpc.StatusCode.UNIMPLEMENTED.value[0]
            assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, "METHOD_UNKNOWN")


def test_the_shipped_clients_calls_belong_to_the_span_that_they_are_made_in(checkout: Path) -> None:
    caller = trace.SpanContext(int(TRACE_ID, 16), int(PARENT_ID, 16), True, trace.TraceFlags(1))
    image = encode("PNG")

    async def detect(address: str) -> None:
        async with AsyncDetectorClient(address) as client:
            await client.detect(image)

    with collecting() as (collector, endpoint):
        environment = ["env", f"OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}", "OTEL_BSP_SCHEDULE_DELAY=100"]
        server = serving("steady", observability=Observability(tracing=True))
        with running([*environment, *server], checkout) as process:
            address = process.address()
            with trace.use_span(trace.NonRecordingSpan(caller)), DetectorClient(address) as client:
                client.detect(image)
                list(client.detect_stream([("a", image)]))
                client.info()
                asyncio.run(detect(address))
            spans = [collector.spans.get(timeout=PATIENCE_S)[1] for _ in range(4)]
            assert {span.trace_id.hex() for span in spans} == {TRACE_ID}
            assert {span.parent_span_id.hex() for span in spans} == {PARENT_ID}
            with DetectorClient(address) as client:
                client.info()
            assert collector.spans.get(timeout=PATIENCE_S)[1].trace_id.hex() != TRACE_ID, "no span is open"


def test_a_collector_that_is_not_there_does_no_harm(checkout: Path) -> None:
    environment = ["env", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_BSP_SCHEDULE_DELAY=100"]
    server = serving("steady", observability=Observability(tracing=True))
    with running([*environment, *server], checkout) as process, own_channel(process.address()) as channel:
        for _ in range(3):
            assert stub(channel).Detect(wire.DetectRequest(image=encode("PNG"))).width_px == 48


WITHOUT_THE_EXTRA = """
import sys
sys.modules["opentelemetry"] = None
from detector.cli.main import main
sys.exit(main(["serve", "--port", "0", "--tracing"]))
"""


def test_without_the_extra_it_says_what_to_install(checkout: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert "--tracing needs more libraries: pip install 'digit-detector[tracing]'" in done.stderr
    assert "Traceback" not in done.stderr
