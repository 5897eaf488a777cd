"""`digit-detector detect-folder` from a shell's side: lists on standard input, patterns, ends, exit codes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from detector.cli.main import main
from detector.folders.run_settings import settings_path
from tests.detector.pictures import encode, scene
from tests.detector.serving.loads import ENDLESS
from tests.detector.serving.programs import running, serving

COMMAND = [
    sys.executable,
    "-c",
    "import sys; from detector.cli.main import main; sys.exit(main())",
    "detect-folder",
]
LONG = 120.0
"""Seconds: what is to happen does so soon, but a busy machine takes its time."""


@pytest.fixture
def photos(tmp_path: Path, real_images: dict[str, Path]) -> Path:
    """tmp_path/photos with ten images in two folders."""
    for number, path in enumerate([*real_images.values()] * 2 + [*real_images.values()][:2]):
        place = tmp_path / "photos" / f"street {number % 2}" / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    return tmp_path / "photos"


def run(
    *arguments: str | Path, given: bytes = b"", cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], input=given, cwd=cwd, capture_output=True, check=False
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def names(output: Path) -> list[str]:
    return [row["image"] for row in rows(output)]


def rows(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.read_text().splitlines()]


@pytest.mark.parametrize(
    ("separator", "options"),
    [(b"\n", ()), (b"\0", ("--null",)), (b"\0", ("-0",))],
    ids=["lines", "null", "0"],
)
def test_a_list_on_standard_input_is_read_in_its_order(
    photos: Path, tmp_path: Path, server: str, separator: bytes, options: tuple[str, ...]
) -> None:
    given = ["photos/street 1/3.png", "nowhere.png", str(photos / "street 0/2.png"), "photos/street 1/3.png"]
    if options:
        given.append("photos/two\nlines.png")
        shutil.copy(photos / "street 0" / "0.png", photos / "two\nlines.png")
    stdin = separator.join(name.encode() for name in given) + separator
    where = ["--out", "out.jsonl", "--annotated", "pictures", "--server", server]
    done = run("-", *options, *where, given=stdin, cwd=tmp_path)
    assert done.returncode == 1, "one is not there"
    assert names(tmp_path / "out.jsonl") == given
    assert [row["image"] for row in rows(tmp_path / "out.jsonl") if "error" in row] == ["nowhere.png"]
    assert (tmp_path / "pictures" / str(photos / "street 0/2.png").lstrip("/")).is_file()
    first = (tmp_path / "out.jsonl").read_bytes()
    assert run("-", *options, *where, "--resume", given=stdin, cwd=tmp_path).returncode == 1
    assert (tmp_path / "out.jsonl").read_bytes() == first, "nothing was left to do"


def test_a_list_never_leads_out_of_the_annotated_folder_or_onto_an_image(
    photos: Path, tmp_path: Path, server: str
) -> None:
    before = {path: path.read_bytes() for path in photos.rglob("*.png")}
    outside = run(
        *("-", "--out", "out.jsonl", "--annotated", "deep/pictures", "--server", server),
        given=b"photos/../photos/street 0/0.png\n",
        cwd=tmp_path,
    )
    assert outside.returncode == 0
    assert (tmp_path / "deep/pictures/photos/photos/street 0/0.png").is_file()
    onto = run(
        *("-", "--out", "other.jsonl", "--annotated", ".", "--server", server),
        given=b"photos/street 0/0.png\n",
        cwd=tmp_path,
    )
    assert onto.returncode == 2
    assert "name another folder" in onto.stderr
    assert {path: path.read_bytes() for path in photos.rglob("*.png")} == before


def test_patterns_limit_and_a_random_order(photos: Path, tmp_path: Path, server: str) -> None:
    output = tmp_path / "out.jsonl"
    choose = ["--include", "street 0/*", "--include", "*/9.png", "--exclude", "*/4.png", "--server", server]
    assert run(photos, "--out", output, *choose).returncode == 0
    wanted = ["street 0/0.png", "street 0/2.png", "street 0/6.png", "street 0/8.png", "street 1/9.png"]
    assert names(output) == wanted
    orders = {}
    for seed in ("1", "2"):
        output = tmp_path / f"{seed}.jsonl"
        order = ["--shuffle", "--seed", seed, "--limit"]
        assert run(photos, "--out", output, *choose, *order, "2").returncode == 0
        assert len(names(output)) == 2
        assert run(photos, "--out", output, *choose, *order, "4", "--resume").returncode == 0
        assert run(photos, "--out", output, *choose, *order[:-1], "--resume").returncode == 0
        assert sorted(names(output)) == wanted
        orders[seed] = names(output)
    assert orders["1"] != orders["2"]


def test_videos_are_named_and_left_out(photos: Path, tmp_path: Path, server: str) -> None:
    video = b"\0\0\0\x18ftypisom" + bytes(100)
    for name in ("clip.MP4", "street 0/clip.mov"):
        (photos / name).write_bytes(video)
    done = run(photos, "--out", tmp_path / "out.jsonl", "--limit", "1", "--server", server)
    assert done.returncode == 0
    assert "2 videos are not read, such as clip.MP4" in done.stderr
    assert "ffmpeg -i VIDEO" in done.stderr
    alone = run(photos / "clip.MP4", "--out", tmp_path / "other.jsonl", "--server", server)
    assert alone.returncode == 2
    assert "is a video" in alone.stderr
    assert "ffmpeg -i VIDEO" in alone.stderr
    listed = run("-", "--out", tmp_path / "list.jsonl", "--server", server, given=bytes(photos / "clip.MP4"))
    assert listed.returncode == 1
    assert "a video, not an image" in rows(tmp_path / "list.jsonl")[0]["error"]["message"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-", "--watch"), "only a folder can be watched"),
        (("photos", "--watch", "--shuffle"), "no random order"),
        (("-", "--shuffle"), "no random order"),
        (("photos", "--limit", "few"), "not a whole number from 0 on"),
        (("photos", "--limit", "1.5"), "not a whole number from 0 on"),
        (("photos", "--resume", "--overwrite"), "not allowed with"),
        (("photos/street 0/0.png",), "digit-detector detect"),
    ],
)
def test_contradictions_are_refused_before_any_work(
    photos: Path, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    done = run(*options, "--out", "out.jsonl", cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "out.jsonl").exists()


def test_earlier_rows_need_a_word_and_other_settings_are_refused(
    photos: Path, tmp_path: Path, server: str
) -> None:
    job = [photos, "--out", tmp_path / "out.jsonl", "--server", server]
    assert run(*job, "--limit", "2", "--resume").returncode == 0, (
        "without earlier output --resume starts afresh"
    )
    again = run(*job)
    assert again.returncode == 2
    assert "--resume" in again.stderr
    assert "--overwrite" in again.stderr
    other = run(*job, "--resume", "--min-score", "0.3")
    assert other.returncode == 2
    assert f"argument --out: {tmp_path / 'out.jsonl'} was begun with other settings" in other.stderr
    assert "(--min-score was not given, is 0.3)" in other.stderr
    assert len(names(tmp_path / "out.jsonl")) == 2
    assert run(*job, "--overwrite", "--min-score", "0.3", "--limit", "1").returncode == 0
    assert len(names(tmp_path / "out.jsonl")) == 1


FULL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1500, resource.RLIM_INFINITY)); "


def test_a_full_disk_ends_with_3_and_the_job_goes_on(photos: Path, tmp_path: Path, server: str) -> None:
    job = [str(photos), "--server", server, "--out"]
    full = [*COMMAND[:2], FULL_DISK + COMMAND[2], COMMAND[3], *job, str(tmp_path / "out.jsonl")]
    done = subprocess.run(full, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "File too large" in done.stderr
    assert "--resume goes on" in done.stderr
    assert run(*job, tmp_path / "out.jsonl", "--resume").returncode == 0
    assert run(*job, tmp_path / "whole.jsonl").returncode == 0
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_files_that_go_or_come_between_runs_cost_no_row(photos: Path, tmp_path: Path, server: str) -> None:
    output = tmp_path / "out.jsonl"
    assert run(photos, "--out", output, "--limit", "4", "--server", server).returncode == 0
    before = names(output)
    (photos / before[0]).unlink()
    (photos / "street 1" / "9.png").unlink()
    shutil.copy(photos / "street 1" / "7.png", photos / "new.png")
    assert run(photos, "--out", output, "--resume", "--server", server).returncode == 0
    left = [
        "new.png",
        "street 0/8.png",
        "street 1/1.png",
        "street 1/3.png",
        "street 1/5.png",
        "street 1/7.png",
    ]
    assert names(output) == before + left


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_watched_folder_is_worked_off_until_a_signal_and_goes_on(
    photos: Path, tmp_path: Path, server: str, number: signal.Signals, code: int
) -> None:
    output = tmp_path / "out.jsonl"
    job = [str(photos), "--out", str(output), "--watch", "--server", server]
    for arriving, expected in ((None, 10), ("late.png", 11)):
        with subprocess.Popen([*COMMAND, *job, "--resume"], stderr=subprocess.PIPE, text=True) as process:
            if arriving:
                shutil.copy(photos / "street 0" / "0.png", photos / arriving)
            deadline = time.monotonic() + LONG
            while time.monotonic() < deadline and (not output.exists() or len(names(output)) < expected):
                time.sleep(0.05)
            process.send_signal(number)
            assert process.stderr is not None
            said = process.stderr.read()
        assert process.returncode == code
        assert "--resume goes on" in said
        assert f"{expected} images (0 not read), " in said.splitlines()[-1]
        assert "error" not in said
        assert "Traceback" not in said
    assert sorted(names(output)) == sorted({*names(output)}), "each image once"
    assert names(output)[-1] == "late.png"


@pytest.mark.skipif(
    os.geteuid() == 0 and not Path("/proc/sys").exists(), reason="no place that cannot be written"
)
def test_a_place_that_cannot_be_written_is_refused(photos: Path, tmp_path: Path) -> None:
    done = run(photos, "--out", "/proc/sys/out.jsonl")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr


def test_nothing_is_written_but_the_output_and_its_settings(
    photos: Path, tmp_path: Path, server: str
) -> None:
    before = set(tmp_path.rglob("*"))
    output = tmp_path / "out.jsonl"
    assert run(photos, "--out", output, "--server", server).returncode == 0
    assert set(tmp_path.rglob("*")) - before == {output, settings_path(output)}


def test_an_image_that_takes_too_long_is_its_row_and_not_the_end(
    tmp_path: Path, checkout: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    for name, width in {"a": 48, "b": ENDLESS, "c": 48, "d": ENDLESS, "e": 48}.items():
        (tmp_path / "photos" / f"{name}.png").write_bytes(encode("PNG", scene(size=(width, 32))))
    with running(serving("stalling"), checkout) as process:
        where = ["--server", process.address(), "--timeout", "5", "--calls", "2"]
        done = run(tmp_path / "photos", "--out", tmp_path / "out.jsonl", *where)
        assert done.returncode == 1
        assert "5 images (2 not read)" in done.stderr
        slow = {row["image"]: row["error"] for row in rows(tmp_path / "out.jsonl") if "error" in row}
        assert slow.keys() == {"b.png", "d.png"}
        assert {error["code"] for error in slow.values()} == {"DEADLINE_EXCEEDED"}
        assert "--timeout" in slow["b.png"]["message"]
        assert main(["detect", str(tmp_path / "photos" / "b.png"), *where]) == 1
        assert "b.png: the server did not answer within 5 s" in capfd.readouterr().err
