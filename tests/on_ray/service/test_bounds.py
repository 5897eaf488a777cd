"""Bounded work on a cluster: what does not fit is refused at once, what comes too late is never done."""

import time

import grpc
import pytest
from ray import serve

from detector.results.errors import DeadlineExceededError, OverloadedError
from detector.serving.client import DetectorClient
from detector.serving.ray import deployment
from detector.serving.ray.cluster_settings import ClusterSettings
from detector.v1 import detector_pb2 as wire
from tests.detector.pictures import encode, scene
from tests.detector.serving.harness import RichError, stub
from tests.detector.serving.loads import ENDLESS
from tests.on_ray.service.applications import PATIENCE_S, RayServer
from tests.on_ray.service.slow import SlowReplica

pytestmark = pytest.mark.ray

SMALL = ClusterSettings(max_replicas=1, places=1, queue=2, ingresses=1, streams=1)


@pytest.fixture(scope="module")
def server(cluster_server: RayServer) -> RayServer:
    cluster_server.deploy(SMALL, SlowReplica)
    return cluster_server


def image(width: int) -> bytes:
    return encode("PNG", scene(size=(width, 10)))


def seen() -> list[int]:
    """What the replica has begun with."""
    handle = serve.get_deployment_handle("Detector", deployment.NAME)
    found: list[int] = handle.seen.remote().result(timeout_s=PATIENCE_S)
    return found


def test_a_full_house_refuses_at_once_and_says_when_to_come_back(
    server: RayServer, channel: grpc.Channel
) -> None:
    calls = [stub(channel).Detect.future(wire.DetectRequest(image=image(11))) for _ in range(8)]
    refusals = [RichError.of(error) for call in calls if (error := call.exception(PATIENCE_S))]
    assert 3 <= len(refusals) <= 6, (
        "two wait; how many more are taken on, or seen as waiting, is a matter of moments"
    )
    for refusal in refusals:
        assert refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert refusal.info.reason == "OVERLOADED"
        assert refusal.retry.retry_delay.ToTimedelta().total_seconds() > 0
    assert all(call.result().width_px == 11 for call in calls if call.exception() is None)


def test_a_full_house_is_healthy_and_its_client_says_overloaded(
    server: RayServer, channel: grpc.Channel
) -> None:
    calls = [stub(channel).Detect.future(wire.DetectRequest(image=image(12))) for _ in range(8)]
    with DetectorClient(server.address) as client:
        time.sleep(0.3)
        with pytest.raises(OverloadedError, match="try again later"):
            client.detect(image(12))
        assert client.is_serving()
    assert any(call.exception(PATIENCE_S) is None for call in calls)


def test_a_stream_waits_for_a_place_instead(server: RayServer, channel: grpc.Channel) -> None:
    calls = [stub(channel).Detect.future(wire.DetectRequest(image=image(13))) for _ in range(4)]
    with DetectorClient(server.address) as client:
        results = list(client.detect_stream([(str(width), image(width)) for width in (14, 15, 16)]))
    assert [(name, result.width_px) for name, result in results] == [("14", 14), ("15", 15), ("16", 16)]  # type: ignore[union-attr]
    assert any(call.exception(PATIENCE_S) is None for call in calls)


def test_a_stream_too_many_is_refused_by_code(server: RayServer, channel: grpc.Channel) -> None:
    """Ray passes on no trailers of a stream that ends without a reply."""

    def held() -> object:
        yield wire.DetectStreamRequest(correlation_id="a", request={"image": image(17)})
        time.sleep(3)

    first = stub(channel).DetectStream(held())
    assert next(first).correlation_id == "a"
    with DetectorClient(server.address) as client, pytest.raises(OverloadedError, match="streams are taken"):
        list(client.detect_stream([("b", image(18))]))
    assert list(first) == []


def test_work_whose_deadline_has_passed_is_never_done(server: RayServer, channel: grpc.Channel) -> None:
    accepted = stub(channel).Detect.future(wire.DetectRequest(image=image(21)))
    with DetectorClient(server.address) as client:
        time.sleep(0.3)
        with pytest.raises(DeadlineExceededError):
            client.detect(image(22), timeout_s=0.3)
        assert accepted.result(PATIENCE_S).width_px == 21
        assert client.detect(image(23)).width_px == 23
    assert [width for width in seen() if width > 20] == [21, 23]


@pytest.mark.parametrize("way", ["deadline", "cancelled", "stream"])
def test_work_that_nobody_waits_for_ends(server: RayServer, channel: grpc.Channel, way: str) -> None:
    before = seen().count(ENDLESS)
    request = wire.DetectRequest(image=image(ENDLESS))
    if way == "stream":
        call = stub(channel).DetectStream(iter([wire.DetectStreamRequest(request=request)]))
    else:
        call = stub(channel).Detect.future(request, timeout=5 if way == "deadline" else None)
    time.sleep(3)  # it is in work by then, and the only place is taken
    if way == "deadline":
        assert call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    else:
        call.cancel()
    with DetectorClient(server.address, timeout_s=PATIENCE_S) as client:
        assert client.detect(image(24)).width_px == 24
    assert seen().count(ENDLESS) > before
