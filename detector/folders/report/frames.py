"""Frames of videos for a report, by their numbers."""

from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from detector.images.video_frames import Damage, Frame
from detector.results.errors import DetectorError


class FrameFinder:
    """One video is kept open: frames that are asked for in their order are found by decoding it once."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._path: Path | None = None
        self._wanted = 0
        self._frames: Iterator[Frame | Damage] = iter(())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def find(self, path: Path, frame: int) -> NDArray[np.uint8] | None:
        """Return the pixels of a frame, (H, W, 3) uint8 RGB; None if it cannot be had, or no video can be read here."""
        try:
            if path != self._path or frame <= self._wanted:
                self._begin(path)
            self._wanted = frame
            found = (each.pixels for each in self._frames if isinstance(each, Frame))
            return next(found, None)
        except (DetectorError, ModuleNotFoundError):
            return None

    def _begin(self, path: Path) -> None:
        from detector.images.video import open_video  # noqa: PLC0415 - it needs an extra

        self._open.close()
        self._path, self._frames = path, iter(())
        self._frames = self._open.enter_context(open_video(path)).frames(self._is_wanted)

    def _is_wanted(self, frame: int, time: Fraction) -> bool:
        return frame == self._wanted
