"""Where somebody was at a moment, by GPX tracks of every kind; and where nobody knows."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.folders.location import MAX_TRACK_BYTES, Position, Track, read_track
from detector.results.errors import InvalidOptionError
from tests.detector.folders.location.tracks import GPX_1_1, Point, gpx, write_gpx

BEGIN = datetime(2026, 5, 1, 8, tzinfo=UTC)


def moment(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def point(seconds: float, latitude: float = 52.0, longitude: float = 13.0) -> Point:
    return latitude, longitude, moment(seconds).isoformat().replace("+00:00", "Z")


WALK = [point(0, 52.0, 13.0), point(10, 52.001, 13.002), point(20, 52.001, 13.004)]


def track(tmp_path: Path, *documents: str) -> Track:
    return read_track(
        write_gpx(tmp_path / f"{number}.gpx", document) for number, document in enumerate(documents)
    )


@pytest.mark.parametrize(
    ("document", "seconds", "expected", "reason"),
    [
        (gpx(WALK), 0, (52.0, 13.0), "the first point"),
        (gpx(WALK), 10, (52.001, 13.002), "a point"),
        (gpx(WALK), 20, (52.001, 13.004), "the last point"),
        (gpx(WALK), 5, (52.0005, 13.001), "half way"),
        (gpx(WALK), 12.5, (52.001, 13.0025), "a quarter of the way"),
        (gpx(WALK), -0.5, None, "before the track"),
        (gpx(WALK), 20.5, None, "after the track"),
        (gpx(WALK[::-1]), 5, (52.0005, 13.001), "points in the wrong order"),
        (gpx([*WALK, point(10, 60.0, 20.0)]), 10, (60.0, 20.0), "two points at one moment: one of them"),
        (gpx([point(0), point(61, 52.001)]), 30, None, "a gap: the way in it is not known"),
        (gpx([point(0), point(60, 52.001)]), 30, (52.0005, 13.0), "no gap yet"),
        (
            gpx([point(0), point(3600, 52.0001)]),
            1800,
            (52.00005, 13.0),
            "somebody who stood still for an hour",
        ),
        (gpx(WALK[:1], WALK[1:]), 5, None, "between two segments"),
        (gpx(WALK[:1], WALK[1:]), 15, (52.001, 13.003), "in the second segment"),
        (gpx([point(0)], [point(0, 53.0)]), 0, (52.0, 13.0), "segments that overlap: the first"),
        (gpx(WALK, prefix="g"), 5, (52.0005, 13.001), "names with a prefix"),
        (gpx(WALK, namespace="http://www.topografix.com/GPX/1/0"), 5, (52.0005, 13.001), "GPX 1.0"),
        (gpx(WALK, namespace="http://example.com/GPX/9"), 5, (52.0005, 13.001), "another namespace"),
        (gpx(WALK).replace(f' xmlns="{GPX_1_1}"', ""), 5, (52.0005, 13.001), "no namespace"),
        (
            gpx([(52.0, 13.0, "2026-05-01T10:00:00+02:00"), (52.001, 13.0, "2026-05-01T10:00:10+02:00")]),
            5,
            (52.0005, 13.0),
            "times with a zone",
        ),
        (
            gpx([(52.0, 13.0, "2026-05-01T08:00:00"), (52.001, 13.0, "2026-05-01T08:00:10")]),
            5,
            (52.0005, 13.0),
            "times without a zone are UTC",
        ),
        (gpx([*WALK, (0.0, 0.0, "yesterday")]), 5, (52.0005, 13.001), "a point without a time"),
        (gpx([*WALK, ("nan", "nan", WALK[0][2])]), 5, (52.0005, 13.001), "a point that is nowhere"),
        (gpx([point(0, 0.0, 179.999), point(10, 0.0, -179.999)]), 5, (0.0, -180.0), "over the antimeridian"),
    ],
)
def test_where_somebody_was(
    tmp_path: Path, document: str, seconds: float, expected: tuple[float, float] | None, reason: str
) -> None:
    found = track(tmp_path, document).at(moment(seconds))
    assert (found and found[:2]) == (expected and pytest.approx(expected, abs=1e-9)), reason


def test_the_night_when_clocks_are_put_back_is_one_line_of_time(tmp_path: Path) -> None:
    """02:30 comes twice in Berlin: with summer's offset, and an hour later with winter's."""
    times = ("2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00")
    found = track(tmp_path, gpx([(52.0, 13.0, times[0])], [(53.0, 13.0, times[1])]))
    assert [found.at(datetime.fromisoformat(time)) for time in times] == [
        Position(52.0, 13.0, 34.0),
        Position(53.0, 13.0, 34.0),
    ]


def test_heights_are_interpolated_where_both_are_known(tmp_path: Path) -> None:
    text = gpx(WALK).replace("<ele>34</ele>", "<ele>30</ele>", 1)
    assert track(tmp_path, text).at(moment(5)) == pytest.approx((52.0005, 13.001, 32.0))
    without = text.replace("<ele>30</ele>", "")
    assert track(tmp_path, without).at(moment(5)) == Position(52.0005, pytest.approx(13.001), None)


def test_several_files_are_one_track(tmp_path: Path) -> None:
    found = track(tmp_path, gpx(WALK), gpx([point(100), point(110, 52.002)]))
    assert found.at(moment(105)) == pytest.approx((52.001, 13.0, 34.0))
    assert found.at(moment(5)) is not None
    assert len(set(found.digests)) == 2


@pytest.mark.parametrize(
    ("document", "says", "reason"),
    [
        ("", "not a GPX file", "nothing"),
        ("lat,lon\n1,2\n", "not a GPX file", "another format"),
        ("<kml/>", "its root is kml", "another vocabulary"),
        (gpx(WALK)[:-30], "not a GPX file", "cut off"),
        (gpx(), "no track whose points have times", "no points"),
        (gpx([(52.0, 13.0, "")]), "no track whose points have times", "no times"),
        (gpx([("north", 13.0, WALK[0][2])]), "not a GPX file", "a latitude that is none"),
        (
            f'<!DOCTYPE gpx [<!ENTITY a "{"a" * 9}"><!ENTITY b "&a;&a;">]>' + gpx(WALK)[21:],
            "not a GPX file",
            "entities, with which a small file becomes a huge one",
        ),
    ],
)
def test_what_is_no_track_is_refused_with_a_reason(
    tmp_path: Path, document: str, says: str, reason: str
) -> None:
    with pytest.raises(InvalidOptionError, match=says) as caught:
        track(tmp_path, document)
    assert caught.value.field == "gpx", reason
    assert "0.gpx" in str(caught.value), reason


def test_a_file_that_is_not_there_or_huge_is_refused_unread(tmp_path: Path) -> None:
    with pytest.raises(InvalidOptionError, match="No such file"):
        read_track([tmp_path / "nowhere.gpx"])
    with (tmp_path / "huge.gpx").open("wb") as file:
        file.truncate(MAX_TRACK_BYTES + 1)
    with pytest.raises(InvalidOptionError, match="bytes"):
        read_track([tmp_path / "huge.gpx"])


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 500), st.floats(-80, 80), st.floats(-180, 180)), min_size=1, max_size=12
    ),
    st.integers(-10_000, 510_000).map(lambda thousandths: thousandths / 1000),
)
def test_a_position_lies_between_those_that_were_recorded(
    tmp_path: Path, points: list[tuple[int, float, float]], seconds: float
) -> None:
    found = track(tmp_path, gpx([point(*each) for each in points])).at(moment(seconds))
    times = [each[0] for each in points]
    if not min(times) <= seconds <= max(times):
        assert found is None
    if found is not None:
        latitudes = [each[1] for each in points]
        assert min(latitudes) - 1e-9 <= found.latitude <= max(latitudes) + 1e-9
        assert -180 <= found.longitude <= 180
