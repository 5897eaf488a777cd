"""The service grows and shrinks with its load, is replaced under it, and finishes what it has when it ends."""

from dataclasses import replace

import grpc
import pytest
from ray import serve

from detector.serving import ray_serve
from detector.serving.client import DetectorClient
from detector.serving.cluster import ClusterSettings
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


def test_what_was_taken_on_is_finished(cluster_server: RayServer) -> None:
    cluster_server.deploy(replace(ELASTIC, max_replicas=1, images_per_replica=2), SlowReplica)
    with cluster_server.channel() as channel:
        calls = [stub(channel).Detect.future(wire.DetectRequest(image=image(11))) for _ in range(2)]
        waiting = [stub(channel).Detect.future(wire.DetectRequest(image=image(12))) for _ in range(2)]
        requests = [wire.DetectStreamRequest(request={"image": image(width)}) for width in (13, 14)]
        stream = stub(channel).DetectStream(iter(requests))
        assert next(stream).response.width_px == 13
        serve.delete(ray_serve.NAME, _blocking=False)
        ends = [call.exception(PATIENCE_S) for call in (*calls, *waiting)]
        print("DRAIN", [end and (end.code(), end.details()) for end in ends])
        try:
            print("STREAM", [reply.response.width_px for reply in stream])
        except grpc.RpcError as error:
            print("STREAM", error.code(), error.details())
        eventually(lambda: ray_serve.NAME not in serve.status().applications, "it is gone")
        with pytest.raises(grpc.RpcError) as late:
            stub(channel).GetModelInfo(wire.GetModelInfoRequest())
        print("LATE", late.value.code(), late.value.details())
