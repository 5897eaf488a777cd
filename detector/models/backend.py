"""A network as a detector calls it, and how many threads may compute it."""

import os
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detector.results.detections import FloatArray


class Network(Protocol):
    """A network with its weights, whatever computes it; any thread may call it.

    Attributes:
        parameter_count: of its weights.
    """

    parameter_count: int

    def __call__(self, images: NDArray[np.uint8]) -> FloatArray:
        """Return what it says of a (B, H, W, 3) uint8 RGB batch: (B, H', W', C) float32."""
        ...

    def map(self, batches: Iterable[NDArray[np.uint8]]) -> Iterator[FloatArray]:
        """Yield what it says of each batch, in order; some backends compute one while the next is prepared."""
        return (self(images) for images in batches)


@cache
def thread_count() -> int:
    """How many threads may compute: TF_NUM_INTRAOP_THREADS, as for TensorFlow, or as many as there are cores."""
    asked = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    return usable_cores()


def usable_cores() -> int:
    """How many cores the scheduler gives this process, as far as the system says."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
