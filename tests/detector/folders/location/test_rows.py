"""Rows of a folder job that say when and where; and what must not say it."""

import json
from collections.abc import Sequence
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import Base

from detector import DigitDetector
from detector.cli.main import main
from detector.folders import FolderJob, detect_folder, plan_folder
from detector.folders.location import LocationOptions, read_track
from detector.folders.results_file import ErrorRow, FoundRow, ResultsFile
from detector.results.errors import InvalidOptionError
from tests.detector.captures import GOOD_TIME, encoded, exif_block, gps_at
from tests.detector.folders.location.tracks import gpx, write_gpx

HERE = gps_at(52.52, 13.41, GPSImgDirection=90.0, GPSImgDirectionRef="T", GPSHPositioningError=5.0)
LOCATION_FIELDS = {"latitude", "longitude", "altitude_m", "accuracy_m", "heading_deg", "magnetic_heading_deg"}


@pytest.fixture
def photos(tmp_path: Path, real_images: dict[str, Path]) -> Path:
    """A photograph with a time and a place, one with a local time alone, one without EXIF data, one that is broken."""
    folder = tmp_path / "photos"
    folder.mkdir()
    picture = Image.open(real_images["31"])
    exif = exif_block(GOOD_TIME | {Base.FocalLengthIn35mmFilm: 26}, HERE)
    (folder / "1.jpg").write_bytes(encoded("JPEG", exif, picture, quality=95))
    local = exif_block({Base.DateTimeOriginal: "2026:05:01 10:00:05"})
    (folder / "2.jpg").write_bytes(encoded("JPEG", local, picture, quality=95))
    (folder / "3.png").write_bytes(real_images["31"].read_bytes())
    (folder / "4.jpg").write_bytes((folder / "1.jpg").read_bytes()[:-200])
    return folder


def rows_of(
    photos: Path, detector: DigitDetector, location: LocationOptions | None = None, **options: Any
) -> list[dict[str, Any]]:
    output = photos.parent / "digits.jsonl"
    job = FolderJob(photos, output, location=location or LocationOptions(), overwrite=True, **options)
    detect_folder(plan_folder(job), detector)
    return [json.loads(line) for line in output.read_text().splitlines()]


def test_rows_say_what_the_pictures_say_and_no_more(photos: Path, embedded: DigitDetector) -> None:
    first, second, third, fourth = rows_of(photos, embedded)
    assert [*first.items()][:7] == [
        ("image", "1.jpg"),
        ("captured_at", "2026-05-01T10:00:00+02:00"),
        ("latitude", 52.52),
        ("longitude", 13.41),
        ("accuracy_m", 5.0),
        ("heading_deg", 90.0),
        ("focal_length_35mm", 26.0),
    ]
    assert second["captured_at"] == "2026-05-01T10:00:05", "a local time is not made another one"
    assert not LOCATION_FIELDS & second.keys()
    assert set(third) == {"image", "width_px", "height_px", "model", "digits", "numbers"}
    assert set(fourth) == {"image", "error"}, "one bad file stops nothing, and gets no position"
    assert [number["text"] for number in first["numbers"]] == ["31"]


def test_rows_come_back_from_the_file(photos: Path, embedded: DigitDetector) -> None:
    rows_of(photos, embedded)
    first, *_, last = ResultsFile(photos.parent / "digits.jsonl")
    assert isinstance(first, FoundRow)
    assert (first.capture.latitude, first.capture.longitude, first.capture.heading_deg) == (
        52.52,
        13.41,
        90.0,
    )
    assert first.capture.captured_at is not None
    assert first.capture.captured_at.utcoffset() == timedelta(hours=2)
    assert isinstance(last, ErrorRow)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"latitude": 91}, "91 is not a latitude"),
        ({"latitude": "52"}, "'52' is not a latitude"),
        ({"longitude": None}, "None is not a longitude"),
        ({"heading_deg": -1}, "-1 is not a heading_deg"),
        ({"captured_at": "yesterday"}, "yesterday"),
        ({"captured_at": 5}, "must be str"),
        ({"frame": -1, "time_s": 0}, "-1 is not the number of a frame"),
        ({"frame": 1}, "'time_s' is missing"),
        ({"frame": 1, "time_s": "0"}, "'0' is not a time_s"),
    ],
)
def test_a_row_with_an_impossible_place_is_refused(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    row = {
        "image": "a",
        "latitude": 1,
        "longitude": 2,
        "width_px": 9,
        "height_px": 9,
        "digits": [],
        "numbers": [],
    }
    path = tmp_path / "digits.jsonl"
    path.write_text(json.dumps(row | change) + "\n")
    with pytest.raises(InvalidOptionError, match=says):
        list(ResultsFile(path))


def test_half_a_position_is_refused(tmp_path: Path) -> None:
    row = {"image": "a", "latitude": 1, "width_px": 9, "height_px": 9, "digits": [], "numbers": []}
    (tmp_path / "digits.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(InvalidOptionError, match="half of a position"):
        list(ResultsFile(tmp_path / "digits.jsonl"))


WALK = [(50.0, 10.0, "2026-05-01T08:00:00Z"), (50.001, 10.0, "2026-05-01T08:00:10Z")]


@pytest.mark.parametrize(
    ("options", "expected", "reason"),
    [
        ({}, (50.0, None), "the second picture's time has no zone, so no track can tell where it was"),
        ({"zone": ZoneInfo("Europe/Berlin")}, (50.0, 50.0005), "the zone is that of the command line"),
        ({"zone": timezone(timedelta(hours=5))}, (50.0, None), "another zone: before the track began"),
        (
            {"zone": ZoneInfo("Europe/Berlin"), "offset": timedelta(seconds=3)},
            (50.0003, 50.0008),
            "a slow clock",
        ),
        (
            {"zone": ZoneInfo("Europe/Berlin"), "offset": timedelta(seconds=-3)},
            (52.52, 50.0002),
            "a fast clock",
        ),
    ],
)
def test_a_track_gives_positions(
    photos: Path,
    embedded: DigitDetector,
    options: dict[str, Any],
    expected: Sequence[float | None],
    reason: str,
) -> None:
    track = read_track([write_gpx(photos.parent / "walk.gpx", gpx(WALK))])
    rows = rows_of(photos, embedded, LocationOptions(track=track, **options), limit=2)
    assert [row.get("latitude") for row in rows] == pytest.approx(list(expected)), reason
    assert rows[0]["heading_deg"] == 90.0, "which way the camera looked is not the way that was walked"
    assert ("accuracy_m" in rows[0]) == (rows[0]["latitude"] == 52.52), (
        "the accuracy is that of the picture's own"
    )


def test_other_ways_to_find_places_are_another_job(photos: Path, embedded: DigitDetector) -> None:
    rows_of(photos, embedded)
    output = photos.parent / "digits.jsonl"
    job = FolderJob(photos, output, location=LocationOptions(strip=True), resume=True)
    with pytest.raises(InvalidOptionError, match="--strip-location was not given, is given"):
        detect_folder(plan_folder(job), embedded)


def test_nothing_says_where_after_the_location_is_stripped(photos: Path, embedded: DigitDetector) -> None:
    folders = {name: photos.parent / name for name in ("annotated", "report")}
    rows = rows_of(photos, embedded, LocationOptions(strip=True), **folders)
    assert not LOCATION_FIELDS & {name for row in rows for name in row}
    assert rows[0]["captured_at"] == "2026-05-01T10:00:00+02:00", "when is not where"
    written = [path for folder in folders.values() for path in folder.rglob("*") if path.is_file()]
    pictures = [path for path in written if path.suffix in (".jpg", ".png")]
    assert len(pictures) == 6
    for path in pictures:
        with Image.open(path) as picture:
            assert not picture.getexif(), path
            assert not picture.info.keys() & {"exif", "xmp", "comment"}, path
            assert np.asarray(picture).size
    for path in written:
        content = path.read_bytes()
        assert b"Exif" not in content, path
        assert not any(digits in content for digits in (b"52.52", b"13.41", b'latitude":')), path


def test_a_gallery_says_where_unless_told_not_to(photos: Path, embedded: DigitDetector) -> None:
    rows_of(photos, embedded, report=photos.parent / "report")
    assert b"52.52" in (photos.parent / "report" / "index.html").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--gpx", "walk.gpx", "--strip-location"], "choose one"),
        (["--offset", "5s"], "add --gpx TRACK"),
        (["--gpx", "nowhere.gpx"], "No such file"),
        (["--timezone", "Mars/Olympus"], "is not a time zone"),
        (["--timezone", "../../etc/passwd"], "is not a time zone"),
        (["--timezone", "+25:00"], "is not a time zone"),
        (["--gpx", "walk.gpx", "--offset", "soon"], "is not a time such as"),
        (["--gpx", "walk.gpx", "--offset", "9999999h"], "is not a time such as"),
        (["--every", "0s"], "is not a step"),
        (["--every", "0.5f"], "is not a step"),
        (["--every", "1s", "--watch"], "videos are not watched for"),
        (["--every", "1s", "--engine", "ray"], "cannot be had with --engine ray"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    photos: Path,
    arguments: list[str],
    says: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_gpx(photos.parent / "walk.gpx", gpx(WALK))
    monkeypatch.chdir(photos.parent)
    try:
        code = main(["detect-folder", "photos", "--out", "out.jsonl", *arguments])
    except SystemExit as stop:
        code = int(stop.code or 0)
    assert code == 2
    assert says in capsys.readouterr().err
    assert not Path("out.jsonl").exists()
