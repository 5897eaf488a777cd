"""The list of images, its units, and their rows in both formats. No cluster is needed."""

import os
import pickle
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from PIL import Image
from PIL.ExifTags import Base

from detector import DetectOptions, DigitDetector
from detector.folders import FolderJob, detect_folder, plan_folder
from detector.folders.location import LocationOptions, read_track
from detector.folders.rows import Row, detections_row, error_row, row_of, to_json_line
from detector.folders.sharded import work_units
from detector.folders.sharded.shard_worker import FORMATS, detect_entries
from detector.folders.sharded.sharded_job import ShardedJob
from detector.folders.sharded.storage import StorageDir, storage_at
from detector.folders.sharded.work_units import (
    Entry,
    Listing,
    read_lines,
    read_listing,
    work_unit,
    write_listing,
)
from detector.images.metadata import Capture
from detector.results.errors import ImageUnreadableError
from tests.detector.captures import GOOD_GPS, GOOD_TIME, encoded, exif_block
from tests.detector.folders.location.tracks import gpx, write_gpx

pytestmark = pytest.mark.ray


@pytest.fixture
def output(tmp_path: Path) -> StorageDir:
    return storage_at(str(tmp_path / "out"), "output")


@pytest.mark.parametrize(
    ("count", "listing"),
    [
        (0, Listing(0, 0, 0)),
        (1, Listing(1, 1, 1)),
        (6, Listing(6, 2, 1)),
        (7, Listing(7, 3, 1)),
        (25, Listing(25, 9, 3)),
    ],
)
def test_units_come_back_in_order(
    output: StorageDir, monkeypatch: pytest.MonkeyPatch, count: int, listing: Listing
) -> None:
    monkeypatch.setattr(work_units, "FILE_IMAGES", 12)
    entries = [Entry(f"{number}.png") for number in range(count)]
    said: list[int] = []
    assert write_listing(iter(entries), output, 3, said.append) == listing
    assert read_listing(output) == listing
    assert said == sorted(said)
    assert said[-1:] == ([count] if count else [])
    found = [work_unit(line) for file in range(listing.files) for line in read_lines(output, file)]
    assert [unit.number for unit in found] == list(range(listing.units))
    assert [entry for unit in found for entry in unit.entries] == entries
    assert all(len(unit.entries) == 3 for unit in found[:-1])


def test_any_name_and_any_error_can_be_listed(output: StorageDir) -> None:
    names = [os.fsdecode(b"\xff\n.png"), 'a "b".png', "ü/😀.png", "\u2028.png"]
    entries = [*map(Entry, names), Entry("closed", ImageUnreadableError("no permission"))]
    write_listing(entries, output, 100, lambda count: None)
    (line,) = read_lines(output, 0)
    found = work_unit(line).entries
    assert [entry.name for entry in found] == [*names, "closed"]
    assert [entry.error and str(entry.error) for entry in found] == [None] * 4 + ["no permission"]


def test_a_list_that_was_cut_short_is_none(output: StorageDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_units, "FILE_IMAGES", 2)

    def breaking_off() -> Iterator[Entry]:
        yield from map(Entry, "abcde")
        raise ConnectionError("the store went away")

    with pytest.raises(ConnectionError):
        write_listing(breaking_off(), output, 1, lambda count: None)
    assert list(read_lines(output, 1)), "some of it is there"
    assert read_listing(output) is None


PLACED = Capture(
    captured_at=datetime(2026, 5, 1, 10, tzinfo=timezone(timedelta(hours=2))),
    latitude=52.5200944,
    longitude=13.4100278,
    heading_deg=90.0,
    focal_length_35mm=26.0,
)


@pytest.fixture
def rows(embedded: DigitDetector, real_images: dict[str, Path]) -> list[Row]:
    found = embedded.detect(real_images["101"].read_bytes())
    nothing = embedded.detect(real_images["101"].read_bytes(), DetectOptions(score_threshold=1.0))
    return [
        detections_row("101.png", found),
        detections_row("nothing.png", nothing),
        row_of("placed.jpg", nothing, PLACED),
        error_row("ü\udcff.png", ImageUnreadableError("gone")),
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_rows_come_back_the_same(name: str, rows: list[Row]) -> None:
    assert rows[0]["numbers"]
    assert not rows[1]["digits"]
    format_ = FORMATS[name]
    assert format_.decode(format_.encode(rows)) == rows
    assert format_.decode(format_.encode([])) == []


def test_a_shard_says_when_and_where_as_a_job_on_one_machine_does(
    embedded: DigitDetector, real_images: dict[str, Path], output: StorageDir, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    exif = exif_block(GOOD_TIME | {Base.FocalLengthIn35mmFilm: 26}, GOOD_GPS)
    (photos / "1.jpg").write_bytes(encoded("JPEG", exif, Image.open(real_images["101"])))
    (photos / "2.png").write_bytes(real_images["101"].read_bytes())
    points = [(50.0, 10.0, "2026-05-01T07:59:59Z"), (50.001, 10.0, "2026-05-01T08:00:09Z")]
    track = read_track([write_gpx(tmp_path / "walk.gpx", gpx(points))])
    for location in (LocationOptions(), LocationOptions(track=track), LocationOptions(strip=True)):
        job = FolderJob(photos, tmp_path / "digits.jsonl", location=location, overwrite=True)
        detect_folder(plan_folder(job), embedded)
        sharded = ShardedJob(storage_at(str(photos), "images"), output, location=location)
        entries = (Entry("1.jpg"), Entry("2.png"))
        made = [
            to_json_line(row)
            for row in detect_entries(entries, pickle.loads(pickle.dumps(sharded)), embedded)
        ]
        assert made == (tmp_path / "digits.jsonl").read_text().splitlines()
        assert any("captured_at" in line for line in made)
        assert any("latitude" in line for line in made) == (not location.strip)


@pytest.mark.parametrize("name", FORMATS)
def test_a_torn_shard_is_none(name: str, rows: list[Row]) -> None:
    content = FORMATS[name].encode(rows)
    with pytest.raises(ValueError):  # noqa: PT011 - JSON's and pyarrow's say different things
        FORMATS[name].decode(content[: len(content) // 2])
