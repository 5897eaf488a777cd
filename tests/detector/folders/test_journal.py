"""The output of a folder job survives any end: torn tails, full disks, killed writers, other people's settings."""

import errno
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.folders.journal import Journal, open_journal
from detector.folders.progress import FolderSummary
from detector.folders.rows import Row, to_json_line
from detector.folders.run_settings import settings_path
from detector.results.errors import InvalidOptionError

SETTINGS = {"model": "test 1", "options": {"score_threshold": 0.5}, "exclude": ["*\u00e9*"]}

ROWS: list[Row] = [
    {"image": "a.png", "width_px": 4, "height_px": 3, "digits": [], "numbers": []},
    {"image": "b\n\\xff.png", "error": {"code": "IMAGE_EMPTY", "message": "the image has no bytes"}},
    {"image": "c.png", "width_px": 4, "height_px": 3, "digits": [{"label": 1}], "numbers": [{"text": "1"}]},
]
WHOLE = b"".join(to_json_line(row).encode() + b"\n" for row in ROWS)


def begin(output: Path, content: bytes) -> Path:
    """An output that an earlier run with `SETTINGS` has left like this."""
    with open_journal(output, SETTINGS, resume=False, overwrite=True):
        pass
    output.write_bytes(content)
    return output


def finish(output: Path) -> FolderSummary:
    """Takes the output up and appends the rows that are missing."""
    with open_journal(output, SETTINGS, resume=True, overwrite=False) as journal:
        for row in ROWS:
            if not journal.done[row["image"]]:
                journal.append(row)
        return journal.summary


@pytest.mark.parametrize("cut", range(len(WHOLE) + 1))
def test_cut_at_any_byte_it_ends_as_if_nothing_had_happened(tmp_path: Path, cut: int) -> None:
    output = begin(tmp_path / "out.jsonl", WHOLE[:cut])
    assert finish(output) == FolderSummary(rows=3, errors=1, digits=1, numbers=1)
    assert output.read_bytes() == WHOLE


@given(cut=st.integers(0, len(WHOLE)), zeros=st.integers(1, 5000))
def test_blocks_that_a_power_cut_left_empty_are_cut_off(
    tmp_path_factory: pytest.TempPathFactory, cut: int, zeros: int
) -> None:
    output = begin(tmp_path_factory.mktemp("out") / "out.jsonl", WHOLE[:cut] + bytes(zeros) + WHOLE[cut:][:9])
    finish(output)
    assert output.read_bytes() == WHOLE


@pytest.mark.parametrize(
    ("foreign", "reason"),
    [
        (b"not JSON\n", "text"),
        (b"[1, 2]\n", "JSON, but no row"),
        (b'{"name": "a.png"}\n', "a row without an image"),
        (b'{"image": 3}\n', "an image that is no name"),
        (b"\n", "an empty line"),
        (b"[" * 100_000 + b"\n", "deeper than JSON readers go"),
        (b"\xff\n", "not text"),
    ],
)
def test_a_changed_output_is_refused_and_left_as_it_is(tmp_path: Path, foreign: bytes, reason: str) -> None:
    first, rest = WHOLE.split(b"\n", 1)
    content = first + b"\n" + foreign + rest
    output = begin(tmp_path / "out.jsonl", content)
    with pytest.raises(InvalidOptionError, match=r"line 2 is not a row.*--overwrite"):
        finish(output)
    assert output.read_bytes() == content, reason


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model": "test 2"}, "model was test 1, is test 2"),
        ({"options": {}}, "(--min-score was 0.5, is not given)"),
        (
            {"options": {"score_threshold": 0.5, "exhaustive": True}},
            "(--exhaustive was not given, is given)",
        ),
        ({"seed": 3}, "seed was not given, is 3"),
        ({"exclude": ["a", "b"]}, "--exclude was *\u00e9*, is a and b"),
        ({"shuffle seed": 0}, "the seed of --shuffle was not given, is 0"),
    ],
)
def test_other_settings_are_refused_and_named(tmp_path: Path, change: Row, named: str) -> None:
    output = begin(tmp_path / "out.jsonl", WHOLE[:90])
    with (
        pytest.raises(InvalidOptionError) as refusal,
        open_journal(output, SETTINGS | change, resume=True, overwrite=False),
    ):
        pass
    assert named in str(refusal.value)
    assert "--overwrite" in str(refusal.value)
    assert output.read_bytes() == WHOLE[:90]


@pytest.mark.parametrize("sidecar", [None, b"", b"{", b"[1]", b"\xff"])
def test_rows_of_unknown_settings_are_not_continued(tmp_path: Path, sidecar: bytes | None) -> None:
    output = begin(tmp_path / "out.jsonl", WHOLE[:90])
    settings_path(output).unlink()
    if sidecar is not None:
        settings_path(output).write_bytes(sidecar)
    with pytest.raises(InvalidOptionError, match="--overwrite"):
        finish(output)
    assert output.read_bytes() == WHOLE[:90]


@pytest.mark.parametrize(
    ("resume", "overwrite", "rows"), [(False, False, None), (True, False, 3), (False, True, 0)]
)
def test_earlier_rows_are_kept_or_dropped_only_when_asked(
    tmp_path: Path, resume: bool, overwrite: bool, rows: int | None
) -> None:
    output = begin(tmp_path / "out.jsonl", WHOLE)
    with ExitStack() as stack:
        if rows is None:
            stack.enter_context(pytest.raises(InvalidOptionError, match=r"--resume.*--overwrite"))
        with open_journal(output, SETTINGS, resume=resume, overwrite=overwrite) as journal:
            assert journal.summary.rows == rows
    assert len(output.read_bytes().splitlines()) == (3 if rows is None else rows)


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("left_over", [(), ("sidecar",), ("sidecar", "empty output")])
def test_nothing_or_left_overs_begin_afresh(tmp_path: Path, resume: bool, left_over: tuple[str, ...]) -> None:
    output = tmp_path / "out.jsonl"
    if "sidecar" in left_over:
        settings_path(output).write_text("of a run that ended before its first row")
    if "empty output" in left_over:
        output.touch()
    with open_journal(output, SETTINGS, resume=resume, overwrite=False) as journal:
        journal.append(ROWS[0])
    assert json.loads(settings_path(output).read_bytes()) == SETTINGS
    assert output.read_bytes() == WHOLE.splitlines(keepends=True)[0]


HOLD = """
import sys, time
from pathlib import Path
from detector.folders.journal import open_journal
with open_journal(Path(sys.argv[1]), {}, resume=False, overwrite=True):
    print("open", flush=True)
    time.sleep(600)
"""


def test_two_writers_are_one_too_many_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(output)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        for resume, overwrite in ((False, False), (True, False), (False, True)):
            with (
                pytest.raises(InvalidOptionError, match="another run is writing"),
                open_journal(output, {}, resume=resume, overwrite=overwrite),
            ):
                pass
        process.send_signal(signal.SIGKILL)
    with open_journal(output, {}, resume=True, overwrite=False) as journal:
        journal.append(ROWS[0])


FILL = """
import resource, sys
from pathlib import Path
from detector.folders.journal import open_journal
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
with open_journal(Path(sys.argv[1]), {}, resume=True, overwrite=False) as journal:
    for number in range(100):
        if not journal.done[str(number)]:
            journal.append({"image": str(number), "error": {"code": "x" * number, "message": ""}})
"""


def test_what_was_written_before_the_disk_was_full_goes_on(tmp_path: Path) -> None:
    output, other = tmp_path / "out.jsonl", tmp_path / "other.jsonl"
    full = subprocess.run([sys.executable, "-c", FILL, str(output)], capture_output=True, check=False)
    assert b"OSError: [Errno 27]" in full.stderr
    assert output.stat().st_size == 1000, "the last row is torn"
    assert not output.read_bytes().endswith(b"\n")
    roomy = FILL.replace("(1000,", "(10 ** 9,")
    for path in (output, other):
        subprocess.run([sys.executable, "-c", roomy, str(path)], check=True)
    assert output.read_bytes() == other.read_bytes()


def test_a_full_device_is_an_error_not_a_silent_loss() -> None:
    file = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            Journal(file).append(ROWS[0])
    finally:
        os.close(file)
