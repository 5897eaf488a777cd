"""The engine of a sharded job on many machines: Ray Data gives units to a pool of workers that grows with the cluster.

What Ray Data does: it starts workers where there are processors, hands each the next unit, starts them again when
their machine is lost and gives their units to others, and asks a cluster that can grow for more machines. What it
does not do, for reasons:

- It writes no files. `Dataset.write_json` shows files that are still being written, and names them by chance, so a
  task that runs twice (its machine was thought lost) leaves its rows twice. Here a worker writes the shard of its
  unit, whole and under the unit's own name.
- It keeps no checkpoints. Its `CheckpointConfig` (2.60) keeps the name of each finished image, loads all of them into
  the memory of one process to go on, a hundred bytes and more for each of a billion; forgets them when a run
  succeeds; and a writer of a lost run that is still alive when the next run has begun leaves a file that no
  checkpoint knows: rows that come twice. Here a unit is done when its shard is there, which nobody has to remember.
- It moves no images. Through its object store go the names of a unit, some 50 kB, one way and four counts the other;
  the workers read images themselves, see `detector.folders.sharded.worker`. So the memory that backpressure must
  bound is that of names: of the units that wait, Ray Data holds no more than its budget.
"""

import logging
import os
import signal
import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import ray
from ray.data import ActorPoolStrategy, DataContext
from ray.exceptions import RayError

from detector.errors import DetectorError, InvalidOptionError, ServiceUnavailableError
from detector.folders.sharded.places import Place
from detector.folders.sharded.units import Listing, read_lines, unit_of
from detector.folders.sharded.worker import ShardMaker, Work
from detector.folders.summary import FolderSummary

_CONNECT_SECONDS = 10


@dataclass(frozen=True)
class RayCluster:
    """Where the workers run.

    Attributes:
        address: of the cluster, host:port; None for the one that RAY_ADDRESS names, or else one on this machine alone.
        workers: workers at most; None for as many as there are processors for, also when the cluster grows.
        cpus_per_worker: processors of each.
    """

    address: str | None = None
    workers: int | None = None
    cpus_per_worker: int = 1


@contextmanager
def connected(cluster: RayCluster) -> Iterator[None]:
    """This process as the driver of a job on the cluster.

    Raises:
        InvalidOptionError: if there is no such cluster.
    """
    _check_address(cluster.address or os.environ.get("RAY_ADDRESS", ""))
    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(cluster.address, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise InvalidOptionError("address", f"no Ray cluster can be reached: {error}") from error
    try:
        signal.signal(signal.SIGTERM, on_sigterm)  # Ray puts its own there
        yield
    finally:
        ray.shutdown()


def make_shards(work: Work, listing: Listing, cluster: RayCluster) -> Generator[FolderSummary]:
    """Has every shard made that is not there.

    Yields:
        What is in a shard, for each, as they are made or found.

    Raises:
        DetectorError: if the work cannot go on, for example because a shard cannot be written.
    """
    _adapt(DataContext.get_current())
    model = ray.put(work.model)
    units = (
        ray.data.from_items(list(range(listing.files)), override_num_blocks=max(1, listing.files))
        # A task without processors runs beside workers that take every processor, too: it would wait for ever.
        .flat_map(_Lines(work.job.output), num_cpus=0, concurrency=1)
    )
    shards = units.map_batches(
        _Worker,
        # The model is sent once to each machine; workers that start anew get it from the driver, which keeps it.
        fn_constructor_args=(replace(work, model={}), [model]),
        batch_size=1,
        batch_format="numpy",
        compute=_pool(cluster),
        num_cpus=cluster.cpus_per_worker,
    )
    try:
        for batch in shards.iter_batches(batch_size=None, prefetch_batches=0, batch_format="numpy"):
            for counts in zip(*(batch[name].tolist() for name in _COUNTS), strict=True):
                yield FolderSummary(*counts)
    except RayError as error:
        raise _reason(error) from error


_COUNTS = ("rows", "errors", "digits", "numbers")


@dataclass(frozen=True)
class _Lines:
    """The units of a file of the list, each as its line: Arrow's text, unlike bytes, takes no odd file names."""

    output: Place

    def __call__(self, row: dict[str, int]) -> list[dict[str, bytes]]:
        return [{"unit": line} for line in read_lines(self.output, row["item"])]


class _Worker:
    def __init__(self, work: Work, model: list[ray.ObjectRef]) -> None:
        self._maker = ShardMaker(replace(work, model=ray.get(model[0])))

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        summaries = [self._maker.make(unit_of(line)) for line in batch["unit"]]
        return {name: np.array([getattr(summary, name) for summary in summaries]) for name in _COUNTS}


def _check_address(address: str) -> None:
    """Looks whether anybody listens there: Ray itself would try for minutes."""
    if "://" in address:
        raise InvalidOptionError(
            "address",
            f"{address}: run this on a node of the cluster and name its host:port, or use ray job submit",
        )
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal()):
        return  # nothing, or one of Ray's words, such as auto
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except OSError as error:
        raise InvalidOptionError("address", f"no Ray cluster at {address}: {error}") from error


def _pool(cluster: RayCluster) -> ActorPoolStrategy:
    """Workers for the processors that are there now, at once; for those that come later, when they come."""
    now = int(ray.cluster_resources().get("CPU", 0)) // cluster.cpus_per_worker
    most = cluster.workers
    initial = max(1, now if most is None else min(now, most))
    return ActorPoolStrategy(min_size=1, max_size=most, initial_size=initial)


def _adapt(context: DataContext) -> None:
    context.target_max_block_size = (
        1  # a byte, so each row is a block: what a worker is given, and gives back, at a time
    )
    # The job says how far it is itself, in its own rows.
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)


def _reason(error: BaseException) -> DetectorError:
    """What a worker raised, found in what Ray made of it."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, DetectorError):
            return inner
        cause = getattr(inner, "cause", None)
        inner = cause if isinstance(cause, BaseException) else inner.__cause__
    lines = [line for line in str(error).splitlines() if line.strip()]
    return ServiceUnavailableError(lines[-1].strip() if lines else type(error).__name__)
