"""Videos in a folder job: a row for each sampled frame, whatever ends the job and wherever, or damages a video."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from detector.folders import FolderJob, detect_folder, plan_folder
from detector.folders.file_kinds import LeftOutCounts
from detector.folders.location import LocationOptions, read_track
from detector.folders.report import write_report
from detector.folders.results_file import ResultsFile
from detector.folders.sources import PathStream
from detector.images.decode import decode_image
from detector.images.video_frames import Every
from detector.results.errors import InvalidOptionError
from detector.results.interface import ImageDetector
from detector.serving.client import DetectorClient
from tests.detector.folders.location.tracks import gpx, write_gpx
from tests.detector.folders.test_kill_and_resume import COMMAND
from tests.detector.videos import Pixels, cut, write_video

SECOND = Every(Fraction(1), "s")


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[ImageDetector]:
    with DetectorClient(server) as client:
        yield client


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory, real_images: dict[str, Path]) -> Path:
    """Three videos, of which one ends too soon and one is none, and two images between them."""
    folder = tmp_path_factory.mktemp("videos") / "walk"
    folder.mkdir()
    picture = decode_image(real_images["31"].read_bytes())
    even = picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]

    def shown(index: int) -> Pixels:
        return even if index >= 10 else np.full_like(even, 90)

    known = {"creation_time": "2026-05-01T08:00:00Z"}
    write_video(folder / "a.mp4", times_ms=range(0, 3000, 100), picture=shown, metadata=known)
    (folder / "b.png").write_bytes(real_images["31"].read_bytes())
    cut(write_video(folder / "c.MKV", times_ms=range(0, 4000, 100)), 0.5)
    (folder / "d.mov").write_bytes(b"no video" * 100)
    (folder / "e.png").write_bytes(b"no image")
    write_video(folder / "f.avi", "mpeg4", range(0, 1500, 100))
    (folder / "g.wmv").write_bytes(b"")
    return folder


def job(walk: Path, output: Path, **options: Any) -> FolderJob:
    return FolderJob(walk, output, every=SECOND, **options)


def run(the_job: FolderJob, detector: ImageDetector) -> list[dict[str, Any]]:
    detect_folder(plan_folder(the_job), detector)
    return [json.loads(line) for line in the_job.output.read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(walk: Path, client: ImageDetector, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The lines of a run that nothing ended."""
    output = tmp_path_factory.mktemp("whole") / "digits.jsonl"
    run(job(walk, output), client)
    return output.read_text().splitlines(keepends=True)


def test_each_sampled_frame_has_its_row(whole: list[str]) -> None:
    rows = [json.loads(line) for line in whole]
    places = [(row["image"], row.get("frame"), row.get("time_s"), "error" in row) for row in rows]
    assert places[:4] == [
        ("a.mp4", 0, 0.0, False),
        ("a.mp4", 10, 1.0, False),
        ("a.mp4", 20, 2.0, False),
        ("b.png", None, None, False),
    ]
    cut_short = [place for place in places if place[0] == "c.MKV"]
    assert [place[1] for place in cut_short[:-1]] == [10 * index for index in range(len(cut_short) - 1)]
    assert cut_short[-1][3], "what is missing at its end is a row"
    assert places[-5:] == [
        ("d.mov", None, None, True),
        ("e.png", None, None, True),
        ("f.avi", 0, 0.0, False),
        ("f.avi", 10, 1.0, False),
        ("g.wmv", None, None, True),
    ]
    assert [row["captured_at"] for row in rows[:3]] == [
        f"2026-05-01T08:00:0{second}+00:00" for second in range(3)
    ]
    assert [[number["text"] for number in row["numbers"]] for row in rows[:3]] == [[], ["31"], ["31"]]


def test_whatever_is_there_the_rows_become_the_same(
    walk: Path, whole: list[str], client: ImageDetector, tmp_path: Path
) -> None:
    output = tmp_path / "digits.jsonl"
    run(job(walk, output, limit=0), client)
    for count in range(len(whole) + 1):
        torn = "" if count == len(whole) else whole[count][: len(whole[count]) // 2]
        output.write_text("".join(whole[:count]) + torn)
        run(job(walk, output, resume=True), client)
        assert output.read_text() == "".join(whole), f"after {count} rows and a half"


def test_killed_inside_a_video_it_goes_on_there(
    walk: Path, whole: list[str], server: str, tmp_path: Path
) -> None:
    output = tmp_path / "digits.jsonl"
    arguments = [str(walk), "--out", str(output), "--every", "1s", "--server", server, "--resume"]
    for rows in (1, 5, 7):
        with subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and not (
                output.exists() and output.read_bytes().count(b"\n") >= rows
            ):
                time.sleep(0.001)
            process.kill()
    subprocess.run([*COMMAND, *arguments], check=False, capture_output=True)
    assert output.read_text() == "".join(whole)


def test_a_limit_ends_inside_a_video_and_more_goes_on_there(
    walk: Path, whole: list[str], client: ImageDetector, tmp_path: Path
) -> None:
    output = tmp_path / "digits.jsonl"
    assert len(run(job(walk, output, limit=2), client)) == 2
    assert len(run(job(walk, output, limit=7, resume=True), client)) == 7
    assert output.read_text() == "".join(whole[:7])


@pytest.mark.parametrize("count", range(8))
def test_a_list_that_names_a_video_twice_gets_its_rows_twice(
    walk: Path, client: ImageDetector, tmp_path: Path, count: int
) -> None:
    """Also when they follow each other, and wherever the job was ended."""
    given = [str(walk / name) for name in ("a.mp4", "a.mp4", "b.png", "a.mp4")]
    expected = [
        (0, "a.mp4"),
        (20, "a.mp4"),
        (0, "a.mp4"),
        (20, "a.mp4"),
        (None, "b.png"),
        (0, "a.mp4"),
        (20, "a.mp4"),
    ]
    rows: list[dict[str, Any]] = []
    for limit in (count, None):
        reader, writer = os.pipe()
        os.write(writer, "\n".join(given).encode())
        os.close(writer)
        two_seconds = Every(Fraction(2), "s")
        listed = FolderJob(
            PathStream(reader), tmp_path / "out.jsonl", every=two_seconds, limit=limit, resume=True
        )
        rows = run(listed, client)
        os.close(reader)
        assert len(rows) == (len(expected) if limit is None else limit)
    assert [(row.get("frame"), Path(row["image"]).name) for row in rows] == expected


def test_without_a_step_videos_are_named_and_left_out(walk: Path, tmp_path: Path) -> None:
    plan = plan_folder(FolderJob(walk, tmp_path / "out.jsonl"))
    assert [file.name for file in plan.left_out] == ["a.mp4", "c.MKV", "d.mov", "f.avi", "g.wmv"]
    (line,) = LeftOutCounts(plan.left_out).lines()
    assert "5 videos are not read, such as a.mp4: --every 1s reads" in line
    assert plan_folder(job(walk, tmp_path / "out.jsonl")).left_out == ()


def test_a_video_without_a_suffix_is_told_by_its_content(
    walk: Path, client: ImageDetector, tmp_path: Path
) -> None:
    (tmp_path / "walk").mkdir()
    (tmp_path / "walk" / "clip").symlink_to(walk / "a.mp4")
    rows = run(job(tmp_path / "walk", tmp_path / "out.jsonl"), client)
    assert [(row["image"], row["frame"]) for row in rows] == [("clip", 0), ("clip", 10), ("clip", 20)]


def test_another_step_is_another_job(walk: Path, client: ImageDetector, tmp_path: Path) -> None:
    run(job(walk, tmp_path / "out.jsonl", limit=1), client)
    other = FolderJob(walk, tmp_path / "out.jsonl", every=Every(Fraction(2), "s"), resume=True)
    with pytest.raises(InvalidOptionError, match="--every was 1s, is 2s"):
        run(other, client)


def test_a_track_gives_each_frame_its_place(walk: Path, client: ImageDetector, tmp_path: Path) -> None:
    points = [(50.0, 10.0, "2026-05-01T08:00:00Z"), (50.001, 10.0, "2026-05-01T08:00:10Z")]
    track = read_track([write_gpx(tmp_path / "walk.gpx", gpx(points))])
    rows = run(job(walk, tmp_path / "out.jsonl", location=LocationOptions(track=track), limit=4), client)
    assert [row.get("latitude") for row in rows] == [50.0, 50.0001, 50.0002, None]
    assert "heading_deg" not in rows[0], "which way a camera looks is not known from the way it goes"


def test_frames_have_pictures_of_their_own(walk: Path, client: ImageDetector, tmp_path: Path) -> None:
    pictures = tmp_path / "annotated"
    run(job(walk, tmp_path / "out.jsonl", annotated=pictures, limit=6), client)
    found = sorted(path.relative_to(pictures).as_posix() for path in pictures.rglob("*") if path.is_file())
    assert found[:4] == ["a.mp4/000000.jpg", "a.mp4/000010.jpg", "a.mp4/000020.jpg", "b.png"]


def test_a_gallery_shows_frames(walk: Path, whole: list[str], tmp_path: Path) -> None:
    (tmp_path / "digits.jsonl").write_text("".join(whole))
    report = write_report(ResultsFile(tmp_path / "digits.jsonl"), walk, tmp_path / "report")
    assert (report.images, report.missing) == (len(whole), 0)
    with Image.open(tmp_path / "report" / "pictures" / "000001.jpg") as grey:
        assert abs(np.asarray(grey).mean() - 90) < 3
    with Image.open(tmp_path / "report" / "pictures" / "000002.jpg") as house:
        assert np.asarray(house).std() > 10
