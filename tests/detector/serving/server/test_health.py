"""Health tells the truth, reflection the interface."""

import time
from collections.abc import Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from detector.results.errors import ServiceUnavailableError
from detector.serving.client import DetectorClient
from detector.v1 import detector_pb2 as wire
from tests.detector.pictures import encode
from tests.detector.serving.harness import PATIENCE_S, RunningServer, SlowDetector, stub

SERVICES = ("", "detector.v1.DigitDetector")
Status = health_pb2.HealthCheckResponse


def _check(channel: grpc.Channel, service: str) -> int:
    reply = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service))
    return int(reply.status)


@pytest.mark.parametrize("service", SERVICES)
def test_serving_only_when_the_detector_is_there(service: str) -> None:
    with RunningServer() as server, server.channel() as channel:
        assert _check(channel, service) == Status.NOT_SERVING
        server.open(SlowDetector(opened=True))
        assert _check(channel, service) == Status.SERVING


def test_an_unknown_service(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        _check(channel, "detector.v1.Oracle")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_watcher_sees_it_come_and_go_and_does_not_keep_the_server_from_stopping() -> None:
    with RunningServer() as server, server.channel() as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == Status.NOT_SERVING
        server.open(SlowDetector(opened=True))
        assert next(watch).status == Status.SERVING
        stopped = server.begin_stop()
        assert next(watch).status == Status.NOT_SERVING
        assert stopped.result(PATIENCE_S)


def test_draining_finishes_what_was_accepted_and_refuses_what_comes_after() -> None:
    detector = SlowDetector()
    with RunningServer(detector) as server, server.channel() as channel:
        accepted = [stub(channel).Detect.future(_request()) for _ in range(3)]
        stream = stub(channel).DetectStream(_endless())
        assert detector.began.acquire(timeout=PATIENCE_S)
        time.sleep(0.3)
        stopped = server.begin_stop()
        _until_not_serving(channel)
        with (
            DetectorClient(server.address) as late,
            pytest.raises(ServiceUnavailableError, match="shutting down"),
        ):
            late.detect(_request().image)
        assert not stopped.done()
        detector.may_go.set()
        assert [call.result(PATIENCE_S).width_px for call in accepted] == [48] * 3
        assert next(stream).response.width_px == 48
        with pytest.raises(grpc.RpcError) as ended:
            list(stream)
        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
        assert stopped.result(PATIENCE_S), "all that was accepted got its answer"


def _request() -> wire.DetectRequest:
    return wire.DetectRequest(image=encode("PNG"))


def _endless() -> Iterator[wire.DetectStreamRequest]:
    """One image, and then a caller who keeps the line open."""
    yield wire.DetectStreamRequest(request=_request())
    time.sleep(2)


def _until_not_serving(channel: grpc.Channel) -> None:
    end = time.monotonic() + PATIENCE_S
    while _check(channel, "") != Status.NOT_SERVING:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_work_that_outlasts_the_grace_is_told_of() -> None:
    detector = SlowDetector()
    with RunningServer(detector) as server, server.channel() as channel:
        call = stub(channel).Detect.future(_request())
        assert detector.began.acquire(timeout=PATIENCE_S)
        stopped = server.begin_stop(grace_s=0.2)
        time.sleep(0.4)
        detector.may_go.set()
        assert stopped.result(PATIENCE_S) is False
        call.cancel()


def test_reflection_describes_the_service(channel: grpc.Channel) -> None:
    database = ProtoReflectionDescriptorDatabase(channel)
    assert set(database.get_services()) >= {"detector.v1.DigitDetector", "grpc.health.v1.Health"}
    file = database.FindFileContainingSymbol("detector.v1.DigitDetector")
    assert file.package == "detector.v1"
    assert [method.name for method in file.service[0].method] == ["Detect", "DetectStream", "GetModelInfo"]
