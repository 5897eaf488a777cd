"""Where the workers of a training run."""

import os
from dataclasses import dataclass

from training.errors import TrainingError

LOCAL = "local"
"""Instead of a Ray cluster's address: one that is started on this machine for this run."""


@dataclass(frozen=True)
class Placement:
    """Where a training runs.

    Attributes:
        workers: processes, anywhere in the cluster; one is this process, without Ray.
        cpus: of each, as Ray counts them, and TensorFlow's threads.
        address: of a Ray cluster, or `LOCAL`.
    """

    workers: int = 1
    cpus: int = 1
    address: str = LOCAL

    def check(self, batch: int) -> None:
        """Sees to it that every worker has something to do, and somewhere to do it.

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
