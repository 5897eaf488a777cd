"""What a folder job is told about time and place, and what it makes of a picture with that."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Any

from detector.folders.location.track import Track
from detector.images.metadata import DEGREE_DECIMALS, Capture, read_capture


@dataclass(frozen=True)
class LocationOptions:
    """How the time and the place of a picture are found.

    Attributes:
        zone: the time zone of times that name none; None if they stay local.
        track: where the camera was; it goes before a position in the picture, which it replaces.
        offset: what has to be added to the camera's time to get the time of the track.
        strip: leave out where the picture was taken, keep when.
    """

    zone: tzinfo | None = None
    track: Track | None = None
    offset: timedelta = timedelta(0)
    strip: bool = False

    def of_image(self, data: bytes) -> Capture:
        """When and where an encoded image was taken, by its EXIF data and the track."""
        return self._located(read_capture(data, self.zone))

    def of_frame(self, captured_at: datetime | None) -> Capture:
        """Return the same of a video's frame: videos have a time, and their position from a track only."""
        return self._located(Capture(captured_at))

    def to_settings(self) -> dict[str, Any]:
        """Return what the rows depend on, as JSON has it."""
        return {
            "timezone": None if self.zone is None else str(self.zone),
            "gpx": [] if self.track is None else list(self.track.digests),
            "offset_s": self.offset.total_seconds(),
            "strip": self.strip,
        }

    def _located(self, capture: Capture) -> Capture:
        if self.strip:
            return capture.without_location()
        moment = capture.captured_at
        if self.track is None or moment is None or moment.tzinfo is None:
            return capture
        position = self.track.at(moment + self.offset)
        if position is None:
            return capture
        altitude = position.altitude_m
        return replace(
            capture,
            latitude=round(position.latitude, DEGREE_DECIMALS),
            longitude=round(position.longitude, DEGREE_DECIMALS),
            altitude_m=None if altitude is None else round(altitude, 2),
            accuracy_m=None,
        )
