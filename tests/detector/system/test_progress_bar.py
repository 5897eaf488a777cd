"""A log gets whole lines, few of them; nothing of what is done at once."""

import time
from collections.abc import Iterator

import pytest

from detector.system.progress_bar import progress_bar


def test_a_log_gets_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress_bar(_slowly(20), "pictures", line_seconds=0.3, unit="image", total=20)) == list(
        range(20)
    )
    written = capsys.readouterr().err
    lines = written.split("\n")
    assert "\r" not in written
    assert "" not in lines[:-1]
    assert 2 <= len(lines) - 1 <= 8
    assert all(line.startswith("pictures: ") and "/20 [" in line for line in lines[:-1])
    assert "20/20" in lines[-2]


def test_what_is_done_at_once_is_not_spoken_of(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(total=3, desc="quick") as bar:
        bar.update(3)
    assert list(progress_bar(range(3))) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def _slowly(count: int) -> Iterator[int]:
    for number in range(count):
        time.sleep(0.05)
        yield number
