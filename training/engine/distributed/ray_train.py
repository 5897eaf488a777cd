"""Training on several workers of a Ray cluster: Ray Train places and watches them, TensorFlow adds up their gradients.

A worker that dies ends the work of all; they are started again and go on from the last checkpoint in the output folder.
"""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from detector.results.errors import DetectorError
from detector.system.addresses import refusal
from training.engine.distributed.workers import Placement, Workers
from training.errors import TrainingError

try:
    import ray
    from ray.experimental import tqdm_ray
    from ray.train import LoggingConfig, RunConfig, ScalingConfig, WorkerGroupError
    from ray.train.tensorflow import TensorflowTrainer
except ImportError as error:
    raise TrainingError(
        f"--workers needs Ray ({error}): pip install 'digit-detector[ray]'; one worker needs nothing more"
    ) from error

_RESTARTS = 3

TrainFunction = Callable[[Workers], None]
"""A whole training, which every worker calls with itself as the argument; picklable."""


def train_on_ray(train: TrainFunction, placement: Placement) -> None:
    """Train on several workers to the end; start them again, up to three times, when one has died.

    Args:
        train: called in every worker; what it raises of this package's errors ends the run at once.
        placement: on which workers.

    Raises:
        TrainingError: if there is no such cluster, or workers died more often than that; what `train` raises.
        DetectorError: what `train` raises.
    """
    with _connected(placement):
        for restarts_left in reversed(range(_RESTARTS + 1)):
            try:
                _fit(train, placement)
            except WorkerGroupError as failure:
                causes = _causes(failure)
                for cause in causes.values():
                    if isinstance(cause, TrainingError | DetectorError):
                        raise cause from None
                failed = ", ".join(f"worker {rank}: {type(cause).__name__}" for rank, cause in causes.items())
                if not restarts_left:
                    raise TrainingError(
                        f"gave up after {_RESTARTS} restarts ({failed}): {failure}"
                    ) from failure
                print(f"{failed}; all workers start again from the last checkpoint", file=sys.stderr)
            else:
                return


@contextmanager
def _connected(placement: Placement) -> Iterator[None]:
    """Provide a connection to the cluster."""
    if reason := refusal(placement.address):
        raise TrainingError(f"--address {placement.address}: no Ray cluster listens there ({reason})")
    variables = {
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3"),
        "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",  # which would print what the silent workers print, too
    }
    try:
        ray.init(address=placement.address, runtime_env={"env_vars": variables}, logging_level="WARNING")
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise TrainingError(
            f"--address {placement.address}: no Ray cluster answers there ({error})"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _fit(train: TrainFunction, placement: Placement) -> None:
    """Start all workers once, and wait for them.

    In a thread of its own, because Ray would take Ctrl-C for itself in the main one and end this process with 0.
    """
    with TemporaryDirectory(prefix="ray-train-") as folder, ThreadPoolExecutor(1, "ray-train") as pool:
        trainer = TensorflowTrainer(
            _work,
            train_loop_config={"train": train, "cpus": placement.cpus},
            scaling_config=ScalingConfig(
                num_workers=placement.workers,
                resources_per_worker={"CPU": placement.cpus},
                placement_strategy="SPREAD",
            ),
            run_config=RunConfig(
                storage_path=folder,  # holds nothing: the output folder has the checkpoints
                logging_config=LoggingConfig(log_level="CRITICAL"),  # what ends a run is raised here
            ),
        )
        fitting = pool.submit(trainer.fit)
        try:
            fitting.result()
        except KeyboardInterrupt:
            ray.shutdown()  # ends what the thread waits for
            raise


def _work(config: dict[str, Any]) -> None:
    """Train in one worker."""
    from training.engine.distributed.mirrored import Mirrored, use_threads  # noqa: PLC0415 - TensorFlow, in workers only

    use_threads(config["cpus"])
    workers = Mirrored(_Bar)
    with ExitStack() as silence:
        if not workers.is_chief:
            nowhere = silence.enter_context(Path(os.devnull).open("w"))
            silence.enter_context(redirect_stdout(nowhere))
            silence.enter_context(redirect_stderr(nowhere))
        config["train"](workers)


def _causes(failure: WorkerGroupError) -> dict[int, BaseException]:
    """Return the error of each worker that failed, or Ray's word on its death; those that waited for it fail, too."""
    causes = {}
    for rank, error in failure.worker_failures.items():
        raised = getattr(error, "_base_exc", error)
        causes[rank] = getattr(raised, "health_check_failure", raised)
    return causes


class _Bar:
    """The chief's progress bar, drawn in the terminal of the command."""

    def __init__(self, total: int, done: int, name: str) -> None:
        self._bar = tqdm_ray.tqdm(total=total, desc=name, unit="step")
        self._bar.update(done)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def update(self) -> None:
        """Advance by one step."""
        self._bar.update()

    def write(self, text: str) -> None:
        """Print a line; Ray moves the bar out of its way."""
        print(text)
