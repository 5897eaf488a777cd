"""Plain lines in a log, a bar on a real terminal."""

import os
import pty
import subprocess
import sys
import termios

import pytest

from detector.folders.progress import FolderSummary, shown_progress

SHOW = """
from detector.folders import progress
from detector.folders.progress import shown_progress
from detector.folders.progress import FolderSummary
with shown_progress(FolderSummary(rows=2), 5, line_seconds=0.0) as show:
    for rows in (3, 4, 5):
        show(FolderSummary(rows=rows, errors=1, numbers=2))
        show.part(0.1)  # too early to be worth showing
    progress.SLOW_SECONDS = 0.0
    show.part(0.43)
"""


def test_lines_say_how_far_how_fast_and_how_long(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(FolderSummary(rows=2), 5, line_seconds=0.0) as show:
        show(FolderSummary(rows=4, errors=1))
    line = capsys.readouterr().err
    assert line.startswith("4 of 5 images (1 not read), ")
    assert line.endswith(" left\n")
    assert " images/s, " in line


def test_where_nobody_knows_the_end_none_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(FolderSummary(), None, line_seconds=0.0) as show:
        show(FolderSummary(rows=1))
    assert capsys.readouterr().err.startswith("1 images (0 not read), ")


def test_a_short_job_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(FolderSummary(), 3) as show:
        show(FolderSummary(rows=3))
    assert capsys.readouterr().err == ""


def test_a_log_is_told_how_far_a_large_image_is(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(FolderSummary(rows=2), 5, line_seconds=0.0) as show:
        show.part(0.25)
    assert capsys.readouterr().err == "image 3: 25% done\n"


def test_a_terminal_gets_a_bar_that_counts_earlier_rows() -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    subprocess.run([sys.executable, "-c", SHOW], stderr=theirs, check=True)
    shown = os.read(ours, 100_000).decode()
    os.close(theirs)
    os.close(ours)
    assert "5/5" in shown
    assert "numbers=2" in shown
    assert "image=43%" in shown
    assert "image=10%" not in shown
    assert "2/5" in shown, "it begins at the rows that are there"
