"""Where and when pictures were taken: by their EXIF data, and by GPX tracks, interpolated between their points."""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree.ElementTree import tostring

import gpxpy
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException
from gpxpy.geo import haversine_distance
from gpxpy.gpx import GPX, GPXException, GPXTrackPoint

from detector.images.metadata import DEGREE_DECIMALS, Capture, read_capture
from detector.results.errors import InvalidOptionError

MAX_TRACK_BYTES = 256 * 1024 * 1024
"""A larger file is refused; a point takes about 100 bytes."""

MAX_GAP_SECONDS = 60.0
STANDSTILL_M = 30.0
"""Between two points the way is straight if they are no further apart than this, in time or in space."""


class Position(NamedTuple):
    """A point on the earth, WGS 84.

    Attributes:
        latitude: degrees north.
        longitude: degrees east, -180..180.
        altitude_m: metres above sea level, None if that is not known.
    """

    latitude: float
    longitude: float
    altitude_m: float | None = None


class _Point(NamedTuple):
    time: float
    position: Position


_Segment = tuple[_Point, ...]


@dataclass(frozen=True)
class Track:
    """The segments of one or several GPX files.

    Attributes:
        digests: sha256 of each file, hexadecimal.
    """

    digests: tuple[str, ...]
    _segments: tuple[_Segment, ...] = field(repr=False)

    def at(self, moment: datetime) -> Position | None:
        """Where the receiver was at a moment.

        Between two segments, before the first and after the last point of one, and in a gap of more than
        `MAX_GAP_SECONDS` whose ends are more than `STANDSTILL_M` apart, nobody knows. Of segments that overlap in
        time the first that covers the moment counts.

        Args:
            moment: with a time zone.
        """
        time = moment.timestamp()
        positions = (_at(segment, time) for segment in self._segments)
        return next((position for position in positions if position is not None), None)


def read_track(paths: Iterable[Path]) -> Track:
    """Read GPX files, of version 1.0 or 1.1, in whichever namespace.

    Points without a time are left out, others are put in their order; a time without a zone is UTC, as GPX has it.

    Raises:
        InvalidOptionError: if one cannot be read, is no GPX, or has no track with times; its `field` is "gpx".
    """
    digests, segments = [], []
    for path in paths:
        data = _read(path)
        found = list(_segments(_parse(path, data)))
        if not found:
            raise InvalidOptionError("gpx", f"{path} has no track whose points have times")
        digests.append(hashlib.sha256(data).hexdigest())
        segments += found
    return Track(tuple(digests), tuple(segments))


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_TRACK_BYTES:
            raise InvalidOptionError("gpx", f"{path} has more than {MAX_TRACK_BYTES:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise InvalidOptionError("gpx", f"{path} cannot be read: {error.strerror}") from error


def _parse(path: Path, data: bytes) -> GPX:
    """Return the GPX document; its names without namespaces, since gpxpy does not find tracks under prefixed names."""
    try:
        root = ElementTree.fromstring(data, forbid_dtd=True)
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        if root.tag != "gpx":
            raise ValueError(f"its root is {root.tag}")
        return gpxpy.parse(tostring(root, encoding="unicode"))
    except (ElementTree.ParseError, DefusedXmlException, GPXException, ValueError, OverflowError) as error:
        raise InvalidOptionError("gpx", f"{path} is not a GPX file: {error}") from error


def _segments(gpx: GPX) -> Iterator[_Segment]:
    for track in gpx.tracks:
        for segment in track.segments:
            points = sorted(_points(segment.points), key=lambda point: point.time)
            if points:
                yield tuple(points)


def _points(points: Iterable[GPXTrackPoint]) -> Iterator[_Point]:
    for point in points:
        if point.time is None or not (abs(point.latitude) <= 90 and abs(point.longitude) <= 180):
            continue
        time = point.time if point.time.tzinfo is not None else point.time.replace(tzinfo=UTC)
        yield _Point(time.timestamp(), Position(point.latitude, point.longitude, point.elevation))


def _at(segment: _Segment, time: float) -> Position | None:
    after = bisect_right(segment, time, key=lambda point: point.time)
    if after and segment[after - 1].time == time:
        return segment[after - 1].position
    if not 0 < after < len(segment):
        return None
    before, behind = segment[after - 1], segment[after]
    seconds = behind.time - before.time
    if seconds > MAX_GAP_SECONDS and _distance_m(before.position, behind.position) > STANDSTILL_M:
        return None
    return _between(before.position, behind.position, (time - before.time) / seconds)


def _distance_m(a: Position, b: Position) -> float:
    return float(haversine_distance(a.latitude, a.longitude, b.latitude, b.longitude))


def _between(a: Position, b: Position, part: float) -> Position:
    """Return the straight line from a to b, the short way round the earth; `part` of it, 0..1, is behind us."""
    turn = (b.longitude - a.longitude + 180) % 360 - 180
    longitude = (a.longitude + part * turn + 180) % 360 - 180
    altitude = None
    if a.altitude_m is not None and b.altitude_m is not None:
        altitude = a.altitude_m + part * (b.altitude_m - a.altitude_m)
    return Position(a.latitude + part * (b.latitude - a.latitude), longitude, altitude)


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
        try:
            position = self.track.at(moment + self.offset)
        except OverflowError:  # a clock at the end of the calendar
            return capture
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
