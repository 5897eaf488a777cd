"""Processes die, models are damaged: what callers notice, and what comes back by itself."""

import os
import signal
from pathlib import Path

import grpc
import pytest

from detector.serving.client import DetectorClient
from detector.v1 import detector_pb2 as wire
from tests.detector.serving.harness import stub
from tests.on_ray.service.applications import RayServer, eventually, replicas
from tests.on_ray.service.load import Load

pytestmark = pytest.mark.ray


@pytest.fixture
def image(real_images: dict[str, Path]) -> bytes:
    return real_images["31"].read_bytes()


def test_callers_with_retries_do_not_notice_that_a_replica_is_killed(server: RayServer, image: bytes) -> None:
    before = replicas("Detector")
    with DetectorClient(server.address) as client, Load(lambda: client.detect(image), callers=6) as load:
        load.go_on()
        os.kill(next(iter(before.values())), signal.SIGKILL)
        eventually(lambda: len(replicas("Detector").keys() - before.keys()) == 1, "there is another")
        load.go_on()
    assert set(load.told) == {"OK"}


def test_without_retries_the_death_of_a_replica_is_unavailable(server: RayServer, image: bytes) -> None:
    request = wire.DetectRequest(image=image)
    with server.channel() as channel, Load(lambda: stub(channel).Detect(request), callers=6) as load:
        for _ in range(3):
            load.go_on()
            eventually(lambda: len(replicas("Detector")) == 2, "both are there")
            os.kill(next(iter(replicas("Detector").values())), signal.SIGKILL)
        eventually(lambda: load.told["UNAVAILABLE"], "somebody was told")
    print("DETECTOR DEATH", load.told)
    assert set(load.told) == {"OK", "UNAVAILABLE"}


def test_what_rays_proxy_says_when_ingresses_die(server: RayServer, image: bytes) -> None:
    request = wire.DetectRequest(image=image)
    texts = set()

    def ask() -> None:
        try:
            stub(channel).Detect(request)
        except grpc.RpcError as error:
            texts.add((error.code().name, error.details()[:300]))
            raise

    with server.channel() as channel, Load(ask, callers=6) as load:
        for count in (1, 2, 2):
            load.go_on()
            eventually(lambda: len(replicas("RayIngress")) == 2, "both are there")
            for pid in list(replicas("RayIngress").values())[:count]:
                os.kill(pid, signal.SIGKILL)
            print("INGRESS", count, load.told)
        load.go_on()
    print("INGRESS DEATH", load.told, texts)
