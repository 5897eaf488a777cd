"""What is read from EXIF data, what is not, and what damage costs."""

import struct
import time
import warnings
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pillow_jxl  # noqa: F401 - registers its encoder
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL.ExifTags import GPS, Base
from PIL.TiffImagePlugin import IFDRational
from pillow_heif import register_heif_opener

from detector.images.decode import decode_image
from detector.images.metadata import Capture, in_zone, read_capture
from tests.detector.captures import GOOD_GPS, GOOD_TIME, encoded, exif_block, gps_at, raw_exif

BERLIN = ZoneInfo("Europe/Berlin")
CEST = timezone(timedelta(hours=2))
PLACE = {"latitude": 52.5200944, "longitude": 13.4100278}
MOMENT = datetime(2026, 5, 1, 10, tzinfo=CEST)
NAN = IFDRational(0, 0)

Tags = dict[int, Any]


def gps(**tags: Any) -> Tags:
    """Good GPS tags with some changed, by their names; None takes one away."""
    changed = GOOD_GPS | {GPS[name]: value for name, value in tags.items()}
    return {tag: value for tag, value in changed.items() if value is not None}


@pytest.mark.parametrize(
    ("tags", "expected", "reason"),
    [
        (gps(), PLACE, "north and east are positive"),
        (
            gps(GPSLatitudeRef="S", GPSLongitudeRef="W"),
            {"latitude": -52.5200944, "longitude": -13.4100278},
            "signs",
        ),
        (gps(GPSLatitudeRef="n\0"), PLACE, "small letters and padding say the same"),
        (gps(GPSLatitudeRef=None), {}, "which half of the earth is not known"),
        (gps(GPSLongitudeRef=None), {}, "half a position is none"),
        (gps(GPSLongitudeRef="N"), {}, "a letter of the other axis"),
        (gps(GPSLatitude=None), {}, "half a position is none"),
        (gps(GPSLatitude=(52.0, 31.0)), {}, "seconds are missing"),
        (gps(GPSLatitude=(NAN, NAN, NAN)), {}, "0/0 is what devices write without a fix"),
        (gps(GPSLatitude=(52.0, 31.0, NAN)), {}, "one part is not known"),
        (gps(GPSLatitude=(0.0,) * 3, GPSLongitude=(0.0,) * 3), {}, "so is 0 north, 0 east"),
        (
            gps(GPSLatitude=(0.0,) * 3),
            {"latitude": 0.0, "longitude": 13.4100278},
            "but the equator is a place",
        ),
        (gps(GPSLatitude=(91.0, 0.0, 0.0)), {}, "beyond the pole"),
        (gps(GPSLatitude=(90.0, 0.0, 0.0)), {"latitude": 90.0, "longitude": 13.4100278}, "the pole"),
        (gps(GPSLongitude=(180.0, 0.0, 1.0)), {}, "beyond the antimeridian"),
        (gps(GPSLatitude=(52.5200944, 0.0, 0.0)), PLACE, "decimal degrees in the first part"),
        (gps(GPSStatus="V"), {}, "the receiver calls it void"),
        (gps(GPSStatus="A"), PLACE, "the receiver calls it valid"),
        (gps(GPSAltitude=34.5), PLACE | {"altitude_m": 34.5}, "no reference means above the sea"),
        (gps(GPSAltitude=34.5, GPSAltitudeRef=b"\0"), PLACE | {"altitude_m": 34.5}, "above the sea"),
        (gps(GPSAltitude=34.5, GPSAltitudeRef=b"\1"), PLACE | {"altitude_m": -34.5}, "below the sea"),
        (gps(GPSAltitude=34.5, GPSAltitudeRef=b"\2"), PLACE, "above the ellipsoid is not above the sea"),
        (gps(GPSAltitude=NAN), PLACE, "not known"),
        (gps(GPSHPositioningError=4.75), PLACE | {"accuracy_m": 4.75}, "the error of the position"),
        (gps(GPSHPositioningError=0.0), PLACE, "nothing is exact"),
        (
            gps(GPSImgDirection=123.5, GPSImgDirectionRef="T"),
            PLACE | {"heading_deg": 123.5},
            "from true north",
        ),
        (
            gps(GPSImgDirection=123.5, GPSImgDirectionRef="M"),
            PLACE | {"magnetic_heading_deg": 123.5},
            "from magnetic north",
        ),
        (gps(GPSImgDirection=123.5), PLACE, "from which north is not known"),
        (gps(GPSImgDirection=360.0, GPSImgDirectionRef="T"), PLACE | {"heading_deg": 0.0}, "once round"),
        (gps(GPSImgDirection=361.0, GPSImgDirectionRef="T"), PLACE, "more than once round"),
        (gps(GPSImgDirection=NAN, GPSImgDirectionRef="T"), PLACE, "not known"),
        (
            {GPS.GPSImgDirection: 12.0, GPS.GPSImgDirectionRef: "T"},
            {"heading_deg": 12.0},
            "a heading without a position",
        ),
        ({}, {}, "nothing"),
    ],
)
def test_positions_and_headings(tags: Tags, expected: dict[str, float], reason: str) -> None:
    assert read_capture(encoded("JPEG", exif_block(gps=tags))) == Capture(**expected), reason


GPS_TIME = {GPS.GPSDateStamp: "2026:05:01", GPS.GPSTimeStamp: (8.0, 0.0, 1.25)}


@pytest.mark.parametrize(
    ("camera", "gps_tags", "zone", "expected", "reason"),
    [
        (GOOD_TIME, {}, None, MOMENT, "the picture names its offset"),
        (GOOD_TIME, {}, ZoneInfo("Asia/Tokyo"), MOMENT, "which goes before the zone of the command line"),
        ({Base.DateTimeOriginal: "2026:05:01 10:00:00"}, {}, BERLIN, MOMENT, "the zone in summer"),
        (
            {Base.DateTimeOriginal: "2026:01:01 10:00:00"},
            {},
            BERLIN,
            datetime(2026, 1, 1, 10, tzinfo=timezone(timedelta(hours=1))),
            "the zone in winter",
        ),
        (
            {Base.DateTimeOriginal: "2026:10:25 02:30:00"},
            {},
            BERLIN,
            datetime(2026, 10, 25, 2, 30),
            "clocks showed it twice: the offset is not known",
        ),
        (
            {Base.DateTimeOriginal: "2026:03:29 02:30:00"},
            {},
            BERLIN,
            datetime(2026, 3, 29, 2, 30),
            "clocks never showed it: the camera was not set to that zone",
        ),
        ({Base.DateTimeOriginal: "2026:05:01 10:00:00"}, {}, None, datetime(2026, 5, 1, 10), "local time"),
        (
            GOOD_TIME | {Base.SubsecTimeOriginal: "25"},
            {},
            None,
            MOMENT.replace(microsecond=250_000),
            "digits after the point",
        ),
        (GOOD_TIME | {Base.SubsecTimeOriginal: "  "}, {}, None, MOMENT, "no digits"),
        (GOOD_TIME | {Base.OffsetTimeOriginal: "Z"}, {}, None, MOMENT.replace(tzinfo=UTC), "UTC"),
        (
            GOOD_TIME | {Base.OffsetTimeOriginal: "  :  "},
            {},
            None,
            datetime(2026, 5, 1, 10),
            "an empty offset",
        ),
        (
            {Base.DateTimeDigitized: "2026:05:01 10:00:00", Base.OffsetTimeDigitized: "+02:00"},
            {},
            None,
            MOMENT,
            "some software keeps the second date only",
        ),
        ({Base.DateTimeOriginal: "0000:00:00 00:00:00"}, {}, None, None, "a clock that was never set"),
        ({Base.DateTimeOriginal: "    :  :     :  :  "}, {}, None, None, "a date that is left empty"),
        ({Base.DateTimeOriginal: "2026:02:30 10:00:00"}, {}, None, None, "no such day"),
        ({}, GPS_TIME, None, datetime(2026, 5, 1, 8, 0, 1, 250_000, tzinfo=UTC), "the satellites' time"),
        (GOOD_TIME, GPS_TIME, None, MOMENT, "the camera's time goes first: a fix may be old"),
        ({}, {GPS.GPSTimeStamp: (8.0, 0.0, 0.0)}, None, None, "GPS without a date"),
        ({}, {GPS.GPSDateStamp: "2026:05:01"}, None, None, "GPS without a time"),
        ({}, GPS_TIME | {GPS.GPSTimeStamp: (8.0, NAN, 0.0)}, None, None, "a rational with zeros"),
        ({}, GPS_TIME | {GPS.GPSTimeStamp: (25.0, 0.0, 0.0)}, None, None, "no such hour"),
        ({}, GPS_TIME | {GPS.GPSDateStamp: "99999999999:01:01"}, None, None, "no such year"),
        ({}, GOOD_GPS, None, None, "a position without a time"),
    ],
)
def test_times(
    camera: Tags, gps_tags: Tags, zone: ZoneInfo | None, expected: datetime | None, reason: str
) -> None:
    found = read_capture(encoded("JPEG", exif_block(camera, gps_tags)), zone).captured_at
    assert found == expected, reason
    assert found is None or expected is None or found.utcoffset() == expected.utcoffset(), reason


def test_the_ends_of_the_calendar_have_no_offset() -> None:
    for moment in (datetime.min, datetime.max):
        assert in_zone(moment, timezone(timedelta(hours=14))).replace(tzinfo=None) == moment


register_heif_opener()
KINDS = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "AVIF", "HEIF", "JXL")


@pytest.mark.parametrize("kind", KINDS)
def test_every_container_is_read(kind: str) -> None:
    camera = GOOD_TIME | {Base.FocalLengthIn35mmFilm: 26, Base.MakerNote: bytes(range(256)) * 40}
    expected = Capture(captured_at=MOMENT, focal_length_35mm=26.0, **PLACE)
    assert read_capture(encoded(kind, exif_block(camera, GOOD_GPS))) == expected


def test_jpeg_xl_as_the_standard_has_it() -> None:
    """Four bytes in front say how far it is to the block; the library that makes the others leaves them out."""
    data = encoded("JXL", exif_block(GOOD_TIME, GOOD_GPS))
    at = data.index(b"Exif") - 4
    size = int.from_bytes(data[at : at + 4], "big") + 10
    standard = data[:at] + size.to_bytes(4, "big") + b"Exif\0\0\0\6Exif\0\0" + data[at + 8 :]
    assert read_capture(standard) == Capture(captured_at=MOMENT, **PLACE)


def test_a_picture_without_exif_data_tells_nothing() -> None:
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"):
        assert read_capture(encoded(kind, b"")) == Capture()


def test_rubbish_in_one_tag_costs_that_tag_alone() -> None:
    block = exif_block(
        GOOD_TIME | {Base.MakerNote: b"\xff" * 5000, Base.ExposureTime: IFDRational(1, 100)}, GOOD_GPS
    )
    assert read_capture(encoded("JPEG", block)) == Capture(captured_at=MOMENT, **PLACE)
    astray = bytearray(block)
    entry = block.index(struct.pack(">HHI", Base.ExposureTime, 5, 1))
    astray[entry + 8 : entry + 12] = b"\xff\xff\xff\xff"  # its value is far behind the end
    assert read_capture(encoded("JPEG", bytes(astray))) == Capture(captured_at=MOMENT, **PLACE)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("entries", [10_000, 65_535])
def test_thousands_of_entries_cost_neither_time_nor_memory(order: str, entries: int) -> None:
    """Each entry but the first four asks for the same large value: read one by one they would be gigabytes."""
    behind = 28 + 12 * entries + 4
    good = [(1, 2, 2, b"N\0\0\0"), (2, 5, 3, behind), (3, 2, 2, b"E\0\0\0"), (4, 5, 3, behind)]
    packed = b"".join(
        struct.pack(f"{order}HHI", *entry[:3])
        + (entry[3] if isinstance(entry[3], bytes) else struct.pack(f"{order}I", entry[3]))
        for entry in good
    )
    packed += b"".join(
        struct.pack(f"{order}HHII", 100 + number % 60_000, 7, 100_000, 8) for number in range(entries - 4)
    )
    block = raw_exif(packed, entries, struct.pack(f"{order}6I", 1, 1, 2, 1, 3, 1) + bytes(100_000), order)
    began = time.process_time()
    found = read_capture(encoded("PNG", block))
    assert time.process_time() - began < 2
    assert found == Capture(latitude=1.0341667, longitude=1.0341667)


@pytest.mark.parametrize("pointer", [0x8769, 0x8825], ids=["Exif", "GPS"])
def test_a_pointer_that_is_no_number_leads_nowhere(pointer: int) -> None:
    block = b"II*\0" + struct.pack("<IHHHII", 8, 1, pointer, 5, 1, 26) + bytes(4 + 8)  # a rational, 0/0
    picture = encoded("JPEG", block)
    assert read_capture(picture) == Capture()
    assert decode_image(picture).shape[2] == 3


def test_a_directory_that_leads_to_itself_ends() -> None:
    assert read_capture(encoded("PNG", raw_exif(struct.pack("<HHII", 0x8825, 4, 1, 26), 1))) == Capture()


WHOLE = {kind: encoded(kind, exif_block(GOOD_TIME, GOOD_GPS)) for kind in KINDS}


@given(st.binary(max_size=200), st.integers(0, 400), st.sampled_from(KINDS))
def test_whatever_the_bytes_nothing_is_raised_and_all_is_in_range(junk: bytes, at: int, kind: str) -> None:
    data = bytearray(WHOLE[kind])
    data[at : at + len(junk)] = junk
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_capture(bytes(data))
        assert read_capture(bytes(data[: len(data) // 2])) is not None
    assert (found.latitude is None) == (found.longitude is None)
    assert found.latitude is None or abs(found.latitude) <= 90
    assert found.longitude is None or abs(found.longitude) <= 180
    assert found.heading_deg is None or 0 <= found.heading_deg < 360


@given(st.floats(-89.9, 89.9), st.floats(-179.9, 179.9))
def test_any_place_comes_back_to_a_centimetre(latitude: float, longitude: float) -> None:
    found = read_capture(encoded("PNG", exif_block(gps=gps_at(latitude, longitude))))
    if found.latitude is None:
        assert abs(latitude) + abs(longitude) < 1e-6
    else:
        assert found.latitude == pytest.approx(latitude, abs=1e-7)
        assert found.longitude == pytest.approx(longitude, abs=1e-7)
