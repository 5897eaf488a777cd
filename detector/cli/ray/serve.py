"""The part of `digit-detector serve` that is for a cluster."""

import argparse

from detector.cli.options import whole_number
from detector.results.errors import ServerStartError
from detector.serving.ray.cluster_settings import ClusterAddress, ClusterSettings

_OF_ONE_MACHINE = {
    "max_megapixels": "replicas take images of up to 100 megapixels",
    "host": "Ray's proxies listen on every address of their nodes",
    "processes": "use --min-replicas and --max-replicas",
    "watch_model": "Ray's own `serve deploy` replaces one replica after the other",
    "tls_cert": "Ray's proxies speak no TLS; put Envoy in front, see deploy/envoy.yaml",
    "tls_key": "Ray's proxies speak no TLS; put Envoy in front, see deploy/envoy.yaml",
    "client_ca": "Ray's proxies speak no TLS; put Envoy in front, see deploy/envoy.yaml",
    "tokens": "Ray's proxies ask for no token; put Envoy in front, see deploy/envoy.yaml",
    "health_auth": "Ray's proxies ask for no token; put Envoy in front, see deploy/envoy.yaml",
    "metrics_port": "Ray has a page of its own on each node, see ray start --metrics-export-port",
    "metrics_host": "Ray has a page of its own on each node, see ray start --metrics-export-port",
    "tracing": "Ray has its own, see ray start --tracing-startup-hook",
}
"""Options that mean nothing on a cluster, and what to do instead."""

_OF_A_CLUSTER = ("address", "cpus", "min_replicas", "max_replicas")


def add_engine(parser: argparse.ArgumentParser) -> None:
    """--engine, and what goes with it."""
    group = parser.add_argument_group("on a Ray cluster")
    group.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="local serves from this machine (default); ray from a Ray cluster, through its proxies, and needs "
        "digit-detector[ray]",
    )
    group.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="the Ray cluster's head, as `ray start` names it (default: a cluster of its own on this machine, which "
        "ends with the command)",
    )
    for name, meaning in (
        ("cpus", "processors that each replica gets, and threads that its model computes with"),
        ("min-replicas", "minimum number of replicas"),
        ("max-replicas", "maximum number of replicas, under load"),
    ):
        default = getattr(ClusterSettings, name.replace("-", "_"))
        group.add_argument(
            f"--{name}", type=whole_number(1, 10_000), metavar="N", help=f"{meaning} (default: {default})"
        )


def settings_of(args: argparse.Namespace) -> ClusterSettings:
    """Return the settings of the service on a cluster.

    Raises:
        ServerStartError: if it is told what means nothing there.
    """
    lowest = args.min_replicas or ClusterSettings.min_replicas
    highest = args.max_replicas or max(lowest, ClusterSettings.max_replicas)
    if lowest > highest:
        raise ServerStartError(f"--min-replicas {lowest} is more than --max-replicas {highest}")
    return ClusterSettings(
        model=args.model and args.model.resolve(),
        runtime=args.runtime or ClusterSettings.runtime,
        cpus=args.cpus or ClusterSettings.cpus,
        min_replicas=lowest,
        max_replicas=highest,
        max_concurrent_images=args.max_concurrent_images,
        grace_s=args.grace,
        log_format=args.log_format,
    )


def address_of(args: argparse.Namespace) -> ClusterAddress:
    """Where the cluster is, and where it is to listen.

    Raises:
        ServerStartError: if its port is left open.
    """
    if args.port == 0:
        raise ServerStartError("--port 0: Ray's proxies listen at the same port on every node; name it")
    return ClusterAddress(args.address, args.port)


def check_engine_options(args: argparse.Namespace, defaults: argparse.ArgumentParser) -> None:
    """Refuses options that mean nothing to the engine that is chosen.

    Raises:
        ServerStartError: naming the first of them, and what to do instead.
    """
    given = [name for name in vars(args) if getattr(args, name) != defaults.get_default(name)]
    for name in given:
        option = f"--{name.replace('_', '-')}"
        if args.engine == "ray" and name in _OF_ONE_MACHINE:
            raise ServerStartError(f"{option} means nothing with --engine ray: {_OF_ONE_MACHINE[name]}")
        if args.engine != "ray" and name in _OF_A_CLUSTER:
            raise ServerStartError(f"{option} means nothing without --engine ray")
