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
  the workers read images themselves, see `detector.folders.sharded.shard_worker`. So the memory that backpressure must
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

import ray
from ray.data import ActorPoolStrategy, DataContext
from ray.exceptions import RayError

from detector.folders.progress import FolderSummary
from detector.folders.sharded.shard_worker import ShardMaker, Work
from detector.folders.sharded.storage import StorageDir
from detector.folders.sharded.work_units import Listing, read_lines, work_unit
from detector.results.errors import DetectorError, InvalidOptionError, ServiceUnavailableError
from detector.system.addresses import refusal


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
    """Provide this process as the driver of a job on the cluster.

    Raises:
        InvalidOptionError: if there is no such cluster.
    """
    _check_address(cluster.address or os.environ.get("RAY_ADDRESS", ""))
    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(cluster.address, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError, RayError) as error:
        raise InvalidOptionError(
            "address",
            f"no Ray cluster can be reached: {error}; one that asks for a token needs RAY_AUTH_MODE=token here, too",
        ) from error
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
        InvalidOptionError: if a worker cannot work, for example because its machine lacks the folder.
        ServiceUnavailableError: if the work cannot go on, for example because a shard cannot be written.
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
        compute=_pool(cluster, listing.units),
        num_cpus=cluster.cpus_per_worker,
    )
    try:
        for row in shards.iter_rows():
            yield _summary(row)
    except RayError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise ServiceUnavailableError(lines[-1] if lines else type(error).__name__) from error


_COUNTS = ("rows", "errors", "digits", "numbers")


def _summary(row: dict[str, Any]) -> FolderSummary:
    if row["refused"]:
        raise InvalidOptionError("engine", f"a worker cannot work: {row['refused']}")
    if row["failed"]:
        raise ServiceUnavailableError(f"a shard cannot be made: {row['failed']}")
    return FolderSummary(*(row[name] for name in _COUNTS))


@dataclass(frozen=True)
class _Lines:
    """The units of a file of the list, each as its line: Arrow's text, unlike bytes, takes no odd file names."""

    output: StorageDir

    def __call__(self, row: dict[str, int]) -> list[dict[str, bytes]]:
        return [{"unit": line} for line in read_lines(self.output, row["item"])]


class _Worker:
    """A worker that cannot work says so in what it returns when it is given a unit.

    Ray Data cannot tell an error at the start from the loss of the machine, nor from a worker that was called off
    before it had started: these may happen at any time, and must not end the job, see `_adapt`. And an error that is
    raised by a unit comes to the driver as many lines of text.
    """

    def __init__(self, work: Work, model: list[ray.ObjectRef]) -> None:
        self._maker: ShardMaker | Exception
        try:
            self._maker = ShardMaker(replace(work, model=ray.get(model[0])))
        except (DetectorError, OSError, ValueError) as error:  # ValueError: what pyarrow raises of a store
            self._maker = error

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        (line,) = batch["unit"]
        summary, refused, failed = FolderSummary(), "", ""
        if isinstance(self._maker, Exception):
            refused = str(self._maker)
        else:
            try:
                summary = self._maker.make(work_unit(line))
            except OSError as error:
                failed = f"on {socket.gethostname()}: {error}"
        counts = {name: [getattr(summary, name)] for name in _COUNTS}
        return counts | {"refused": [refused], "failed": [failed]}


def _check_address(address: str) -> None:
    """Look whether anybody listens there: Ray itself would try for minutes."""
    if "://" in address:
        raise InvalidOptionError(
            "address",
            f"{address}: run this on a node of the cluster and name its host:port, or use ray job submit",
        )
    if reason := refusal(address):
        raise InvalidOptionError("address", f"no Ray cluster at {address}: {reason}")


def _pool(cluster: RayCluster, units: int) -> ActorPoolStrategy:
    """Workers for the processors that are there now, at once; for those that come later, when they come."""
    now = int(ray.cluster_resources().get("CPU", 0)) // cluster.cpus_per_worker
    most = max(1, min(cluster.workers or units, units))
    return ActorPoolStrategy(min_size=1, max_size=most, initial_size=max(1, min(now, most)))


def _adapt(context: DataContext) -> None:
    context.target_max_block_size = 1  # byte: so each row is a block, which a worker is given and gives back
    context.max_consecutive_actor_init_deaths = -1  # no number of machines that are lost ends the job
    # The job says how far it is itself, in its own rows, and what ends it.
    context.log_internal_stack_trace = False
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
