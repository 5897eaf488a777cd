"""The service on a Ray cluster: deployed, kept until it is told to stop, and withdrawn without losing a call.

Only this module and `detector.serving.ray.application` import Ray.
"""

import asyncio
import logging
import os
import time
from contextlib import suppress
from typing import Any

import ray
from ray import serve

from detector.results.errors import DetectorError, ServerStartError
from detector.results.interface import MAX_MESSAGE_BYTES
from detector.serving.client import DetectorClient
from detector.serving.ray.application import REPLICA_GONE, application
from detector.serving.ray.cluster_settings import ClusterAddress, ClusterSettings
from detector.serving.ray.raw_methods import REGISTER
from detector.serving.server.processes.environment import (
    ServerControl,
    available_cores,
    done_before,
    end_process,
    in_thread,
)
from detector.serving.telemetry import logs
from detector.system.addresses import address, refusal
from detector.v1 import detector_pb2 as wire

_log = logging.getLogger(__name__)

NAME = "digit-detector"
"""The application's; a caller of one of several names it in the metadata `application`."""

_POLL_S = 0.2
"""Between two looks at whether an application is gone."""


def run(settings: ClusterSettings, where: ClusterAddress, insecure: bool = False) -> int:
    """Deploys the application and keeps it until SIGTERM or SIGINT; a second signal ends this process at once.

    Prints `ready: detector.v1 on HOST:PORT` when it answers. The application on a cluster is replaced, one replica
    after the other, by what is deployed next.

    Args:
        settings: what it takes on.
        where: the cluster, and the port of its proxies.
        insecure: other machines are meant to reach them in the clear; else a warning says that they can.

    Returns:
        0, the process's exit code.

    Raises:
        ServerStartError: if there is no cluster there, or the application cannot start on it.
    """
    logs.configure(settings.log_format)
    if not insecure:
        _log.warning(
            "Ray's proxies listen at port %d of every address of their nodes, without TLS: keep others from it, or put "
            "Envoy in front (deploy/envoy.yaml); --insecure says that this is meant",
            where.port,
        )
    _connect(where.address)
    try:
        asyncio.run(_keep(settings, where.port))
    finally:
        ray.shutdown()
    return 0


def _connect(cluster: str | None) -> None:
    own: dict[str, Any] = {}
    if cluster is None:  # all its processes inherit what is set here
        os.environ.setdefault("RAY_SERVE_GRPC_MAX_MESSAGE_SIZE", str(MAX_MESSAGE_BYTES))
        own = {"num_cpus": available_cores(), "include_dashboard": False}
    else:
        reason = refusal(cluster)
        if reason:
            raise ServerStartError(f"no Ray cluster listens at {cluster}: {reason}")
    try:
        ray.init(cluster or "local", namespace="serve", logging_level=logging.WARNING, **own)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ServerStartError(
            f"no Ray cluster can be used at {cluster or 'this machine'}: {error}"
        ) from error


async def _keep(settings: ClusterSettings, port: int) -> None:
    control = ServerControl()
    control.install_signal_handlers()
    deploying = in_thread(lambda: _deploy(settings, port), "deploy")
    try:
        if await done_before(deploying, control.stop):
            print(f"ready: {wire.DESCRIPTOR.package} on {deploying.result()}", flush=True)
            await control.stop.wait()
    finally:
        while not (deploying.done() or _is_deployed()):
            await asyncio.sleep(_POLL_S)
        await in_thread(lambda: withdraw(settings), "withdraw")
    if not deploying.done():  # Ray would wait for ever for what has been taken away
        ray.shutdown()
        end_process()


def _is_deployed() -> bool:
    return NAME in serve.status().applications


def _deploy(settings: ClusterSettings, port: int) -> str:
    """Start the application; return the address of a proxy, once it answers."""
    serve.start(
        grpc_options={"port": port, "grpc_servicer_functions": list(REGISTER)},
        http_options={"port": 0},  # nothing is served there, and another program may have Ray's own choice
    )
    try:
        serve.run(application(settings), name=NAME, route_prefix=f"/{NAME}")
    except RuntimeError as error:
        raise ServerStartError(f"the application cannot start: {_why_not() or error}") from error
    proxy = address(_node_with_a_proxy(), port)
    try:
        with DetectorClient(proxy) as client:
            client.info()
    except DetectorError as error:
        raise ServerStartError(
            f"the application runs, but Ray's proxy at {proxy} does not lead to it ({error}): Serve was started on "
            "this cluster with other gRPC options, which it keeps until `serve shutdown`"
        ) from error
    return proxy


def _why_not() -> str:
    """Return the last words of the deployments that did not start: of a traceback, its exception."""
    status = serve.status().applications.get(NAME)
    messages = [found.message for found in status.deployments.values()] if status else []
    lines = [message.strip().splitlines()[-1] for message in messages if message.strip()]
    return "; ".join(lines)


def _node_with_a_proxy() -> str:
    """Return the address of a node at which a proxy listens: this one if there is one here."""
    proxies = serve.status().proxies
    here = ray.get_runtime_context().get_node_id()
    nodes = sorted(ray.nodes(), key=lambda node: node["NodeID"] != here)
    return next(str(node["NodeManagerAddress"]) for node in nodes if node["NodeID"] in proxies)


def withdraw(settings: ClusterSettings) -> None:
    """Has all that was taken on finished, and deletes the application.

    Ray alone would stop ingresses and replicas at once, and what the ones have not yet handed to the others is lost.
    """
    status = serve.status().applications.get(NAME)
    if status is not None and status.status == "RUNNING":
        with suppress(TimeoutError, *REPLICA_GONE):
            _drain(settings)
    serve.delete(NAME, _blocking=False)
    while _is_deployed():
        time.sleep(_POLL_S)


def _drain(settings: ClusterSettings) -> None:
    """Wait until each ingress has said that it is drained; calls spread over them, so some are told twice.

    Raises:
        TimeoutError: if that takes longer than the grace.
    """
    ingresses = serve.get_app_handle(NAME)
    end = time.monotonic() + settings.grace_s
    drained: set[str] = set()
    while len(drained) < settings.ingresses:
        calls = [ingresses.close.remote() for _ in range(2 * settings.ingresses)]
        drained |= {call.result(timeout_s=max(0.0, end - time.monotonic())) for call in calls}
