"""The frames of a video that are sampled, and what becomes of each."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.results.errors import ImageTooLargeError, ImageUndecodableError


class FramePlace(NamedTuple):
    """Where a frame is in its video.

    Attributes:
        frame: how many frames come before it.
        time_s: seconds after the first frame.
    """

    frame: int
    time_s: float


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame as it is displayed.

    Attributes:
        place: where it is.
        pixels: (H, W, 3) uint8 RGB, turned as the video asks for.
    """

    place: FramePlace
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class Damage:
    """Frames that cannot be read, up to the next one that does not depend on them, or to the end.

    Attributes:
        place: where they begin.
        error: what is wrong.
    """

    place: FramePlace
    error: ImageUndecodableError | ImageTooLargeError


IsWanted = Callable[[int, Fraction], bool]
"""Told how many frames and seconds come before a frame, says whether it is wanted."""


@dataclass(frozen=True)
class Every:
    """One frame in so many, or in so many seconds.

    Attributes:
        step: how many, above zero.
        unit: "f" for frames, "s" for seconds.
    """

    step: Fraction
    unit: str

    def sampler(self) -> IsWanted:
        """Return a new function that wants the first frame, and of each step the first one that lies in it."""
        last = -1

        def is_wanted(frame: int, time: Fraction) -> bool:
            nonlocal last
            current = math.floor((time if self.unit == "s" else frame) / self.step)
            is_due = current > last
            last = max(last, current)
            return is_due

        return is_wanted

    def __str__(self) -> str:
        return f"{float(self.step):g}{self.unit}"
