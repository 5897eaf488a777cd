"""Ray clusters of several nodes, all of them on this machine."""

import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Clusters of tests are no strangers to each other, and leave no token in the home folder.
os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
# At Ray's 15 its workers would get nothing beside other work on the machine.
os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - Ray spells it so

import ray
from ray.cluster_utils import Cluster

STORE_BYTES = 100 * 2**20
"""The object store of a node."""


@contextmanager
def started_cluster(cpus_of_nodes: tuple[int, ...]) -> Iterator[Cluster]:
    """A cluster to which nobody is connected yet.

    Args:
        cpus_of_nodes: what each node says that it has; the first is the head.
    """
    head, *others = cpus_of_nodes
    cluster = Cluster(initialize_head=True, head_node_args=node(head))
    try:
        for cpus in others:
            cluster.add_node(**node(cpus))
        yield cluster
    finally:
        cluster.shutdown()
        _forget_sockets()


@contextmanager
def running_cluster(cpus_of_nodes: tuple[int, ...]) -> Iterator[Cluster]:
    """A cluster to which this process is connected; arguments as above."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with started_cluster(cpus_of_nodes) as cluster:
        ray.init(cluster.address, namespace="serve", log_to_driver=False, logging_level="WARNING")
        _forget_sockets()
        try:
            yield cluster
        finally:
            ray.shutdown()


def node(cpus: int) -> dict[str, object]:
    """How a node is started that says it has so many processors."""
    return {"num_cpus": cpus, "object_store_memory": STORE_BYTES, "include_dashboard": False}


def _forget_sockets() -> None:
    """Ray leaves sockets to the garbage collector, which says so at the end of whatever test runs then."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
