"""The service on Ray Serve: a thin ingress takes calls from Ray's gRPC proxies, replicas with the model answer them.

    client -> Ray's proxy (any node) -> RayIngress (no TensorFlow) -> Detector (one model, `cpus` threads)

`app` is the application with all defaults, for `serve build`; `build` makes one of arguments, for `serve run` and
configuration files. The only module of the service that imports Ray.
"""

import asyncio
import logging
import os
import time
from contextlib import suppress
from typing import Any

import ray
from pydantic import TypeAdapter
from ray import serve
from ray.exceptions import RayError, RayTaskError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, ReplicaUnavailableError
from ray.serve.handle import DeploymentHandle, DeploymentResponse

from detector.cluster_address import refusal
from detector.errors import DetectorError, OverloadedError, ServerStartError, ServiceUnavailableError
from detector.interface import MAX_MESSAGE_BYTES
from detector.self_check import check, load_checked
from detector.serving import logs
from detector.serving.answering import Answering
from detector.serving.client import DetectorClient
from detector.serving.cluster import ClusterAddress, ClusterSettings
from detector.serving.ingress import Ingress
from detector.serving.listening import address
from detector.serving.orders import Orders, end_process
from detector.serving.proxied import REGISTER
from detector.serving.settings import WorkLimits
from detector.serving.surroundings import available_cores, prepare_replica
from detector.serving.threads import done_before, in_thread
from detector.serving.workbench import Workbench
from detector.v1 import detector_pb2 as wire

_log = logging.getLogger(__name__)

NAME = "digit-detector"
"""The application's; a caller of one of several names it in the metadata `application`."""

_CALLS_PER_PLACE = 4
"""Calls of any kind that may be open in an ingress per image or stream that it admits."""

_HEALTH_PERIOD_S, _HEALTH_TIMEOUT_S = 10.0, 30.0
"""Between two looks at the built-in image, and for one: the largest image beside it slows it down."""

_LOOK_BACK_S = 15.0
"""The number of images in work and waiting is averaged over so long; Ray wants more than 10 s."""

_POLL_S = 0.2
"""Between two looks at whether an application is gone."""

_GONE = (RayError, DeploymentUnavailableError, ReplicaUnavailableError)
"""What a handle raises if the replica that had the call has ended, or there is none."""


class Detector:
    """A replica with the model: it is ready when the model has found what its manifest records."""

    def __init__(self, settings: ClusterSettings) -> None:
        # What Ray gave it may be other than what the settings say: a configuration file can overrule them.
        cpus = ray.get_runtime_context().get_assigned_resources().get("CPU", 1)
        prepare_replica(max(1, int(cpus)), settings.log_format)
        self._detector = load_checked(settings.model, settings.runtime)
        workbench = Workbench(WorkLimits(places=settings.places))
        workbench.open(self._detector)
        self._answering = Answering(workbench)

    async def detect(self, request: bytes) -> wire.DetectStreamResponse:
        """See `detector.serving.ingress.Replicas`."""
        return await self._answering.outcome(wire.DetectRequest.FromString(request))

    async def info(self) -> wire.ModelInfo:
        """See `detector.serving.ingress.Replicas`."""
        return await self._answering.info()

    async def check_health(self) -> None:
        """Looks at the built-in image, beside what else is in work; Ray replaces a replica that fails.

        Raises:
            ModelError: if it does not find what it should.
        """
        await asyncio.to_thread(check, self._detector)


class RayIngress(Ingress):
    """Takes calls from Ray's proxies.

    Args:
        detector: the replicas of `Detector`.
        settings: how much it takes on.
    """

    def __init__(self, detector: DeploymentHandle, settings: ClusterSettings) -> None:
        logs.configure(settings.log_format)
        super().__init__(_Handle(detector), settings)

    async def close(self) -> str:
        """Drains; returns which of the ingresses it was."""
        await self.drain()
        return str(serve.get_replica_context().replica_id.unique_id)


class _Handle:
    """The replicas behind a handle of Ray's, with errors of ours."""

    def __init__(self, handle: DeploymentHandle) -> None:
        self._handle = handle

    async def detect(self, request: bytes) -> wire.DetectStreamResponse:
        reply: wire.DetectStreamResponse = await _answer(self._handle.detect.remote(request))
        return reply

    async def info(self) -> wire.ModelInfo:
        info: wire.ModelInfo = await _answer(self._handle.info.remote())
        return info


async def _answer(response: DeploymentResponse) -> Any:
    """What a replica returns; when the caller is cancelled, so is the replica's work."""
    try:
        return await response
    except BackPressureError as error:
        raise OverloadedError("all places are taken; try again later") from error
    except RayTaskError:
        raise  # a defect of ours
    except _GONE as error:
        raise ServiceUnavailableError("the replica that had the call has ended; try again") from error
    except asyncio.CancelledError:
        response.cancel()
        raise


def build(arguments: dict[str, Any]) -> serve.Application:
    """The application, made of arguments as a command line or a configuration file has them.

    Args:
        arguments: by the names of `ClusterSettings`.

    Raises:
        pydantic.ValidationError: if one has no such name or type.
    """
    return application(TypeAdapter(ClusterSettings).validate_python(arguments))


def application(settings: ClusterSettings, replica: type = Detector) -> serve.Application:
    """The application: the ingress, and the replicas behind it.

    Args:
        settings: what it takes on.
        replica: made with the settings; it is to have the methods of `detector.serving.ingress.Replicas`.
    """
    open_calls = _CALLS_PER_PLACE * (settings.max_replicas * settings.places + settings.streams)
    common = {
        "graceful_shutdown_timeout_s": settings.grace_s,
        "health_check_period_s": _HEALTH_PERIOD_S,
        "health_check_timeout_s": _HEALTH_TIMEOUT_S,
        "logging_config": {"enable_access_log": False},  # the ingress writes a line for each call
    }
    detector = serve.deployment(
        replica,
        name=Detector.__name__,
        ray_actor_options={"num_cpus": settings.cpus},
        max_ongoing_requests=settings.places,
        max_queued_requests=settings.queue,
        autoscaling_config={
            "min_replicas": settings.min_replicas,
            "max_replicas": settings.max_replicas,
            "target_ongoing_requests": settings.target_images,
            "upscale_delay_s": settings.upscale_delay_s,
            "downscale_delay_s": settings.downscale_delay_s,
            "look_back_period_s": _LOOK_BACK_S,
        },
        **common,
    )
    ingress = serve.deployment(
        RayIngress,
        num_replicas=settings.ingresses,
        ray_actor_options={"num_cpus": 0},  # it needs little, and takes no place from a model
        max_ongoing_requests=open_calls,
        max_queued_requests=open_calls,
        **common,
    )
    return ingress.bind(detector.bind(settings), settings)


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
    orders = Orders()
    orders.heed_signals()
    deploying = in_thread(lambda: _deploy(settings, port), "deploy")
    try:
        if await done_before(deploying, orders.stop):
            print(f"ready: {wire.DESCRIPTOR.package} on {deploying.result()}", flush=True)
            await orders.stop.wait()
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
    """Starts the application; returns the address of a proxy, once it answers."""
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
    """The last words of the deployments that did not start: of a traceback, its exception."""
    status = serve.status().applications.get(NAME)
    messages = [found.message for found in status.deployments.values()] if status else []
    lines = [message.strip().splitlines()[-1] for message in messages if message.strip()]
    return "; ".join(lines)


def _node_with_a_proxy() -> str:
    """The address of a node at which a proxy listens: this one if there is one here."""
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
        with suppress(TimeoutError, *_GONE):
            _drain(settings)
    serve.delete(NAME, _blocking=False)
    while _is_deployed():
        time.sleep(_POLL_S)


def _drain(settings: ClusterSettings) -> None:
    """Waits until each ingress has said that it is drained; calls spread over them, so some are told twice.

    Raises:
        TimeoutError: if that takes longer than the grace.
    """
    ingresses = serve.get_app_handle(NAME)
    end = time.monotonic() + settings.grace_s
    drained: set[str] = set()
    while len(drained) < settings.ingresses:
        calls = [ingresses.close.remote() for _ in range(2 * settings.ingresses)]
        drained |= {call.result(timeout_s=max(0.0, end - time.monotonic())) for call in calls}


app = application(ClusterSettings())
