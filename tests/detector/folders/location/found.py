"""Rows as they come back from a results file, for what is made of them."""

from typing import Any

from detector.folders.results_file import Box, FoundRow
from detector.images.metadata import Capture
from detector.images.video_frames import FramePlace
from detector.results.detections import HouseNumber

BOX: Box = (40.0, 30.0, 60.0, 50.0)


def number(text: str, score: float = 0.9, box: Box = BOX) -> HouseNumber:
    return HouseNumber(text, score, box, ())


def moved(x: float, y: float = 0.0, box: Box = BOX) -> Box:
    return box[0] + x, box[1] + y, box[2] + x, box[3] + y


def picture(
    name: str, *numbers: HouseNumber, at: tuple[float, float] | None = None, **capture: Any
) -> FoundRow:
    position = {} if at is None else {"latitude": at[0], "longitude": at[1]}
    return FoundRow(1, name, 100, 80, (), numbers, None, Capture(**position, **capture))


def frame(video: str, index: int, *numbers: HouseNumber, at: tuple[float, float] | None = None) -> FoundRow:
    """A frame of a video of which every tenth is sampled, twice a second."""
    capture = Capture() if at is None else Capture(latitude=at[0], longitude=at[1])
    return FoundRow(1, video, 100, 80, (), numbers, FramePlace(10 * index, index / 2), capture)
