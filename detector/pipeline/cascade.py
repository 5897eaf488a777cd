"""The networks as a cascade: the gate chooses the windows that the FCN reads, the FCN proposes, the refiner refines."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.models.backend import Network
from detector.models.layers import RECEPTIVE_FIELD
from detector.models.operating_point import OperatingPoint
from detector.pipeline.call import Call
from detector.pipeline.fusion import VIEW_SCORE, best_candidates, fuse_candidates
from detector.pipeline.gate import passing_windows
from detector.pipeline.options import Settings
from detector.pipeline.pyramid import HALF, Level, level_scales, levels, with_halves
from detector.pipeline.refiner import (
    CROP_WEIGHT,
    decode_refined,
    first_score,
    mean_candidates,
    mean_scores,
    refiner_windows,
)
from detector.pipeline.score_map import GRID, Candidates, concatenate, decode_hits, logit, softmax
from detector.pipeline.tiles import Mask, Plane, slide
from detector.results.detections import FloatArray
from detector.results.errors import InvalidOptionError

_REFINER_BATCH = 8
"""Windows that the refiner is given at a time; the next are cut while it computes."""

_ROUNDING = 1e-6
"""Part by which scores may differ after they went through a calibration and back."""


@dataclass(frozen=True, eq=False)
class CascadeOutput:
    """The outputs of FCN and refiner for an image's candidates, before they are combined.

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
        refiner: refines what the FCN proposes; without it those scores count.
        gate: chooses the windows that the FCN reads; without it that reads all.
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

    def run(self, pixels: NDArray[np.uint8], settings: Settings, call: Call) -> CascadeOutput:
        """Run the networks: a candidate for each group of windows.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            settings: how to detect.
            call: that wants them.

        Raises:
            InvalidOptionError: if so small digits cannot be looked for in so large an image.
            CallCancelledError, DeadlineExceededError: if nobody waits for them any more.
        """
        gate = None if settings.exhaustive else self.gate
        least = least_proposal(settings.least_score, self.operating_point, self.refiner is not None)
        first = propose(self.fcn, gate, pixels, settings, least, call)
        if not self.refiner:
            return CascadeOutput(first, None)
        with call.stage("crops"):
            second = refine(pixels, first.boxes, call.network(self.refiner, "refiner"))
        return CascadeOutput(first, second)

    def combine(self, output: CascadeOutput) -> Candidates:
        """Return the candidates as all networks together see them, their best class's score calibrated."""
        return combine(output.first, output.second, self.operating_point)

    def proposed(self, output: CascadeOutput, least_score: float) -> CascadeOutput:
        """Return the part of an output that `run` gives where digits of `least_score`, 0..1, and more are asked for."""
        first, second = output.first, output.second
        proposed = first.scores >= least_proposal(least_score, self.operating_point, second is not None)
        return CascadeOutput(first.select(proposed), second and second.select(proposed))

    def read_crops(self, crops: NDArray[np.uint8], refine: bool) -> FloatArray:
        """Return the (N, 10) scores of the ten digits of (N, 32, 32, 3) uint8 RGB crops."""
        first = softmax(self.fcn(crops)[:, 0, 0, 1:11])
        if not (refine and self.refiner):
            return first
        whole = np.array([[0, 0, RECEPTIVE_FIELD, RECEPTIVE_FIELD]], np.float32)
        windows = np.concatenate([refiner_windows(crop, whole) for crop in crops])
        again = softmax(self.refiner(windows)[:, 0, 0, 1:11])
        return mean_scores(first, again, CROP_WEIGHT)


def least_proposal(least_score: float, point: OperatingPoint, refined: bool) -> float:
    """Return the score of the FCN from which a digit can be among those of `least_score`, 0..1, and more."""
    least = float(point.calibration.inverse(least_score)) * (1 - _ROUNDING)
    return first_score(least, point.score_weight) if refined else least


def combine(first: Candidates, second: Candidates | None, point: OperatingPoint) -> Candidates:
    """Return the FCN's candidates and what the refiner says of each, if it was asked, as one; scores calibrated."""
    both = first if second is None else mean_candidates(first, second, point.score_weight)
    return both.rescored(point.calibration(both.scores))


def refine(pixels: NDArray[np.uint8], boxes: FloatArray, network: Network) -> Candidates:
    """Return what the refiner says of each of (N, 4) xyxy boxes in an image, (H, W, 3) uint8 RGB."""
    height, width = pixels.shape[:2]
    batches = [boxes[start : start + _REFINER_BATCH] for start in range(0, len(boxes), _REFINER_BATCH)]
    outputs = network.map(refiner_windows(pixels, batch) for batch in batches)
    return concatenate(
        [
            decode_refined(output[:, 0, 0], batch, width, height)
            for batch, output in zip(batches, outputs, strict=True)
        ]
    )


_GROUP_PIXELS = 4_000_000
"""Levels are read together up to so many pixels: few calls for a small image, bounded memory for a large one."""


def propose(
    fcn: Network,
    gate: Network | None,
    pixels: NDArray[np.uint8],
    settings: Settings,
    least_score: float,
    call: Call,
) -> Candidates:
    """Return the digits that the FCN sees, one candidate for each group of windows, best score first.

    Args:
        fcn: the network that slides over the image.
        gate: chooses the windows that it reads; all if None.
        pixels: (H, W, 3) uint8 RGB.
        settings: how to detect.
        least_score: 0..1, the least of a proposal.
        call: that wants them.

    Raises:
        InvalidOptionError: if so small digits cannot be looked for in so large an image.
        CallCancelledError, DeadlineExceededError: if nobody waits for them any more.
    """
    _check_pyramid(pixels.shape[1], pixels.shape[0], settings)
    best = best_candidates([])
    timed_fcn = call.network(fcn, "network")
    timed_gate = call.network(gate, "gate") if gate else None
    groups = level_groups(pixels, settings, gated=gate is not None)
    whole = _pyramid_pixels(pixels, settings)
    with call.stage("pyramid"):
        for group in groups:
            share = sum(level.shape[0] * level.shape[1] for level, _ in group) / whole
            advance = call.part(
                share / 2 if gate else share
            )  # a gate takes about as long as the FCN behind it
            with call.stage("tiles"):
                planes = planes_to_read(timed_gate, group, advance)
                scales = np.array([level.scale for level, _ in group], np.float64)
                for hits in slide(timed_fcn, planes, GRID, logit(VIEW_SCORE * least_score), advance):
                    with call.stage("score_map"):
                        best = best_candidates([best, decode_hits(hits, scales)])
            del group, planes  # before the next ones are made
    with call.stage("merge"):
        return fuse_candidates(best, settings.nms_iou_threshold, least_score)


LevelGroup = list[tuple[Level, Level | None]]
"""Levels, each with that of half its scale if there is a gate."""


def level_groups(pixels: NDArray[np.uint8], settings: Settings, gated: bool) -> Iterator[LevelGroup]:
    """Return the pyramid's levels, those together that go through the networks together."""
    pyramid = levels(pixels, *settings.sought_heights, beyond=HALF if gated else 0)
    group: LevelGroup = []
    size = 0
    for level, half in with_halves(pyramid) if gated else ((level, None) for level in pyramid):
        group.append((level, half))
        size += level.shape[0] * level.shape[1]
        if size > _GROUP_PIXELS:
            yield group
            group, size = [], 0
    if group:
        yield group


def planes_to_read(
    gate: Network | None, group: LevelGroup, advance: Callable[[float], None] | None = None
) -> list[Plane]:
    """Return the levels with the windows that the FCN is to read; `advance` as for `slide`."""
    shapes = [GRID.shape(*level.shape) for level, _ in group]
    if gate is None:
        asked: list[Mask] = [np.ones(shape, bool) for shape in shapes]
    else:
        asked = passing_windows(gate, [half for _, half in group if half], shapes, advance)
    return [Plane(level, mask) for (level, _), mask in zip(group, asked, strict=True)]


def _pyramid_pixels(pixels: NDArray[np.uint8], settings: Settings) -> float:
    """Return about how many pixels all levels have; at least one, however small they are."""
    low, high = settings.sought_heights
    scales = np.array(level_scales(low, min(high, pixels.shape[0])))
    return max(float(pixels.shape[0] * pixels.shape[1] * (scales**2).sum()), 1.0)


def _check_pyramid(width: int, height: int, settings: Settings) -> None:
    """Return if no level has more pixels than the largest image that is accepted brings by default."""
    least = settings.sought_heights[0]
    scale = level_scales(least, 0)[0]
    if width * scale * height * scale > settings.max_level_pixels:
        possible = least * scale * (width * height / settings.max_level_pixels) ** 0.5
        raise InvalidOptionError(
            "min_digit_height_px",
            f"digits of {least:g} px cannot be looked for in an image of {width} x {height} px; "
            f"{possible:.1f} px is the least",
        )
