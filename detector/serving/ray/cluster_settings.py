"""The settings of a service on a cluster: plain values, complete before Ray is imported."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True)
class ClusterSettings:
    """A service of several replicas, each a process with a model of its own.

    Attributes:
        model: a model's folder, at the same path on every node; None for the embedded one.
        runtime: what computes it, see `detector.models.runtimes`.
        cpus: processors that each replica gets; its network computes with as many threads.
        min_replicas: there are always so many.
        max_replicas: there are never more.
        max_concurrent_images: images that a replica takes on at once, waiting or in work.
        target_images: images in work or waiting per replica from which on there should be more replicas.
        upscale_delay_s: for how long there must be more images before there are more replicas.
        downscale_delay_s: for how long there must be fewer before there are fewer.
        queue: images that each ingress has not handed to a replica yet, for want of room or for a moment; it refuses
            more as OVERLOADED.
        ingresses: processes that take calls and spread them over the replicas.
        streams: open DetectStream calls of an ingress.
        stream_window: images of one stream that are read ahead.
        grace_s: seconds that work in flight gets to finish when a replica is told to stop.
        log_format: "text" or "json".
    """

    model: Path | None = None
    runtime: str = "openvino"
    cpus: int = 1
    min_replicas: int = 1
    max_replicas: int = 4
    max_concurrent_images: int = 16
    target_images: float = 4.0
    upscale_delay_s: float = 10.0
    downscale_delay_s: float = 300.0
    queue: int = 16
    ingresses: int = 2
    streams: int = 16
    stream_window: int = 4
    grace_s: float = 30.0
    log_format: str = "text"

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    """For Ray, which makes it of the arguments in a file or on a command line: a misspelt one is an error."""


@dataclass(frozen=True)
class ClusterAddress:
    """Where the cluster is.

    Attributes:
        address: HOST:PORT of its head; None for one on this machine that lasts as long as the service.
        port: at which the proxy of each node listens.
    """

    address: str | None = None
    port: int = 50051
