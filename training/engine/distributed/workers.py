"""The workers of a training run: one process, or several that share each batch, and where they are placed.

Of several, one is the chief: it alone validates, writes and prints. The others only compute.
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from detector.results.detections import FloatArray
from detector.system.progress_bar import progress_bar
from training.errors import TrainingError

if TYPE_CHECKING:
    import keras

Step = Callable[[FloatArray, FloatArray], float]
"""A step: trains on a whole batch, images and targets, and returns the batch's loss."""


class Bar(Protocol):
    """A progress bar."""

    def __enter__(self) -> Self:
        """Return the bar itself."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Leave the bar as it is."""
        ...

    def update(self) -> object:
        """Advance by one step."""
        ...

    def write(self, text: str) -> None:
        """Print a line without damage to the bar."""
        ...


class Workers(Protocol):
    """The process that trains, or one of the processes that do."""

    @property
    def is_chief(self) -> bool:
        """Return whether this process validates, writes and prints."""
        ...

    def broadcast_variables(self, model: "keras.Model") -> None:
        """Give every worker the chief's weights and optimiser."""
        ...

    def step_of(self, model: "keras.Model") -> Step:
        """Return a step that trains the model on a batch; every worker is given the same batch."""
        ...

    def chief_first(self) -> AbstractContextManager[None]:
        """Let the chief do what is within before the others begin."""
        ...

    def bar(self, total: int, done: int, name: str) -> Bar:
        """Return a progress bar of so many steps, of which some are done."""
        ...


class SingleProcess:
    """One process, with all the threads that TensorFlow takes."""

    is_chief = True

    def broadcast_variables(self, model: "keras.Model") -> None:
        """Do nothing: there are no other workers."""

    def step_of(self, model: "keras.Model") -> Step:
        """Return Keras's own step."""
        return lambda images, targets: float(model.train_on_batch(images, targets))

    def chief_first(self) -> AbstractContextManager[None]:
        """Return a context that waits for nothing."""
        return nullcontext()

    def bar(self, total: int, done: int, name: str) -> Bar:
        """Return a progress bar in this terminal."""
        bar: Bar = progress_bar(total=total, initial=done, unit="step", smoothing=0.05, desc=name)
        return bar


SINGLE_PROCESS = SingleProcess()


LOCAL = "local"
"""Instead of a Ray cluster's address: one that is started on this machine for this run."""


@dataclass(frozen=True)
class Placement:
    """The placement of a training's workers.

    Attributes:
        workers: processes, anywhere in the cluster; one is this process, without Ray.
        cpus: of each, as Ray counts them, and TensorFlow's threads.
        address: of a Ray cluster, or `LOCAL`.
    """

    workers: int = 1
    cpus: int = 1
    address: str = LOCAL

    def check(self, batch: int) -> None:
        """Check that every worker has something to do, and somewhere to do it.

        Args:
            batch: images in a batch.

        Raises:
            TrainingError: if not.
        """
        if self.workers == 1 and self != Placement():
            raise TrainingError("--address and --cpus-per-worker are for several: choose 2 --workers or more")
        if self.workers > batch:
            raise TrainingError(
                f"--workers {self.workers}: a batch has {batch} images, one or more for each worker"
            )
        asked, there = self.workers * self.cpus, os.cpu_count() or 1
        if self.workers > 1 and self.address == LOCAL and asked > there:
            raise TrainingError(
                f"{self.workers} workers of {self.cpus} CPUs need {asked}, this machine has {there}: choose fewer "
                "--workers or --cpus-per-worker, or name a larger cluster's --address"
            )
