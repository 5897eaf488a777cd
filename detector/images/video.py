"""Frames of video files: MP4, MOV, MKV, WebM and AVI, read by FFmpeg through PyAV (extra `video`).

A video is hostile until proven otherwise. Only these containers and the codecs of cameras and phones are opened,
nothing but the file itself is read (a playlist that is called .mp4 is refused), and no frame has more pixels than an
image may have. One thread decodes, so that a damaged video gives the same frames each time.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from detector.images.video_frames import Damage, Frame, FramePlace, IsWanted
from detector.results.errors import ImageTooLargeError, ImageUndecodableError, ImageUnreadableError
from detector.results.interface import MAX_PIXELS

TOLERATED_SECONDS = 1.0
"""A video that ends this much before its header says is truncated; containers round, and sound may last longer."""

_OPTIONS = {
    "format_whitelist": "mov,matroska,webm,avi",
    "protocol_whitelist": "file",
    "codec_whitelist": "h264,hevc,av1,libdav1d,vp8,vp9,libvpx,libvpx-vp9,mpeg4,mjpeg,prores,dnxhd,mpeg2video,h263,"
    "aac,mp3,opus,vorbis,pcm_s16le,pcm_s16be",
}


class Video:
    """A video that is open; see `open_video`.

    Attributes:
        started_at: when its recording began, as the camera's clock says; None if it does not.
    """

    def __init__(self, container: av.container.InputContainer, max_pixels: int) -> None:
        self._container = container
        self._stream = container.streams.video[0]
        self._max_pixels = max_pixels
        self.started_at = _started_at(container.metadata)

    def frames(self, is_wanted: IsWanted) -> Generator[Frame | Damage]:
        """Decode the video from its beginning, once.

        Yields:
            In their order the frames that are wanted, and what cannot be read, once for each such part.
        """
        reading = _Reading()
        for decoded in self._decoded():
            if isinstance(decoded, _Broken):
                if not reading.is_damaged:
                    yield Damage(reading.next_place(), decoded.error)
                reading.is_damaged, reading.damaged_pts = True, decoded.pts
            elif reading.takes(decoded, self._stream.guessed_rate) and is_wanted(
                reading.count - 1, reading.time
            ):
                yield Frame(FramePlace(reading.count - 1, _seconds(reading.time)), _displayed(decoded))
        end = self._expected_end()
        if end is not None and not reading.is_damaged and reading.time + Fraction(TOLERATED_SECONDS) < end:
            told = (
                f"the video ends after {_seconds(reading.time):g} s of {_seconds(end):g} s: it is truncated"
            )
            yield Damage(reading.next_place(), ImageUndecodableError(told))

    def _decoded(self) -> "Iterator[av.VideoFrame | _Broken]":
        """Every frame in the order of display, and what is wrong with those that cannot be had."""
        try:
            for packet in self._container.demux(self._stream):
                try:
                    for frame in packet.decode():
                        yield self._checked(frame)
                except av.FFmpegError as error:
                    yield _Broken(_damage(error), packet.pts)
        except (av.FFmpegError, OSError) as error:
            yield _Broken(_damage(error))

    def _checked(self, frame: av.VideoFrame) -> "av.VideoFrame | _Broken":
        if frame.width * frame.height > self._max_pixels:
            return _Broken(_too_large(frame.width, frame.height, self._max_pixels), frame.pts)
        if frame.is_corrupt:
            return _Broken(ImageUndecodableError("frames of the video are damaged"), frame.pts)
        return frame

    def _expected_end(self) -> Fraction | None:
        """Seconds from the beginning to the end, as far as the container tells of the pictures alone."""
        stream, container = self._stream, self._container
        if stream.duration is not None and stream.time_base is not None:
            return stream.duration * stream.time_base
        if container.duration is not None and len(container.streams) == 1:
            return Fraction(container.duration, av.time_base)
        return None


@dataclass(frozen=True)
class _Broken:
    """A frame that cannot be had, and when it should be displayed, in units of the stream."""

    error: ImageUndecodableError | ImageTooLargeError
    pts: int | None = None


@dataclass
class _Reading:
    """How far a video has been decoded.

    Attributes:
        count: frames so far.
        time: of the last of them, seconds after the first one.
        is_damaged: since the last damage no frame has come that does not depend on others.
        damaged_pts: when the damaged frame should be displayed; a decoder that reorders gives earlier ones after it.
    """

    count: int = 0
    time: Fraction = field(default_factory=Fraction)
    is_damaged: bool = False
    damaged_pts: int | None = None
    _first: Fraction | None = None

    def takes(self, frame: av.VideoFrame, rate: Fraction | None) -> bool:
        """Count a frame; false if it may show the traces of earlier damage."""
        if frame.pts is not None and frame.time_base is not None:
            time = frame.pts * frame.time_base
            self._first = time if self._first is None else self._first
            self.time = time - self._first
        elif rate:
            self.time = self.count / rate
        self.count += 1
        is_after = self.damaged_pts is None or frame.pts is None or frame.pts > self.damaged_pts
        self.is_damaged = self.is_damaged and not (frame.key_frame and is_after)
        return not self.is_damaged

    def next_place(self) -> FramePlace:
        """Where the frame belongs that should come now."""
        return FramePlace(self.count, _seconds(self.time))


@contextmanager
def open_video(path: Path, max_pixels: int = MAX_PIXELS) -> Iterator[Video]:
    """Open a video file, told by its content.

    Raises:
        ImageUnreadableError: if the file cannot be read.
        ImageUndecodableError: if it is no video that is read, or has no pictures in it.
        ImageTooLargeError: if its header announces frames of more than `max_pixels`.
    """
    try:
        container = av.open(str(path), options=_OPTIONS | {"max_pixels": str(max_pixels)})
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise ImageUnreadableError(f"the file cannot be read: {error.strerror}") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise ImageUndecodableError(
            "the video cannot be opened: it is truncated, damaged, or no MP4, MOV, MKV, WebM or AVI"
        ) from error
    with container:
        _check(container, max_pixels)
        yield Video(container, max_pixels)


def _check(container: av.container.InputContainer, max_pixels: int) -> None:
    if not container.streams.video:
        raise ImageUndecodableError("the file has no pictures in it, only sound or other data")
    stream = container.streams.video[0]
    context = stream.codec_context
    if context is None or context.name not in _OPTIONS["codec_whitelist"].split(","):
        raise ImageUndecodableError(f"the video's codec, {stream.name}, is not one that is read")
    if context.width * context.height > max_pixels:
        raise _too_large(context.width, context.height, max_pixels)
    stream.thread_type = "NONE"


def _too_large(width: int, height: int, max_pixels: int) -> ImageTooLargeError:
    return ImageTooLargeError(
        f"the video's frames have {width} x {height} = {width * height:,} pixels; at most {max_pixels:,} are accepted"
    )


def _damage(error: Exception) -> ImageUndecodableError:
    reason = getattr(error, "strerror", None) or type(error).__name__
    return ImageUndecodableError(f"frames of the video are damaged: {reason}")


def _displayed(frame: av.VideoFrame) -> NDArray[np.uint8]:
    pixels = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)), np.uint8)


def _started_at(metadata: dict[str, str]) -> datetime | None:
    for name in ("com.apple.quicktime.creationdate", "creation_time"):
        try:
            moment = datetime.fromisoformat(metadata.get(name, ""))
        except ValueError:
            continue
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return None


def _seconds(time: Fraction) -> float:
    return round(float(time), 3)
