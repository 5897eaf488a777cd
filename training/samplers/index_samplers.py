"""Which digit is shown next where classes are uneven: rare ones more often than they come."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from detector.results.detections import IntArray

IndexSampler = Callable[[np.random.Generator], tuple[int, int]]
"""Draws a scene, and a digit in it, as indices."""

_CLASSES = 10


class ClassBalancedSampler:
    """Draws digits of scenes, each with a weight of one over the square root of its class's count.

    So a class a hundred times as frequent as another is shown ten times as often (the square-root sampling of
    Mahajan et al., Exploring the Limits of Weakly Supervised Pretraining, 2018): neither are the few digits of a rare
    class shown over and over, nor is it forgotten.

    Args:
        labels: the digits 0..9 of each scene, (N,) int32 each; at least one in all.

    Attributes:
        counts: (10,) how many digits of each class there are.
        shares: (10,) how often each class is drawn; they sum up to 1.
    """

    def __init__(self, labels: Sequence[IntArray]) -> None:
        every = np.concatenate(labels)
        self.counts: NDArray[np.int64] = np.bincount(every, minlength=_CLASSES)
        roots = np.sqrt(self.counts)
        self.shares: NDArray[np.float64] = roots / roots.sum()
        self._ends = np.cumsum(1 / roots[every])
        self._scenes = np.repeat(np.arange(len(labels)), [len(digits) for digits in labels])
        self._places = np.concatenate([np.arange(len(digits)) for digits in labels])

    def __call__(self, rng: np.random.Generator) -> tuple[int, int]:
        """Return a scene, and a digit in it, as indices."""
        drawn = int(np.searchsorted(self._ends[:-1], rng.uniform(0, self._ends[-1]), side="right"))
        return int(self._scenes[drawn]), int(self._places[drawn])
