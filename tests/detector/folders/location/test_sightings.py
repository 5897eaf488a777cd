"""Numbers seen in many frames and photographs, and how often that is."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.folders.formats.sightings import Sighting, find_sightings, merge_sightings
from detector.folders.results_file import FoundRow
from tests.detector.folders.location.found import frame, moved, number, picture

Seen = list[tuple[str, float, int]]
"""Of each sighting the text, the best score, and how many pictures show it."""


def seen(sightings: Sequence[Sighting]) -> Seen:
    return [(each.number.text, each.number.score, len(each.pictures)) for each in sightings]


@pytest.mark.parametrize(
    ("rows", "expected", "reason"),
    [
        ([], [], "nothing"),
        (
            [picture("a", number("7")), picture("b", number("7"))],
            [("7", 0.9, 1)] * 2,
            "photographs are not compared",
        ),
        (
            [
                frame("v", 0, number("7", 0.6)),
                frame("v", 1, number("7", 0.9)),
                frame("v", 2, number("7", 0.7)),
            ],
            [("7", 0.9, 3)],
            "three frames in a row: one sighting, its best frame",
        ),
        (
            [frame("v", i, number("7", 0.9, moved(18 * i))) for i in range(4)],
            [("7", 0.9, 4)],
            "a number that moves through the picture",
        ),
        (
            [frame("v", 0, number("7")), frame("v", 1, number("7", 0.9, moved(70)))],
            [("7", 0.9, 1)] * 2,
            "the same digits far away are another plate",
        ),
        (
            [frame("v", 0, number("7")), frame("v", 1, number("1"))],
            [("7", 0.9, 1), ("1", 0.9, 1)],
            "other digits at the same place",
        ),
        (
            [frame("v", 0, number("7")), frame("v", 1), frame("v", 2, number("7"))],
            [("7", 0.9, 2)],
            "overlooked in one frame",
        ),
        (
            [frame("v", 0, number("7")), frame("v", 1), frame("v", 2), frame("v", 3, number("7"))],
            [("7", 0.9, 1)] * 2,
            "gone for a while: it may be another one",
        ),
        (
            [frame("v", 0, number("7")), frame("w", 1, number("7"))],
            [("7", 0.9, 1)] * 2,
            "another video",
        ),
        (
            [frame("v", 0, number("7")), frame("v", 0, number("7"))],
            [("7", 0.9, 1)] * 2,
            "the same video once more",
        ),
        (
            [frame("v", 0, number("7")), picture("a", number("7")), frame("v", 1, number("7"))],
            [("7", 0.9, 1)] * 3,
            "a photograph between two videos",
        ),
        (
            [
                frame("v", 0, number("7", 0.9), number("7", 0.8, moved(30))),
                frame("v", 1, number("7", 0.7, moved(31)), number("7", 0.6, moved(1))),
            ],
            [("7", 0.9, 2), ("7", 0.8, 2)],
            "two plates with one number: each goes on with the nearer one",
        ),
    ],
)
def test_a_number_is_seen_once(rows: list[FoundRow], expected: Seen, reason: str) -> None:
    assert seen(list(find_sightings(rows))) == expected, reason


def test_a_sighting_names_its_best_frame_and_all_of_them() -> None:
    rows = [frame("v.mp4", index, number("7", score)) for index, score in enumerate((0.6, 0.9, 0.7))]
    (sighting,) = find_sightings(rows)
    assert sighting.picture == "v.mp4#t=0.5"
    assert sighting.pictures == ("v.mp4#t=0", "v.mp4#t=0.5", "v.mp4#t=1")
    assert sighting.row is rows[1]


HERE = (52.0, 13.0)
NEAR, FAR = (52.0001, 13.0), (52.0003, 13.0)
"""11 and 33 metres to the north."""


@pytest.mark.parametrize(
    ("rows", "expected", "reason"),
    [
        (
            [picture("a", number("7", 0.6), at=HERE), picture("b", number("7", 0.9), at=NEAR)],
            [("7", 0.9, 2)],
            "one number from two places near each other",
        ),
        (
            [picture("a", number("7"), at=HERE), picture("b", number("7"), at=FAR)],
            [("7", 0.9, 1)] * 2,
            "another street may have a 7, too",
        ),
        (
            [picture("a", number("7"), at=HERE), picture("b", number("9"), at=HERE)],
            [("7", 0.9, 1), ("9", 0.9, 1)],
            "other numbers",
        ),
        (
            [picture("a", number("7"), at=HERE), picture("b", number("7"))],
            [("7", 0.9, 1)] * 2,
            "nobody knows how near",
        ),
        (
            [picture(str(i), number("7", 0.9 - i / 10), at=(52.0 + 0.0001 * i, 13.0)) for i in range(4)],
            [("7", 0.9, 2), ("7", 0.7, 2)],
            "a chain does not grow without end: what counts is the distance from the best",
        ),
        (
            [picture("a", number("7", 0.9), number("7", 0.8), at=HERE)],
            [("7", 0.9, 1)],
            "two plates in one picture, which is named once",
        ),
        (
            [picture("a", number("7"), at=(0.0, 179.99999)), picture("b", number("7"), at=(0.0, -179.99999))],
            [("7", 0.9, 2)],
            "over the antimeridian",
        ),
    ],
)
def test_merging_by_distance(rows: list[FoundRow], expected: Seen, reason: str) -> None:
    merged = merge_sightings(list(find_sightings(rows)), 15.0)
    assert seen(merged) == expected, reason


@given(
    st.lists(st.tuples(st.sampled_from("17"), st.floats(0, 1), st.floats(0, 0.001)), max_size=20),
    st.floats(0, 50),
)
def test_merging_loses_no_picture_and_keeps_the_best(
    numbers: list[tuple[str, float, float]], within: float
) -> None:
    rows = [
        picture(str(index), number(text, score), at=(52.0 + north, 13.0))
        for index, (text, score, north) in enumerate(numbers)
    ]
    before = list(find_sightings(rows))
    after = merge_sightings(before, within)
    assert sorted(name for each in after for name in each.pictures) == sorted(row.image for row in rows)
    for each in after:
        members = [one for one in before if one.picture in each.pictures]
        assert {one.number.text for one in members} == {each.number.text}
        assert each.number.score == max(one.number.score for one in members)
    assert len(after) <= len(before)
