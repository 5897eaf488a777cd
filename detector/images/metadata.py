"""When, where and in which direction a photograph was taken, as its EXIF data says.

Tags and their meaning are those of the Exif standard (CIPA DC-008-2023, sections 4.6.5 and 4.6.6). Nothing is
guessed: a value that is missing, out of range, damaged or without its reference letter is None.
"""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

from PIL.ExifTags import GPS, Base

from detector.images.exif import Tags, Value, read_exif

DEGREE_DECIMALS = 7
"""Of a latitude and a longitude: one centimetre."""


@dataclass(frozen=True)
class Capture:
    """When, where and how a picture was taken; None for what is not known.

    Attributes:
        captured_at: the moment; without a time zone it is the local time of the camera.
        latitude: degrees north, WGS 84, -90..90; known only together with `longitude`.
        longitude: degrees east, -180..180.
        altitude_m: metres above sea level, negative below.
        accuracy_m: horizontal error of the position in metres, as the device estimated it.
        heading_deg: where the camera looked, clockwise from true north, 0 <= heading < 360.
        magnetic_heading_deg: the same from magnetic north; the two are never converted into each other.
        focal_length_35mm: millimetres of the lens that has the same diagonal angle of view on 35 mm film.
    """

    captured_at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None
    altitude_m: float | None = None
    accuracy_m: float | None = None
    heading_deg: float | None = None
    magnetic_heading_deg: float | None = None
    focal_length_35mm: float | None = None

    def without_location(self) -> "Capture":
        """Return what is left when nothing says where, or which way the camera looked."""
        return Capture(self.captured_at, focal_length_35mm=self.focal_length_35mm)

    @property
    def point(self) -> tuple[float, float] | None:
        """Latitude and longitude, None if they are not known."""
        return None if self.latitude is None or self.longitude is None else (self.latitude, self.longitude)


def read_capture(data: bytes, zone: tzinfo | None = None) -> Capture:
    """Read the EXIF data of an encoded image.

    Args:
        data: a JPEG, PNG, WebP, TIFF, HEIC, AVIF or JPEG XL image.
        zone: the time zone of times that name none.

    Returns:
        What is known; nothing of an image whose EXIF data is missing or damaged, which may be a fine picture.
    """
    exif = read_exif(data)
    return Capture(
        captured_at=_captured_at(exif.camera, exif.gps, zone),
        **_position(exif.gps),
        **_heading(exif.gps),
        focal_length_35mm=_above_zero(_number(exif.camera.get(Base.FocalLengthIn35mmFilm))),
    )


def in_zone(local: datetime, zone: tzinfo | None) -> datetime:
    """Give a local time its offset from UTC, unless the zone's clocks showed that time twice, or never.

    Args:
        local: a time without a zone.
        zone: the zone; None leaves the time as it is.

    Returns:
        The time with a fixed offset, or `local` unchanged where the offset is not known.
    """
    try:
        offsets = {local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)}
    except OverflowError:  # at the ends of the calendar
        return local
    offset, *others = offsets
    return local if others or offset is None else local.replace(tzinfo=timezone(offset))


def _captured_at(camera: Tags, gps: Tags, zone: tzinfo | None) -> datetime | None:
    for time, offset, fraction in (
        (Base.DateTimeOriginal, Base.OffsetTimeOriginal, Base.SubsecTimeOriginal),
        (Base.DateTimeDigitized, Base.OffsetTimeDigitized, Base.SubsecTimeDigitized),
    ):
        local = _local_time(_text(camera.get(time)), _text(camera.get(fraction)))
        if local is not None:
            own = _offset(_text(camera.get(offset)))
            return in_zone(local, zone) if own is None else local.replace(tzinfo=own)
    return _gps_time(gps)


def _local_time(text: str, fraction: str) -> datetime | None:
    try:
        local = datetime.strptime(text, "%Y:%m:%d %H:%M:%S")
    except ValueError:  # such as 0000:00:00 00:00:00, of a clock that was never set
        return None
    is_number = fraction.isascii() and fraction.isdecimal()
    return local.replace(microsecond=int(f"{fraction[:6]:0<6}")) if is_number else local


def _offset(text: str) -> timezone | None:
    try:
        offset = datetime.strptime(text, "%z").utcoffset()
    except ValueError:
        return None
    return None if offset is None else timezone(offset)


def _gps_time(gps: Tags) -> datetime | None:
    """Return the moment of the satellites' fix, UTC."""
    try:
        year, month, day = (int(part) for part in _text(gps.get(GPS.GPSDateStamp)).split(":"))
        hours, minutes, seconds = _numbers(gps.get(GPS.GPSTimeStamp))
        midnight = datetime.combine(date(year, month, day), datetime.min.time(), UTC)
    except (ValueError, OverflowError):
        return None
    passed = 3600 * hours + 60 * minutes + seconds
    return midnight + timedelta(seconds=round(passed, 3)) if 0 <= passed < 86400 else None


def _position(gps: Tags) -> dict[str, float | None]:
    latitude = _degrees(gps.get(GPS.GPSLatitude), gps.get(GPS.GPSLatitudeRef), "NS", 90)
    longitude = _degrees(gps.get(GPS.GPSLongitude), gps.get(GPS.GPSLongitudeRef), "EW", 180)
    is_void = _text(gps.get(GPS.GPSStatus)) == "V"
    if latitude is None or longitude is None or is_void or latitude == longitude == 0:
        return {}  # without a fix devices write zeros
    return {
        "latitude": latitude,
        "longitude": longitude,
        "altitude_m": _altitude(gps),
        "accuracy_m": _above_zero(_number(gps.get(GPS.GPSHPositioningError))),
    }


def _degrees(value: Value | None, reference: Value | None, letters: str, most: int) -> float | None:
    """Degrees, minutes and seconds as a signed number; `letters` are those of its positive and negative half."""
    letter, parts = _text(reference).upper(), _numbers(value)
    if letter not in tuple(letters) or len(parts) != 3 or not all(part >= 0 for part in parts):
        return None
    degrees = parts[0] + parts[1] / 60 + parts[2] / 3600
    if degrees > most:
        return None
    return round(-degrees if letter == letters[1] else degrees, DEGREE_DECIMALS) + 0.0  # no -0.0


def _altitude(gps: Tags) -> float | None:
    """Metres from sea level; newer references mean the ellipsoid, which is up to 100 m away from that."""
    altitude = _number(gps.get(GPS.GPSAltitude))
    reference = _number(gps.get(GPS.GPSAltitudeRef, (0.0,)))
    if altitude is None or altitude < 0 or reference not in (0, 1):
        return None
    return round(-altitude if reference else altitude, 2) + 0.0


def _heading(gps: Tags) -> dict[str, float]:
    heading = _number(gps.get(GPS.GPSImgDirection))
    reference = _text(gps.get(GPS.GPSImgDirectionRef)).upper()
    name = {"T": "heading_deg", "M": "magnetic_heading_deg"}.get(reference)
    return (
        {} if name is None or heading is None or not 0 <= heading <= 360 else {name: round(heading, 2) % 360}
    )


def _above_zero(value: float | None) -> float | None:
    return round(value, 2) if value is not None and value > 0 else None


def _text(value: Value | None) -> str:
    return value if isinstance(value, str) else ""


def _numbers(value: Value | None) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else ()


def _number(value: Value | None) -> float | None:
    numbers = _numbers(value)
    return numbers[0] if len(numbers) == 1 and math.isfinite(numbers[0]) else None
