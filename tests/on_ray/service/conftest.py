"""The embedded model behind the proxies of a cluster of two nodes."""

import importlib.util
import os
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from detector.results.interface import MAX_MESSAGE_BYTES
from detector.serving.ray.cluster_settings import ClusterSettings
from tests.detector.serving.conftest import channel, client  # noqa: F401 - the same fixtures, of another server
from tests.detector.serving.harness import free_port

if TYPE_CHECKING:
    from tests.on_ray.service.applications import RayServer

if importlib.util.find_spec("ray") is None:
    collect_ignore_glob = ["*"]
else:
    with warnings.catch_warnings():  # Ray uses what pydantic will drop
        warnings.simplefilter("ignore", DeprecationWarning)
        import ray.serve  # noqa: F401

USUAL = ClusterSettings(min_replicas=2, max_replicas=2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ray leaves sockets of this process to the garbage collector, whatever test runs then."""
    for item in items:
        if item.get_closest_marker("ray"):
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"))


@pytest.fixture(scope="session")
def cluster_server() -> Iterator["RayServer"]:
    from tests.on_ray.clusters import running_cluster  # noqa: PLC0415 - there may be no Ray
    from tests.on_ray.service.applications import RayServer  # noqa: PLC0415

    os.environ["RAY_SERVE_GRPC_MAX_MESSAGE_SIZE"] = str(MAX_MESSAGE_BYTES)  # as docs/ray.md says
    with running_cluster((3, 3)):
        server = RayServer(free_port())
        server.start()
        yield server


@pytest.fixture(scope="module")
def server(cluster_server: "RayServer") -> "RayServer":
    """With what the one-machine suite asks for; the same for each module that asks."""
    cluster_server.deploy(USUAL)
    return cluster_server
