"""What the FCN proposes in an image: pyramid -> gate -> FCN on the tiles that matter -> one candidate per digit."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from detector.models.backend import Network
from detector.pipeline.call import Call
from detector.pipeline.fusion import VIEW_SCORE, best_candidates, fuse_candidates
from detector.pipeline.gate import passing_windows
from detector.pipeline.options import Settings
from detector.pipeline.pyramid import HALF, Level, level_scales, levels, with_halves
from detector.pipeline.score_map import GRID, Candidates, decode_hits, logit
from detector.pipeline.tiles import Mask, Plane, slide
from detector.results.errors import InvalidOptionError

_GROUP_PIXELS = 4_000_000
"""Levels are looked at together up to so many pixels: few calls for a small image, bounded memory for a large one."""


def propose(
    fcn: Network,
    gate: Network | None,
    pixels: NDArray[np.uint8],
    settings: Settings,
    least_score: float,
    call: Call,
) -> Candidates:
    """The digits that the FCN sees, one candidate for each group of windows, best score first.

    Args:
        fcn: the network that slides over the image.
        gate: says where it need look; everywhere if None.
        pixels: (H, W, 3) uint8 RGB.
        settings: how to look.
        least_score: 0..1, the least of a proposal.
        call: that wants them.

    Raises:
        InvalidOptionError: if so small digits cannot be looked for in so large an image.
        CallCancelledError, DeadlineExceededError: if nobody waits for them any more.
    """
    _refuse_huge_pyramid(pixels.shape[1], pixels.shape[0], settings)
    best = best_candidates([])
    timed_fcn = call.network(fcn, "network")
    timed_gate = call.network(gate, "gate") if gate else None
    groups = _groups(pixels, settings, gated=gate is not None)
    with call.stage("pyramid"):
        for group in groups:
            with call.stage("tiles"):
                planes = _planes(timed_gate, group)
                scales = np.array([level.scale for level, _ in group], np.float64)
                for hits in slide(timed_fcn, planes, GRID, logit(VIEW_SCORE * least_score)):
                    with call.stage("score_map"):
                        best = best_candidates([best, decode_hits(hits, scales)])
            del group, planes  # before the next ones are made
    with call.stage("merge"):
        return fuse_candidates(best, settings.nms_iou_threshold, least_score)


_Group = list[tuple[Level, Level | None]]
"""Levels, each with that of half its scale if there is a gate."""


def _groups(pixels: NDArray[np.uint8], settings: Settings, gated: bool) -> Iterator[_Group]:
    """The pyramid's levels, those together that are looked at together."""
    pyramid = levels(pixels, *settings.sought_heights, beyond=HALF if gated else 0)
    group: _Group = []
    size = 0
    for level, half in with_halves(pyramid) if gated else ((level, None) for level in pyramid):
        group.append((level, half))
        size += level.shape[0] * level.shape[1]
        if size > _GROUP_PIXELS:
            yield group
            group, size = [], 0
    if group:
        yield group


def _planes(gate: Network | None, group: _Group) -> list[Plane]:
    """The levels with the windows that the FCN need look at."""
    shapes = [GRID.shape(*level.shape) for level, _ in group]
    if gate is None:
        asked: list[Mask] = [np.ones(shape, bool) for shape in shapes]
    else:
        asked = passing_windows(gate, [half for _, half in group if half], shapes)
    return [Plane(level, mask) for (level, _), mask in zip(group, asked, strict=True)]


def _refuse_huge_pyramid(width: int, height: int, settings: Settings) -> None:
    """Returns if no level has more pixels than the largest image that is accepted brings by default."""
    least = settings.sought_heights[0]
    scale = level_scales(least, 0)[0]
    if width * scale * height * scale > settings.max_level_pixels:
        possible = least * scale * (width * height / settings.max_level_pixels) ** 0.5
        raise InvalidOptionError(
            "min_digit_height_px",
            f"digits of {least:g} px cannot be looked for in an image of {width} x {height} px; "
            f"{possible:.1f} px is the least",
        )
