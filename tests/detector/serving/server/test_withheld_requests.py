"""Calls that are begun and whose request does not come: they keep their place for a while and no longer."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from detector.serving.server import interceptor
from detector.serving.server.settings import Security, WorkLimits
from detector.v1 import detector_pb2 as wire
from tests.detector.pictures import encode
from tests.detector.serving.harness import PATIENCE_S, RichError, RunningServer, SlowDetector, stub
from tests.detector.serving.server.test_tokens import line

DETECT, CHECK = "/detector.v1.DigitDetector/Detect", "/grpc.health.v1.Health/Check"
OPEN_CALLS = 8
"""So many may be open: four for the one image, and four for the one stream."""

TOKEN = (("authorization", "Bearer open-sesame"),)


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[grpc.Channel]:
    """To a server that asks for tokens."""
    path = tmp_path / "tokens.txt"
    path.write_text(line("open-sesame"))
    limits = WorkLimits(max_concurrent_images=1, streams=1)
    with (
        RunningServer(SlowDetector(opened=True), limits, security=Security(tokens=path)) as server,
        server.channel() as connected,
    ):
        yield connected


class Withheld:
    """A request that does not come until its call has ended."""

    def __init__(
        self, channel: grpc.Channel, method: str, metadata: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self._ended = threading.Event()
        self.call = channel.stream_unary(method).future(self, metadata=metadata)
        self.call.add_done_callback(lambda _: self._ended.set())

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        self._ended.wait(PATIENCE_S)
        raise StopIteration

    def refusal(self) -> RichError:
        return RichError.of(self.call.exception(PATIENCE_S))


def _serving(channel: grpc.Channel) -> bool:
    reply = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE_S)
    return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)


def test_checks_that_send_nothing_soon_make_room_for_others(
    channel: grpc.Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interceptor, "_SMALL_REQUEST_S", 0.5)
    withheld = [Withheld(channel, CHECK) for _ in range(OPEN_CALLS)]
    for call in withheld:
        refused = call.refusal()
        assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
        assert refused.message == "the request did not arrive within 0.5 s"
    assert _serving(channel)


def test_an_image_has_more_time_to_arrive(channel: grpc.Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interceptor, "_SMALL_REQUEST_S", 0.1)
    monkeypatch.setattr(interceptor, "_IMAGE_REQUEST_S", 1.0)
    refused = Withheld(channel, DETECT, TOKEN).refusal()
    assert refused.message == "the request did not arrive within 1 s"
    request = wire.DetectRequest(image=encode("PNG"))
    assert stub(channel).Detect(request, metadata=TOKEN).width_px == 48


def test_watchers_leave_health_checks_their_room(channel: grpc.Channel) -> None:
    watch = health_pb2_grpc.HealthStub(channel).Watch
    watchers = [watch(health_pb2.HealthCheckRequest(), metadata=TOKEN) for _ in range(OPEN_CALLS)]
    assert [next(watcher).status for watcher in watchers] == [
        health_pb2.HealthCheckResponse.SERVING
    ] * OPEN_CALLS
    assert _serving(channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub(channel).GetModelInfo(wire.GetModelInfoRequest(), metadata=TOKEN)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED, "they count as what they are"
    for watcher in watchers:
        watcher.cancel()
