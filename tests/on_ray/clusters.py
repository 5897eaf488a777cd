"""Ray clusters of several nodes, all of them on this machine."""

import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Clusters of tests are no strangers to each other, and leave no token in the home folder.
os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

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
        with warnings.catch_warnings():  # it leaves the sockets open with which it looked for free ports
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


def node(cpus: int) -> dict[str, object]:
    """How a node is started that says it has so many processors."""
    return {"num_cpus": cpus, "object_store_memory": STORE_BYTES, "include_dashboard": False}
