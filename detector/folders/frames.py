"""Videos among the files of a folder job: each becomes its sampled frames, which get a row each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from detector.folders.file_kinds import kind_by_content
from detector.folders.journal import BegunVideo
from detector.folders.listing import ImageFile
from detector.folders.location import LocationOptions
from detector.folders.rows import frame_picture_name, text_of_name
from detector.images.draw import encode_image
from detector.images.formats import VIDEO
from detector.images.metadata import Capture
from detector.images.video_frames import Damage, Every, Frame, FramePlace
from detector.results.errors import DetectorError, ImageUndecodableError


@dataclass(frozen=True)
class VideoFrame:
    """A frame of a video, in the place of an image file.

    Attributes:
        video: the file that it is in.
        place: where it is in it.
        captured_at: when it was recorded, as far as that is known.
        content: the frame as PNG, or why it cannot be read.
    """

    video: ImageFile
    place: FramePlace
    captured_at: datetime | None
    content: bytes | DetectorError

    @property
    def path(self) -> Path:
        """Where the video is."""
        return self.video.path

    @property
    def name(self) -> str:
        """The name of the video in rows."""
        return self.video.name

    @property
    def picture_name(self) -> str:
        """The name of a copy of the frame."""
        return frame_picture_name(self.name, self.place.frame)

    def read(self) -> bytes:
        """Return the frame, encoded.

        Raises:
            DetectorError: if it cannot be read.
        """
        if isinstance(self.content, DetectorError):
            raise self.content
        return self.content

    def capture(self, data: bytes, location: LocationOptions) -> Capture:
        """When and where the frame was recorded; `data` says nothing of it."""
        return location.of_frame(self.captured_at)


def with_frames(
    files: Iterable[ImageFile], every: Every, begun: BegunVideo | None
) -> Iterator[ImageFile | VideoFrame]:
    """Give each image as it is, and of each video one frame in so many.

    A video that cannot be opened is given as a file with its error; one that is damaged gives a frame with an error
    where the damage begins.

    Args:
        files: images and videos.
        every: which frames are wanted.
        begun: the video that an earlier run was in the middle of; as many of its frames as have rows are left out.
    """
    for file in files:
        if file.error is not None or kind_by_content(file.path) != VIDEO:
            yield file
        elif begun is not None and text_of_name(file.name) == begun.name:
            yield from _frames(file, every, begun.rows)
            begun = None  # a list may name it again
        else:
            yield from _frames(file, every)


def _frames(file: ImageFile, every: Every, rows: int = 0) -> Iterator[ImageFile | VideoFrame]:
    from detector.images.video import open_video  # noqa: PLC0415 - it needs an extra

    number = 0
    try:
        with open_video(file.path) as video:
            for number, frame in enumerate(video.frames(every.sampler()), start=1):
                if number > rows:
                    yield _video_frame(file, frame, video.started_at)
        if not number:
            raise ImageUndecodableError("the video has no frames")
    except DetectorError as error:
        yield ImageFile(file.path, file.name, error)


def _video_frame(file: ImageFile, frame: Frame | Damage, started_at: datetime | None) -> VideoFrame:
    try:
        captured_at = started_at and started_at + timedelta(seconds=frame.place.time_s)
    except OverflowError:  # a clock at the end of the calendar
        captured_at = None
    content = encode_image(frame.pixels, ".png") if isinstance(frame, Frame) else frame.error
    return VideoFrame(file, frame.place, captured_at, content)
