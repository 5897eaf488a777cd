"""The service on Ray Serve: a thin ingress takes calls from Ray's gRPC proxies, replicas with the model answer them.

    client -> Ray's proxy (any node) -> RayIngress (no TensorFlow) -> Detector (one model, `cpus` threads)

`app` is the application with all defaults, for `serve build`; `build` makes one of arguments, for `serve run` and
configuration files. The only module of the service that imports Ray.
"""

import asyncio
from typing import Any

import ray
from pydantic import TypeAdapter
from ray import serve
from ray.exceptions import RayError, RayTaskError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, ReplicaUnavailableError
from ray.serve.handle import DeploymentHandle, DeploymentResponse

from detector.pipeline.loading import check, load_checked
from detector.results.errors import OverloadedError, ServiceUnavailableError
from detector.serving.ray.cluster_settings import ClusterSettings
from detector.serving.ray.ingress import Ingress
from detector.serving.server.inference_queue import InferenceQueue
from detector.serving.server.processes.environment import prepare_replica
from detector.serving.server.service import outcome
from detector.serving.server.servicer import QueueBackend
from detector.serving.server.settings import CALLS_PER_IMAGE, WorkLimits
from detector.serving.telemetry import logs
from detector.v1 import detector_pb2 as wire

_HEALTH_PERIOD_S, _HEALTH_TIMEOUT_S = 10.0, 30.0
"""Between two looks at the built-in image, and for one: the largest image beside it slows it down."""

_LOOK_BACK_S = 15.0
"""The number of images in work and waiting is averaged over so long; Ray wants more than 10 s."""

REPLICA_GONE = (RayError, DeploymentUnavailableError, ReplicaUnavailableError)
"""Errors of a handle whose replica has ended, or never was."""


class Detector:
    """A replica with the model: it is ready when the model has found what its manifest records."""

    def __init__(self, settings: ClusterSettings) -> None:
        # What Ray gave it may be other than what the settings say: a configuration file can overrule them.
        cpus = ray.get_runtime_context().get_assigned_resources().get("CPU", 1)
        prepare_replica(max(1, int(cpus)), settings.log_format)
        self._detector = load_checked(settings.model, settings.runtime)
        inference_queue = InferenceQueue(WorkLimits(max_concurrent_images=settings.max_concurrent_images))
        inference_queue.open(self._detector)
        self._backend = QueueBackend(inference_queue)

    async def detect(self, request: bytes) -> wire.DetectStreamResponse:
        """See `detector.serving.ray.ingress.Replicas`."""
        return await outcome(self._backend, wire.DetectRequest.FromString(request))

    async def info(self) -> wire.ModelInfo:
        """See `detector.serving.ray.ingress.Replicas`."""
        return await self._backend.info()

    async def check_health(self) -> None:
        """Look at the built-in image, beside what else is in work; Ray replaces a replica that fails.

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
    """Return a replica's reply; when the caller is cancelled, so is the replica's work."""
    try:
        return await response
    except BackPressureError as error:
        raise OverloadedError("overloaded: no replica has room; try again later") from error
    except RayTaskError:
        raise  # a defect of ours
    except REPLICA_GONE as error:
        raise ServiceUnavailableError("the replica that had the call has ended; try again") from error
    except asyncio.CancelledError:
        response.cancel()
        raise


def build(arguments: dict[str, Any]) -> serve.Application:
    """Return the application, made of arguments as a command line or a configuration file has them.

    Args:
        arguments: by the names of `ClusterSettings`.

    Raises:
        pydantic.ValidationError: if one has no such name or type.
    """
    return application(TypeAdapter(ClusterSettings).validate_python(arguments))


def application(settings: ClusterSettings, replica: type = Detector) -> serve.Application:
    """Return the application: the ingress, and the replicas behind it.

    Args:
        settings: what it takes on.
        replica: made with the settings; it is to have the methods of `detector.serving.ray.ingress.Replicas`.
    """
    max_open_calls = CALLS_PER_IMAGE * (
        settings.max_replicas * settings.max_concurrent_images + settings.streams
    )
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
        max_ongoing_requests=settings.max_concurrent_images,
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
        max_ongoing_requests=max_open_calls,
        max_queued_requests=max_open_calls,
        **common,
    )
    return ingress.bind(detector.bind(settings), settings)


app = application(ClusterSettings())
