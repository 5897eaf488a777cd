"""Results on the map: each format read by somebody else's reader, and said no more than is known."""

import csv
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import gpxpy
import pytest
from geojson_pydantic import FeatureCollection

from detector.cli.main import main
from detector.folders.formats import convert
from detector.folders.formats.maps import bearings, offset_from_axis_deg
from detector.folders.results_file import FoundRow, ResultsFile
from detector.results.errors import InvalidOptionError
from tests.detector.folders.gallery_rows import HOSTILE, Row, error_row, made_row, write_rows
from tests.detector.folders.location.found import BOX, moved, picture

HERE = {"latitude": 52.52, "longitude": 13.41}
MAPS = ("geojson", "gpx", "osm-notes-csv")


def located(name: str, *numbers: tuple[str, float], **known: Any) -> Row:
    return made_row(name, *numbers) | known


ROWS = [
    located(
        "street/1.jpg",
        ("75", 0.97),
        **HERE,
        captured_at="2026-05-01T10:00:00+02:00",
        altitude_m=34.5,
        accuracy_m=4.0,
        heading_deg=350.0,
        focal_length_35mm=26.0,
    ),
    located(
        "street/2.jpg", ("75", 0.8), latitude=52.5201, longitude=13.41, captured_at="2026-05-01T10:00:09"
    ),
    located("street/3.jpg", ("4", 0.9)),
    located("street/4.jpg", latitude=52.5, longitude=13.4),
    error_row("street/5.jpg"),
]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "digits.jsonl", ROWS)


def converted(results: Path, form: str, *options: str) -> str:
    out = results.parent / f"out.{form}"
    assert main(["convert", str(results), "--to", form, "--out", str(out), *options]) == 0
    return out.read_text(encoding="utf-8")


def test_geojson_says_what_is_known_by_the_rules_of_rfc_7946(results: Path) -> None:
    text = converted(results, "geojson")
    collection = FeatureCollection.model_validate_json(text)
    assert len(collection.features) == 2, "one has no position, one no number"
    first, second = json.loads(text)["features"]
    assert first["geometry"] == {"type": "Point", "coordinates": [13.41, 52.52]}, "longitude first"
    assert first["properties"] == {
        "addr:housenumber": "75",
        "score": 0.97,
        "captured_at": "2026-05-01T10:00:00+02:00",
        "altitude_m": 34.5,
        "accuracy_m": 4.0,
        "heading_deg": 350.0,
        "bearing_deg": 331.5,
        "picture": "street/1.jpg",
        "pictures": ["street/1.jpg"],
    }
    assert set(second["properties"]) == {"addr:housenumber", "score", "captured_at", "picture", "pictures"}


def test_gpx_is_read_by_its_library(results: Path) -> None:
    document = gpxpy.parse(converted(results, "gpx"))
    first, second = document.waypoints
    assert (first.latitude, first.longitude, first.elevation, first.name) == (52.52, 13.41, 34.5, "75")
    assert first.time == datetime(2026, 5, 1, 8, tzinfo=UTC)
    assert first.link == "street/1.jpg"
    assert second.time is None, "a local time is no moment"


def test_notes_are_for_people(results: Path) -> None:
    first, second = csv.DictReader(converted(results, "osm-notes-csv").splitlines())
    assert (first["lat"], first["lon"]) == ("52.5200000", "13.4100000")
    for word in ("75", "0.97", "2026-05-01 10:00", "332 degrees from true north", "to 4 m", "please check"):
        assert word in first["text"]
    assert "degrees" not in second["text"]


@pytest.mark.parametrize("form", MAPS)
def test_points_are_merged_by_their_distance(
    results: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    converted(results, form)
    assert (
        "4 images (1 that were not read are left out), 2 points on the map (1 without a position are left out)"
        in (capsys.readouterr().err)
    )
    text = converted(results, form, "--merge", "15m")
    assert "1 points on the map" in capsys.readouterr().err
    assert "0.97" in text
    if form == "geojson":
        (feature,) = json.loads(text)["features"]
        assert feature["properties"]["pictures"] == ["street/1.jpg", "street/2.jpg"]


@pytest.mark.parametrize("form", MAPS)
def test_names_are_text_and_nothing_else(tmp_path: Path, form: str) -> None:
    rows = [located(name, ("7", 0.9), **HERE) for name in HOSTILE]
    text = converted(write_rows(tmp_path / "digits.jsonl", rows), form)
    if form == "geojson":
        collection = FeatureCollection.model_validate_json(text)
        assert [(each.properties or {})["picture"] for each in collection.features] == HOSTILE
    elif form == "gpx":
        links = [unquote(str(each.link)) for each in gpxpy.parse(text).waypoints]
        assert links == HOSTILE
    else:
        assert len(list(csv.reader(text.splitlines()))) == 1 + len(HOSTILE)


@pytest.mark.parametrize("form", MAPS)
def test_no_rows_make_an_empty_map(tmp_path: Path, form: str) -> None:
    text = converted(write_rows(tmp_path / "digits.jsonl", []), form)
    if form == "geojson":
        assert FeatureCollection.model_validate_json(text).features == []
    elif form == "gpx":
        assert gpxpy.parse(text).waypoints == []
    else:
        assert text == "lat,lon,text\n"


def test_what_cannot_be_merged_is_refused(results: Path) -> None:
    with pytest.raises(InvalidOptionError, match="joins points on a map"):
        convert(ResultsFile(results), "coco", results.parent / "out", 15.0)
    for distance in ("15", "-1m", "far", "nanm", "200000m"):
        with pytest.raises(SystemExit):
            main(["convert", str(results), "--to", "gpx", "--out", "x", "--merge", distance])


@pytest.mark.parametrize(
    ("capture", "x", "expected", "reason"),
    [
        ({"heading_deg": 90.0, "focal_length_35mm": 26.0}, 0, {"bearing_deg": 90.0}, "in the middle"),
        ({"heading_deg": 90.0, "focal_length_35mm": 26.0}, 40, {"bearing_deg": 117.5}, "to the right"),
        ({"heading_deg": 90.0, "focal_length_35mm": 26.0}, -40, {"bearing_deg": 62.5}, "to the left"),
        ({"heading_deg": 350.0, "focal_length_35mm": 26.0}, 40, {"bearing_deg": 17.5}, "past north"),
        (
            {"heading_deg": 10.0, "focal_length_35mm": 26.0},
            -40,
            {"bearing_deg": 342.5},
            "past north, backwards",
        ),
        (
            {"magnetic_heading_deg": 90.0, "focal_length_35mm": 26.0},
            0,
            {"magnetic_bearing_deg": 90.0},
            "magnetic",
        ),
        ({"heading_deg": 90.0}, 0, {}, "the lens is not known"),
        ({"focal_length_35mm": 26.0}, 0, {}, "the heading is not known"),
    ],
)
def test_the_bearing_of_a_number(
    capture: dict[str, float], x: float, expected: dict[str, float], reason: str
) -> None:
    assert bearings(picture("a", **capture), moved(x)) == expected, reason


def test_a_full_frame_lens_sees_what_it_is_known_for() -> None:
    """24 mm on 36 x 24 mm: 73.7 degrees from edge to edge."""
    row = FoundRow(1, "a", 3600, 2400, (), (), None, picture("a", focal_length_35mm=24.0).capture)
    assert offset_from_axis_deg(row, (3600, 0, 3600, 9)) == pytest.approx(73.74 / 2, abs=0.01)


def test_a_panorama_has_no_single_lens() -> None:
    row = FoundRow(1, "a", 9000, 2400, (), (), None, picture("a", focal_length_35mm=24.0).capture)
    assert offset_from_axis_deg(row, BOX) is None


def test_frames_of_a_video_have_labels_of_their_own(tmp_path: Path) -> None:
    rows = [located("a.mp4", ("7", 0.9), frame=frame, time_s=frame / 10) for frame in (0, 5)]
    results = ResultsFile(write_rows(tmp_path / "digits.jsonl", rows))
    convert(results, "yolo", tmp_path / "yolo")
    convert(results, "voc", tmp_path / "voc")
    convert(results, "coco", tmp_path / "coco.json")
    names = ["a.mp4/000000", "a.mp4/000005"]
    for folder, suffix in (("yolo/labels", ".txt"), ("voc/Annotations", ".xml")):
        paths = sorted(
            path.relative_to(tmp_path / folder) for path in (tmp_path / folder).rglob("*" + suffix)
        )
        assert [path.as_posix() for path in paths] == [name + suffix for name in names]
    images = json.loads((tmp_path / "coco.json").read_text())["images"]
    assert [image["file_name"] for image in images] == [f"{name}.jpg" for name in names]


def test_a_local_time_with_an_offset_stays_what_it_was(tmp_path: Path) -> None:
    row = located("a", ("7", 0.9), **HERE, captured_at="2026-05-01T10:00:00.250-03:30")
    (found,) = ResultsFile(write_rows(tmp_path / "digits.jsonl", [row]))
    assert isinstance(found, FoundRow)
    zone = timezone(-timedelta(hours=3, minutes=30))
    assert found.capture.captured_at == datetime(2026, 5, 1, 10, 0, 0, 250_000, tzinfo=zone)
