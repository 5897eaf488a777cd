"""Numbers as somebody saw them: once each, however many frames or photographs show them.

In a video a number is followed from one sampled frame to the next: the same digits, not far from where they were.
Photographs are not compared unless they are to be merged by their distance.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from gpxpy.geo import haversine_distance

from detector.folders.results_file import Box, FoundRow
from detector.results.detections import HouseNumber

MAX_MISSED_FRAMES = 1
"""So many sampled frames in a row may lack a number that is followed."""


@dataclass(frozen=True)
class Sighting:
    """A number that was seen.

    Attributes:
        number: as it was read with the best score.
        row: the picture in which that was.
        pictures: all pictures that show it, in the order of the rows; a frame as `clip.mp4#t=0.5`, a fragment of the
            file (W3C Media Fragments URI 1.0).
    """

    number: HouseNumber
    row: FoundRow
    pictures: tuple[str, ...]

    @property
    def picture(self) -> str:
        """The picture in which it was read best."""
        return picture_reference(self.row)


def picture_reference(row: FoundRow) -> str:
    """Return the image's name, with the second of a frame in it."""
    return row.image if row.place is None else f"{row.image}#t={row.place.time_s:g}"


def find_sightings(rows: Iterable[FoundRow]) -> Iterator[Sighting]:
    """Every number of every image, and of a video each number once.

    Args:
        rows: in the order of the results, the frames of a video one after another.
    """
    video: FoundRow | None = None
    followed: list[_Followed] = []
    for row in rows:
        if row.place is None or video is None or not _goes_on(video, row):
            yield from (track.sighting() for track in followed)
            followed = []
        if row.place is None:
            yield from (Sighting(number, row, (row.image,)) for number in row.numbers)
            continue
        video = row
        _follow(followed, row)
        yield from (track.sighting() for track in followed if track.missed > MAX_MISSED_FRAMES)
        followed = [track for track in followed if track.missed <= MAX_MISSED_FRAMES]
    yield from (track.sighting() for track in followed)


def merge_sightings(sightings: Sequence[Sighting], within_m: float) -> list[Sighting]:
    """Join sightings of one number whose cameras stood near each other.

    Args:
        sightings: those without a position stay as they are.
        within_m: metres from the best of them, at most.

    Returns:
        The best of each group with the pictures of all, in the order of `sightings`.
    """
    groups: dict[str, list[list[int]]] = defaultdict(list)
    for index in sorted(range(len(sightings)), key=lambda index: -sightings[index].number.score):
        sighting = sightings[index]
        same_text = groups[sighting.number.text]
        near = (group for group in same_text if _distance_m(sightings[group[0]], sighting) <= within_m)
        group = next(near, None)
        if group is None:
            same_text.append([index])
        else:
            group.append(index)
    merged = sorted(group for same_text in groups.values() for group in same_text)
    return [
        replace(sightings[group[0]], pictures=_pictures(sightings[index] for index in sorted(group)))
        for group in merged
    ]


def _distance_m(a: Sighting, b: Sighting) -> float:
    """Metres between the cameras; infinite if the place of one is not known."""
    here, there = a.row.capture.point, b.row.capture.point
    return math.inf if here is None or there is None else float(haversine_distance(*here, *there))


def _pictures(sightings: Iterable[Sighting]) -> tuple[str, ...]:
    """Each picture once, also one that shows the number twice."""
    return tuple(dict.fromkeys(picture for sighting in sightings for picture in sighting.pictures))


@dataclass
class _Followed:
    """A number that is followed through a video.

    Attributes:
        best: the number as it was read best, and the frame where that was.
        box: where it was last.
        pictures: the frames that show it.
        missed: sampled frames since the last of them.
    """

    best: tuple[HouseNumber, FoundRow]
    box: Box
    pictures: list[str] = field(default_factory=list)
    missed: int = 0

    def see(self, number: HouseNumber, row: FoundRow) -> None:
        if number.score > self.best[0].score:
            self.best = number, row
        self.box, self.missed = number.box, 0
        self.pictures.append(picture_reference(row))

    def sighting(self) -> Sighting:
        return Sighting(*self.best, tuple(self.pictures))


def _follow(followed: list[_Followed], row: FoundRow) -> None:
    """Give each number of a frame to the nearest that is followed, or begins to follow it."""
    waiting = list(followed)
    for track in followed:
        track.missed += 1
    for number in sorted(row.numbers, key=lambda number: -number.score):
        near = [
            track
            for track in waiting
            if track.best[0].text == number.text and _are_near(track.box, number.box)
        ]
        if near:
            track = min(near, key=lambda track: _shift(track.box, number.box))
            waiting.remove(track)
        else:
            track = _Followed((number, row), number.box)
            followed.append(track)
        track.see(number, row)


def _goes_on(video: FoundRow, row: FoundRow) -> bool:
    is_later = video.place is not None and row.place is not None and row.place.frame > video.place.frame
    return row.image == video.image and is_later


def _are_near(a: Box, b: Box) -> bool:
    """Return whether two boxes overlap when each is grown by its own size on every side."""
    return all(
        2 * a[low] - a[high] < 2 * b[high] - b[low] and 2 * b[low] - b[high] < 2 * a[high] - a[low]
        for low, high in ((0, 2), (1, 3))
    )


def _shift(a: Box, b: Box) -> float:
    """How far the middle moved, in pixels, along both axes together."""
    return abs(a[0] + a[2] - b[0] - b[2]) / 2 + abs(a[1] + a[3] - b[1] - b[3]) / 2
