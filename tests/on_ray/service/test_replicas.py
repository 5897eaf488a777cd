"""Processes die, models are damaged: what callers notice, and what comes back by itself."""

import os
import signal
from pathlib import Path

import pytest
from ray import serve

from detector.serving.client import DetectorClient
from detector.serving.ray import application
from detector.serving.ray.cluster_settings import ClusterSettings
from detector.serving.ray.deployment import NAME
from detector.v1 import detector_pb2 as wire
from tests.detector.serving.harness import stub
from tests.on_ray.service.applications import PATIENCE_S, RayServer, eventually, replicas
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


@pytest.mark.parametrize(
    ("deployment", "code"),
    [
        pytest.param("Detector", "UNAVAILABLE", id="a replica, of which the ingress tells"),
        # Ray's proxy does not say UNAVAILABLE, so nobody tries again: a row of docs/ray-differences.md.
        pytest.param("RayIngress", "INTERNAL", id="an ingress, of which Ray's proxy tells"),
    ],
)
def test_what_a_death_is_without_retries(deployment: str, code: str, server: RayServer, image: bytes) -> None:
    request = wire.DetectRequest(image=image)
    with server.channel() as channel, Load(lambda: stub(channel).Detect(request), callers=6) as load:
        load.go_on()
        eventually(lambda: len(replicas(deployment)) == 2, "both are there")
        for pid in replicas(deployment).values():
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: load.told[code], "somebody was told")
        load.go_on()
    assert set(load.told) == {"OK", code}


class Decaying(application.Detector):
    """A replica whose model can be made to find something else than its manifest records."""

    async def decay(self) -> None:
        record = self._detector.manifest.self_check
        for digit in record["digits"]:
            digit["label"] = (digit["label"] + 1) % 10


def test_a_replica_that_finds_something_else_is_replaced(
    cluster_server: RayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "_HEALTH_PERIOD_S", 1.0)
    cluster_server.deploy(ClusterSettings(max_replicas=1), Decaying)
    before = replicas("Detector")
    serve.get_deployment_handle("Detector", NAME).decay.remote().result(timeout_s=PATIENCE_S)
    eventually(lambda: replicas("Detector").keys() - before.keys(), "there is another")
    eventually(lambda: not replicas("Detector").keys() & before.keys(), "it is gone")
    eventually(cluster_server.answers, "the other answers")
