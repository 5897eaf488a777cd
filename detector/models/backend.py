"""A network as a detector calls it."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detector.results.detections import FloatArray


class Network(Protocol):
    """A network with its weights, whatever computes it; any thread may call it."""

    @property
    def parameter_count(self) -> int:
        """Of its weights."""
        ...

    def __call__(self, images: NDArray[np.uint8]) -> FloatArray:
        """Return what it says of a (B, H, W, 3) uint8 RGB batch: (B, H', W', C) float32."""
        ...
