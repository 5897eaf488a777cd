"""The thin end of a service on a cluster, without a cluster: what it tells a proxy of each call's end."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import grpc
import pytest
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2

from detector.results.errors import (
    DetectorError,
    ImageUndecodableError,
    InvalidOptionError,
    OverloadedError,
    ServiceUnavailableError,
)
from detector.results.interface import MAX_MESSAGE_BYTES
from detector.serving.ray.cluster_settings import ClusterSettings
from detector.serving.ray.ingress import Ingress, RefusedError
from detector.serving.wire.statuses import to_status
from detector.v1 import detector_pb2 as wire
from tests.detector.serving.harness import RichError

REQUEST = wire.DetectRequest(image=b"image").SerializeToString()


@dataclass
class Call:
    """A call's context, as a proxy has it."""

    sent: tuple[tuple[str, str | bytes], ...] = (("x-request-id", "mine"),)
    code: grpc.StatusCode | None = None
    details: str = ""
    trailers: dict[str, str | bytes] = field(default_factory=dict)

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        return self.sent

    def peer(self) -> str:
        return "ipv4:127.0.0.1:1"

    def set_code(self, code: grpc.StatusCode) -> None:
        self.code = code

    def set_details(self, details: str) -> None:
        self.details = details

    def set_trailing_metadata(self, trailing_metadata: list[tuple[str, str | bytes]]) -> None:
        self.trailers = dict(trailing_metadata)

    def refusal(self) -> RichError:
        status = self.trailers["grpc-status-details-bin"]
        assert isinstance(status, bytes)
        return RichError(Status.FromString(status))


class Script:
    """Replicas that answer with what the script says, one line a call, and with good news after its end."""

    def __init__(self, *script: Exception) -> None:
        self._script = list(script)
        self.calls = 0

    def _next(self) -> None:
        self.calls += 1
        if self._script:
            raise self._script.pop(0)

    async def detect(self, request: bytes) -> wire.DetectStreamResponse:
        try:
            self._next()
        except ImageUndecodableError as error:  # found by the replica
            return wire.DetectStreamResponse(error=to_status(error))
        return wire.DetectStreamResponse(response={"width_px": len(request)})

    async def info(self) -> wire.ModelInfo:
        self._next()
        return wire.ModelInfo(name="scripted")


async def _stream(*requests: bytes) -> AsyncIterator[bytes]:
    for request in requests:
        yield request


async def _all(replies: AsyncIterator[object]) -> list[object]:
    return [reply async for reply in replies]


def ingress(*script: Exception, **settings: int) -> Ingress:
    return Ingress(Script(*script), ClusterSettings(**settings))  # type: ignore[arg-type]


def detected(at: Ingress, call: Call, request: bytes = REQUEST) -> list[object]:
    return asyncio.run(_all(at.Detect(request, call)))


def test_an_image_is_answered_with_the_callers_id() -> None:
    call = Call()
    assert detected(ingress(), call) == [wire.DetectResponse(width_px=len(REQUEST))]
    assert (call.code, call.trailers) == (None, {"x-request-id": "mine"})


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (ImageUndecodableError("no image"), grpc.StatusCode.INVALID_ARGUMENT, "IMAGE_UNDECODABLE"),
        (InvalidOptionError("score", "wrong"), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_OPTION"),
        (OverloadedError("full"), grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"),
        (ZeroDivisionError("secret of the house"), grpc.StatusCode.INTERNAL, "INTERNAL"),
        (MemoryError(), grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"),
    ],
)
def test_errors_come_with_all_that_is_known_of_them(
    error: Exception, code: grpc.StatusCode, reason: str
) -> None:
    call = Call()
    assert detected(ingress(error), call) == [wire.DetectResponse()], (
        "the proxy takes the context with a reply"
    )
    refusal = call.refusal()
    assert (call.code, refusal.code, refusal.info.reason) == (code, code, reason)
    assert call.details == refusal.message
    assert "secret" not in refusal.message
    assert call.trailers["x-request-id"] == "mine"


@pytest.mark.parametrize("method", ["Detect", "GetModelInfo"])
def test_what_can_be_tried_again_has_no_reply_at_all(method: str) -> None:
    call = Call()
    replies = getattr(ingress(ServiceUnavailableError("gone")), method)(b"", call)
    with pytest.raises(RefusedError, match="gone"):
        asyncio.run(_all(replies))
    assert (call.code, call.details) == (grpc.StatusCode.UNAVAILABLE, "gone")


@pytest.mark.parametrize(
    ("request_", "code", "reason"),
    [
        (b"\xff\xff", grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"),
        (bytes(MAX_MESSAGE_BYTES + 1), grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"),
    ],
    ids=["not protobuf", "too large"],
)
def test_what_no_replica_should_see(request_: bytes, code: grpc.StatusCode, reason: str) -> None:
    call, at = Call(), ingress()
    detected(at, call, request_)
    assert (call.code, call.refusal().info.reason) == (code, reason)
    stream = Call()
    with pytest.raises(RefusedError):
        asyncio.run(_all(at.DetectStream(_stream(request_), stream)))
    assert stream.code is code


def test_an_image_of_a_stream_waits_for_a_place_and_an_error_is_its_own() -> None:
    full, bad = OverloadedError("full"), ImageUndecodableError("no image")
    at = ingress(full, full, bad, ServiceUnavailableError("gone"), stream_window=1)
    items = [wire.DetectStreamRequest(correlation_id=name).SerializeToString() for name in "abc"]
    call = Call()
    replies = asyncio.run(_all(at.DetectStream(_stream(*items), call)))
    told = [
        (r.correlation_id, RichError(r.error).info.reason if r.HasField("error") else "") for r in replies
    ]  # type: ignore[attr-defined]
    assert told == [("a", "IMAGE_UNDECODABLE"), ("b", "UNAVAILABLE"), ("c", "")]
    assert call.code is None


def test_streams_are_counted() -> None:
    async def two_at_once(at: Ingress) -> None:
        more = asyncio.Event()

        async def held() -> AsyncIterator[bytes]:
            yield b""
            await more.wait()

        first = at.DetectStream(held(), Call())
        await anext(first)
        with pytest.raises(RefusedError, match="streams are open"):
            await _all(at.DetectStream(_stream(b""), Call()))
        more.set()
        assert await _all(first) == []
        assert len(await _all(at.DetectStream(_stream(b""), Call()))) == 1

    asyncio.run(two_at_once(ingress(streams=1)))


def test_it_drains() -> None:
    async def drain(at: Ingress) -> None:
        async def held() -> AsyncIterator[bytes]:
            yield b""
            await asyncio.Event().wait()

        call = Call()
        stream = at.DetectStream(held(), call)
        await anext(stream)
        drained = asyncio.create_task(at.drain())
        with pytest.raises(RefusedError, match="shutting down"):
            await _all(stream)
        await drained
        assert call.code is grpc.StatusCode.UNAVAILABLE
        for late in (at.Detect(REQUEST, Call()), at.GetModelInfo(b"", Call())):
            with pytest.raises(RefusedError, match="shutting down"):
                await _all(late)
        health = Call()
        await at.Check(b"", health)
        assert health.code is grpc.StatusCode.UNAVAILABLE

    asyncio.run(drain(ingress()))


HEALTH: dict[str, tuple[tuple[Exception, ...], str, grpc.StatusCode | None]] = {
    "there is a model": ((), "", None),
    "by name": ((), "detector.v1.DigitDetector", None),
    "full is healthy": ((OverloadedError("full"),), "", None),
    "nobody there": ((ServiceUnavailableError("gone"),), "", grpc.StatusCode.UNAVAILABLE),
    "no such service": ((), "detector.v1.Oracle", grpc.StatusCode.NOT_FOUND),
}


@pytest.mark.parametrize(("script", "service", "code"), HEALTH.values(), ids=HEALTH.keys())
def test_health(
    script: tuple[Exception, ...],
    service: str,
    code: grpc.StatusCode | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    call = Call()
    request = health_pb2.HealthCheckRequest(service=service).SerializeToString()
    with caplog.at_level(logging.DEBUG, "detector"):
        reply = asyncio.run(ingress(*script).Check(request, call))
    assert call.code is code
    (line,) = [record.fields for record in caplog.records if hasattr(record, "fields")]
    assert line["code"] == (code or grpc.StatusCode.OK).name, "the log says what the caller was told"
    assert (reply.status == health_pb2.HealthCheckResponse.SERVING) is (code is None)


def test_each_call_has_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "detector"):
        detected(ingress(), Call())
        detected(ingress(OverloadedError("full")), Call())
    fields = [record.fields for record in caplog.records if hasattr(record, "fields")]
    assert [(line["code"], line.get("reason", ""), line["images"]) for line in fields] == [
        ("OK", "", 1),
        ("RESOURCE_EXHAUSTED", "OVERLOADED", 0),
    ]
    assert {line["request_id"] for line in fields} == {"mine"}
    assert {line["method"] for line in fields} == {"/detector.v1.DigitDetector/Detect"}


def test_a_call_that_is_cancelled_says_so_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    class Endless(Script):
        async def detect(self, request: bytes) -> wire.DetectStreamResponse:
            await asyncio.Event().wait()
            raise AssertionError

    async def cancel() -> None:
        at = Ingress(Endless(), ClusterSettings())
        asked = asyncio.create_task(_all(at.Detect(REQUEST, Call())))
        await asyncio.sleep(0.01)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    with caplog.at_level(logging.INFO, "detector"):
        asyncio.run(cancel())
    assert [record.fields["code"] for record in caplog.records if hasattr(record, "fields")] == ["CANCELLED"]


def test_every_error_of_the_package_can_end_a_call() -> None:
    call = Call()
    detected(ingress(DetectorError("odd")), call)
    assert call.code is grpc.StatusCode.INTERNAL
