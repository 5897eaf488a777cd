"""Frames of videos: which of them, how they are turned, and what becomes of videos that are damaged or hostile."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from detector.images.video import open_video
from detector.images.video_frames import Damage, Every, Frame
from detector.results.errors import (
    DetectorError,
    ImageTooLargeError,
    ImageUndecodableError,
    ImageUnreadableError,
)
from tests.detector.videos import cut, index_of, scratch, turn, write_sound, write_video

HALF_SECOND = Every(Fraction(1, 2), "s")
EACH = Every(Fraction(1), "f")


def read(path: Path, every: Every = HALF_SECOND) -> list[Frame | Damage]:
    with open_video(path) as video:
        return list(video.frames(every.sampler()))


def told(found: list[Frame | Damage]) -> list[tuple[int, float, bool]]:
    """Of each its place, and whether it is a frame."""
    return [(*each.place, isinstance(each, Frame)) for each in found]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "libx264"),
        ("a.mp4", "libx265"),
        ("a.mov", "mjpeg"),
        ("a.mkv", "libx264"),
        ("a.webm", "libvpx-vp9"),
        ("a.avi", "mpeg4"),
    ],
)
def test_every_half_second_of_each_kind(tmp_path: Path, name: str, codec: str) -> None:
    found = read(write_video(tmp_path / name, codec, range(0, 2000, 100)))
    assert told(found) == [(0, 0.0, True), (5, 0.5, True), (10, 1.0, True), (15, 1.5, True)]
    assert [index_of(each.pixels) for each in found if isinstance(each, Frame)] == [0, 5, 10, 15]


def test_a_video_is_told_by_its_content(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv")
    assert len(read(path.rename(tmp_path / "a.mp4"))) == 8


@pytest.mark.parametrize(
    ("times_ms", "every", "expected", "reason"),
    [
        (range(0, 1000, 100), Every(Fraction(4), "f"), [0, 4, 8], "one in four"),
        (range(0, 1000, 100), Every(Fraction(100), "s"), [0], "one at least"),
        (range(0, 500, 100), Every(Fraction(1, 1000), "s"), [0, 1, 2, 3, 4], "no more than there are"),
        ([0, 100, 900, 950, 2100, 2200], Every(Fraction(1), "s"), [0, 4], "a frame rate that changes"),
        ([0, 100, 5000, 5100, 5200], Every(Fraction(1), "s"), [0, 2], "a long pause is not made up for"),
        ([700, 800, 900, 1700], Every(Fraction(1), "s"), [0, 3], "seconds are counted from the first frame"),
    ],
)
def test_which_frames(
    tmp_path: Path, times_ms: list[int], every: Every, expected: list[int], reason: str
) -> None:
    found = read(write_video(tmp_path / "a.mkv", times_ms=times_ms), every)
    assert [each.place.frame for each in found] == expected, reason
    first = min(times_ms)
    assert [each.place.time_s for each in found] == [(list(times_ms)[i] - first) / 1000 for i in expected], (
        reason
    )


@pytest.mark.parametrize(
    ("quarters", "corner"), [(0, (0, 0)), (1, (0, -1)), (2, (-1, -1)), (3, (-1, 0))], ids=str
)
def test_frames_are_turned_as_they_are_displayed(
    tmp_path: Path, quarters: int, corner: tuple[int, int]
) -> None:
    """A quarter clockwise brings the red corner from the top left to the top right."""
    path = write_video(tmp_path / "a.mp4", times_ms=range(0, 300, 100))
    frame = read(turn(path, quarters) if quarters else path)[0]
    assert isinstance(frame, Frame)
    assert frame.pixels.shape == ((96, 64, 3) if quarters % 2 else (64, 96, 3))
    inside = tuple(8 if edge == 0 else -8 for edge in corner)
    red, green, blue = (int(value) for value in frame.pixels[inside])
    assert red > 200
    assert max(green, blue) < 60
    assert frame.pixels.dtype == np.uint8


@pytest.mark.parametrize(
    ("make", "frames", "damage", "reason"),
    [
        (
            lambda p: cut(write_video(p / "a.mkv"), 0.5),
            [0, 5, 10, 15],
            1,
            "cut off: the container does not notice",
        ),
        (
            lambda p: cut(write_video(p / "a.mp4", movflags="faststart"), 0.8),
            [0, 5, 10, 15],
            1,
            "its index is whole",
        ),
        (
            lambda p: scratch(write_video(p / "a.mkv"), 0.6, 12),
            None,
            1,
            "damaged in the middle: it goes on at a key frame",
        ),
    ],
)
def test_damage_is_told_once_and_what_is_whole_is_read(
    tmp_path: Path, make: Callable[[Path], Path], frames: list[int] | None, damage: int, reason: str
) -> None:
    path = make(tmp_path)
    found = read(path)
    whole = [each for each in found if isinstance(each, Frame)]
    broken = [each for each in found if isinstance(each, Damage)]
    assert len(broken) == damage, reason
    assert isinstance(broken[0].error, ImageUndecodableError)
    indices = [index_of(each.pixels) for each in whole]
    if frames is not None:
        assert [each.place.frame for each in whole][: len(frames)] == frames[: len(whole)], reason
        assert found[-1] is broken[-1], "the tail comes last"
    else:
        assert indices[0] == 0
        assert indices[-1] >= 30, reason
    assert indices == sorted(indices), "no frame is shown that was pieced together from others"
    again = read(path)
    assert told(again) == told(found), "the same each time"


def playlist(folder: Path) -> Path:
    write_video(folder / "secret.mkv")
    path = folder / "a.mp4"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{folder}/secret.mkv\n#EXT-X-ENDLIST\n")
    return path


def concatenation(folder: Path) -> Path:
    write_video(folder / "secret.mkv")
    path = folder / "a.mkv"
    path.write_text(f"ffconcat version 1.0\nfile {folder}/secret.mkv\n")
    return path


def written(folder: Path, content: bytes) -> Path:
    path = folder / "a.mp4"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("make", "error", "says", "reason"),
    [
        (lambda p: p / "nowhere.mp4", ImageUnreadableError, "No such file", "no file"),
        (lambda p: p, ImageUnreadableError, "cannot be read", "a folder"),
        (lambda p: written(p, b""), ImageUndecodableError, "cannot be opened", "nothing in it"),
        (lambda p: written(p, b"hello " * 999), ImageUndecodableError, "cannot be opened", "text"),
        (
            lambda p: written(p, np.random.default_rng(1).bytes(9999)),
            ImageUndecodableError,
            "cannot be",
            "noise",
        ),
        (
            lambda p: cut(write_video(p / "a.mp4"), 0.6),
            ImageUndecodableError,
            "truncated",
            "its index is at its end",
        ),
        (lambda p: write_sound(p / "a.mp4"), ImageUndecodableError, "no pictures", "sound alone"),
        (playlist, ImageUndecodableError, "cannot be opened", "a list that leads to other files"),
        (concatenation, ImageUndecodableError, "cannot be opened", "another such list"),
        (lambda p: write_video(p / "a.avi", "ffv1"), ImageUndecodableError, "codec", "a codec of no camera"),
    ],
)
def test_what_is_no_video_says_why(
    tmp_path: Path, make: Callable[[Path], Path], error: type[DetectorError], says: str, reason: str
) -> None:
    path = make(tmp_path)
    with pytest.raises(error, match=says):
        read(path)
    assert reason


def test_large_frames_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", times_ms=[0, 100])
    with (
        pytest.raises(ImageTooLargeError, match=r"96 x 64 = 6,144 pixels; at most 6,143"),
        open_video(path, 6143),
    ):
        pass
    with open_video(path, 6144) as video:
        assert len(list(video.frames(EACH.sampler()))) == 2


@pytest.mark.parametrize(
    ("name", "metadata", "options", "expected", "reason"),
    [
        ("a.mp4", {"creation_time": "2026-05-01T08:00:00Z"}, {}, datetime(2026, 5, 1, 8, tzinfo=UTC), "UTC"),
        (
            "a.mkv",
            {"creation_time": "2026-05-01T08:00:00Z"},
            {},
            datetime(2026, 5, 1, 8, tzinfo=UTC),
            "Matroska's",
        ),
        (
            "a.mov",
            {
                "creation_time": "2026-05-01T08:00:07Z",
                "com.apple.quicktime.creationdate": "2026-05-01T10:00:00+0200",
            },
            {"movflags": "use_metadata_tags"},
            datetime(2026, 5, 1, 10, tzinfo=timezone(timedelta(hours=2))),
            "Apple's own has the zone, and is kept when the file is edited",
        ),
        ("a.mp4", {}, {}, None, "nobody says when"),
    ],
)
def test_when_a_video_began(
    tmp_path: Path,
    name: str,
    metadata: dict[str, str],
    options: dict[str, str],
    expected: datetime | None,
    reason: str,
) -> None:
    path = write_video(tmp_path / name, times_ms=[0, 100], metadata=metadata, **options)
    with open_video(path) as video:
        assert video.started_at == expected, reason
