"""The service grows and shrinks with its load, is replaced under it, and finishes what it has when it ends."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import grpc
import pytest
from ray import serve

from detector.serving.client import DetectorClient
from detector.serving.ray import application
from detector.serving.ray.cluster_settings import ClusterSettings
from detector.serving.ray.deployment import NAME, withdraw
from detector.v1 import detector_pb2 as wire
from tests.detector.serving.harness import stub
from tests.on_ray.service.applications import PATIENCE_S, RayServer, eventually, replicas
from tests.on_ray.service.load import Load
from tests.on_ray.service.slow import SlowReplica
from tests.on_ray.service.test_bounds import image

pytestmark = pytest.mark.ray

ELASTIC = ClusterSettings(
    max_replicas=3, target_images=1, upscale_delay_s=0, downscale_delay_s=1, ingresses=1
)


def test_replicas_come_with_load_and_go_without(cluster_server: RayServer) -> None:
    cluster_server.deploy(ELASTIC, SlowReplica)
    assert len(replicas("Detector")) == 1
    with DetectorClient(cluster_server.address) as client:
        with Load(lambda: client.detect(image(11)), callers=6) as busy:
            eventually(lambda: len(replicas("Detector")) == 3, "there are as many as there may be")
        with Load(lambda: client.detect(image(11)), callers=1) as idle:
            eventually(lambda: len(replicas("Detector")) == 1, "there are as few as there may be")
            idle.go_on()
    assert set(busy.told) == set(idle.told) == {"OK"}


def test_callers_do_not_notice_that_the_service_is_replaced(cluster_server: RayServer) -> None:
    cluster_server.deploy(ELASTIC, SlowReplica)
    before = replicas("Detector") | replicas("RayIngress")
    with (
        DetectorClient(cluster_server.address) as client,
        Load(lambda: client.detect(image(11)), callers=2) as load,
    ):
        load.go_on()
        cluster_server.deploy(replace(ELASTIC, stream_window=5), SlowReplica)
        eventually(lambda: not before.keys() & replicas("Detector").keys(), "those before are gone")
        eventually(lambda: not before.keys() & replicas("RayIngress").keys(), "their ingress, too")
        load.go_on()
    assert set(load.told) == {"OK"}


def test_beside_another_application_callers_name_it(cluster_server: RayServer) -> None:
    cluster_server.deploy(ELASTIC, SlowReplica)
    another = application.application(replace(ELASTIC, streams=2), SlowReplica)
    serve.run(another, name="another", route_prefix="/another")
    try:
        with cluster_server.channel() as channel:
            eventually(lambda: _refused(channel) is grpc.StatusCode.NOT_FOUND, "it has to be named")
            named = (("application", NAME),)
            assert stub(channel).GetModelInfo(wire.GetModelInfoRequest(), metadata=named).name == "steady"
    finally:
        serve.delete("another")


def test_what_was_taken_on_is_finished(cluster_server: RayServer) -> None:
    settings = replace(ELASTIC, max_replicas=1, max_concurrent_images=2, queue=8, ingresses=2)
    cluster_server.deploy(settings, SlowReplica)
    with cluster_server.channel() as channel, ThreadPoolExecutor(1) as threads:
        calls = [stub(channel).Detect.future(wire.DetectRequest(image=image(11))) for _ in range(8)]
        stream = stub(channel).DetectStream(_endless())
        eventually(lambda: any(call.done() for call in calls), "they are all there")
        withdrawn = threads.submit(withdraw, settings)
        assert [call.result(PATIENCE_S).width_px for call in calls] == [11] * 8
        assert next(stream).response.width_px == 13
        with pytest.raises(grpc.RpcError, match="shutting down") as ended:
            list(stream)
        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
        withdrawn.result(PATIENCE_S)
        assert _refused(channel) is grpc.StatusCode.NOT_FOUND, "Ray knows of it no more"
    assert not replicas("Detector")


def _endless() -> Iterator[wire.DetectStreamRequest]:
    """One image, and then a caller who keeps the line open."""
    yield wire.DetectStreamRequest(request={"image": image(13)})
    time.sleep(60)


def _refused(channel: grpc.Channel) -> grpc.StatusCode | None:
    """How a call that comes now is refused."""
    error = stub(channel).GetModelInfo.future(wire.GetModelInfoRequest()).exception(PATIENCE_S)
    return None if error is None else error.code()
