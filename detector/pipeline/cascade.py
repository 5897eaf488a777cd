"""The networks as a cascade: the gate says where the FCN looks, the FCN proposes, the refiner looks again."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.models.backend import Network
from detector.models.geometry import RECEPTIVE_FIELD
from detector.models.operating_point import OperatingPoint
from detector.pipeline import refiner
from detector.pipeline.call import Call
from detector.pipeline.options import Settings
from detector.pipeline.proposals import propose
from detector.pipeline.score_map import Candidates, concatenate, softmax
from detector.results.detections import FloatArray

_BATCH = 64
"""Windows that the refiner is given at a time: bounds the memory however many there are."""

_ROUNDING = 1e-6
"""Part by which scores may differ after they went through a calibration and back."""


@dataclass(frozen=True, eq=False)
class CascadeOutput:
    """What FCN and refiner say of an image's candidates, before it is put together.

    Attributes:
        first: what the FCN proposes.
        second: what the refiner says of each of those, in their order; None if the model has none.
    """

    first: Candidates
    second: Candidates | None


@dataclass(frozen=True, eq=False)
class Cascade:
    """A model's networks together; any thread may call it.

    Attributes:
        fcn: proposes.
        refiner: looks again at what the FCN proposes; without it those scores count.
        gate: says where the FCN need look; without it that looks everywhere.
        operating_point: says what the scores of these networks together mean.
    """

    fcn: Network
    refiner: Network | None
    gate: Network | None
    operating_point: OperatingPoint

    @property
    def parameter_count(self) -> int:
        """Parameters of all networks."""
        networks = (self.fcn, self.refiner, self.gate)
        return sum(network.parameter_count for network in networks if network)

    def look(self, pixels: NDArray[np.uint8], settings: Settings, call: Call) -> CascadeOutput:
        """Run the networks: a candidate for each group of windows.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            settings: how to look.
            call: that wants them.

        Raises:
            InvalidOptionError: if so small digits cannot be looked for in so large an image.
            CallCancelledError, DeadlineExceededError: if nobody waits for them any more.
        """
        gate = None if settings.exhaustive else self.gate
        first = propose(self.fcn, gate, pixels, settings, self._least_proposal(settings.least_score), call)
        if not self.refiner:
            return CascadeOutput(first, None)
        with call.stage("crops"):
            second = _refine(pixels, first.boxes, call.network(self.refiner, "refiner"))
        return CascadeOutput(first, second)

    def combine(self, output: CascadeOutput) -> Candidates:
        """Return the candidates as all networks together see them, their best class's score calibrated."""
        both = output.first
        if output.second is not None:
            both = refiner.combine(both, output.second, self.operating_point.score_weight)
        return both.rescored(self.operating_point.calibration(both.scores))

    def read_crops(self, crops: NDArray[np.uint8], refine: bool) -> FloatArray:
        """Return the (N, 10) scores of the ten digits of (N, 32, 32, 3) uint8 RGB crops, weighted as in images."""
        first = softmax(self.fcn(crops)[:, 0, 0, 1:11])
        if not (refine and self.refiner):
            return first
        whole = np.array([[0, 0, RECEPTIVE_FIELD, RECEPTIVE_FIELD]], np.float32)
        windows = np.concatenate([refiner.windows(crop, whole) for crop in crops])
        again = softmax(self.refiner(windows)[:, 0, 0, 1:11])
        return refiner.mean_scores(first, again, self.operating_point.score_weight)

    def _least_proposal(self, least_score: float) -> float:
        """Return the score of the FCN from which a digit can be among those returned."""
        point = self.operating_point
        least = float(point.calibration.inverse(least_score)) * (1 - _ROUNDING)
        return refiner.first_score(least, point.score_weight) if self.refiner else least


def _refine(pixels: NDArray[np.uint8], boxes: FloatArray, network: Network) -> Candidates:
    """Return what the refiner says of each box."""
    height, width = pixels.shape[:2]
    parts = []
    for start in range(0, len(boxes), _BATCH):
        batch = boxes[start : start + _BATCH]
        outputs = network(refiner.windows(pixels, batch))[:, 0, 0]
        parts.append(refiner.decode(outputs, batch, width, height))
    return concatenate(parts)
