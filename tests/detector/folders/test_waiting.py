"""Which image is waited for: on a real terminal after a while, in a log a line now and then."""

import os
import pty
import subprocess
import sys
import time

import pytest

from detector.folders.progress import shown_while_slow

SLOW = """
import time
from detector.folders.progress import shown_while_slow
with shown_while_slow(["quick.jpg", "slow.jpg"], slow_seconds=0.4) as waiting:
    waiting.next()
    time.sleep(1.2)
    waiting.next()
"""


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_while_slow(["a.jpg", "line\nbreak.jpg"], line_seconds=0.2) as waiting:
        waiting.next()
        time.sleep(1.0)
        waiting.next()
        time.sleep(0.5)
    lines = capsys.readouterr().err.splitlines()
    assert 1 <= len(lines) <= 5
    assert all(
        line.startswith("line\\nbreak.jpg (2 of 2): ") and line.endswith(" s so far") for line in lines
    )


def test_it_says_how_far_the_image_is(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_while_slow(["a.jpg", "b.jpg"], line_seconds=0.2) as waiting:
        waiting.part(0.4)
        time.sleep(0.5)
        waiting.next()
        time.sleep(0.5)
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first == "a.jpg (1 of 2): 40% done, 0 s so far"
    assert last.startswith("b.jpg (2 of 2): 0 s")


def test_quick_images_are_not_spoken_of(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_while_slow(["a.jpg"]) as waiting:
        waiting.next()
    assert capsys.readouterr().err == ""


def test_a_terminal_shows_the_slow_one_and_is_left_clean() -> None:
    main, terminal = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", SLOW], stderr=terminal) as process:
        os.close(terminal)
        seen = b""
        while True:
            try:
                chunk = os.read(main, 1000)
            except OSError:  # what Linux gives when the other side has closed
                break
            if not chunk:
                break
            seen += chunk
    os.close(main)
    assert process.returncode == 0
    assert b"slow.jpg (2 of 2): " in seen
    assert b"quick.jpg" not in seen
    assert seen.endswith(b"\r\x1b[K")
