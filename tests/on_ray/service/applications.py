"""The service on the tests' cluster: deployed anew, looked into, and hurt."""

import time
from collections.abc import Callable

import grpc
from ray import serve
from ray._private import state

from detector.serving.client import DetectorClient
from detector.serving.ray import application as ray_serve
from detector.serving.ray.cluster_settings import ClusterSettings
from detector.serving.ray.deployment import NAME
from detector.serving.ray.raw_methods import REGISTER

PATIENCE_S = 240.0
"""For what takes seconds on an idle machine: a process with TensorFlow starts, a replica is replaced."""


class RayServer:
    """The service behind the proxies of the cluster to which this process is connected."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.address = f"127.0.0.1:{port}"

    def start(self) -> None:
        """Starts Ray's proxies, if they do not run."""
        grpc_options = {"port": self._port, "grpc_servicer_functions": list(REGISTER)}
        serve.start(grpc_options=grpc_options, http_options={"port": 0})

    def deploy(self, settings: ClusterSettings, replica: type = ray_serve.Detector) -> None:
        """Replaces what is deployed, and waits until that answers."""
        self.start()
        application = ray_serve.application(settings, replica)
        serve.run(application, name=NAME, route_prefix=f"/{NAME}")
        eventually(self.answers, "it answers")

    def answers(self) -> bool:
        try:
            with DetectorClient(self.address) as client:
                return client.is_serving()
        except Exception:
            return False

    def channel(self) -> grpc.Channel:
        options = [("grpc.enable_http_proxy", 0), ("grpc.max_send_message_length", -1)]
        return grpc.insecure_channel(self.address, options)


def replicas(deployment: str) -> dict[str, int]:
    """The processes of a deployment's replicas that live, by the names of their actors."""
    return {
        actor["Name"]: actor["Pid"]
        for actor in state.actors().values()  # its public face needs the dashboard
        if actor["State"] == "ALIVE" and f"#{deployment}#" in actor["Name"]
    }


def eventually(holds: Callable[[], object], what: str) -> None:
    """Waits until something holds."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, f"not after {PATIENCE_S:g} s: {what}"
        time.sleep(0.2)
