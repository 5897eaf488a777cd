"""Images that have labels at two places, and images that show what others show."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from training.data.labels.judging import Judged
from training.data.labels.records import SPLITS, Problem


def settle_conflicts(judged: Iterable[Judged]) -> None:
    """Leaves out every image whose labels are at two places and do not say the same, with a problem at the later one.

    An image that was only found by its name belongs to the labels that give its right path.
    """
    groups: dict[Path, list[Judged]] = {}
    for one in judged:
        if one.picture.image is not None:
            groups.setdefault(one.picture.image, []).append(one)
    for group in groups.values():
        if len(group) > 1:
            _settle(group)


def _settle(group: Sequence[Judged]) -> None:
    rightful = [one for one in group if not one.picture.named]
    for one in group:
        if rightful and one.picture.named:
            _give_up(one, rightful[0])
    first, *others = rightful or group
    differing = [one for one in others if not _same(first, one)]
    for one in differing:
        name = one.picture.image.name if one.picture.image else ""
        at = f"{first.picture.file}:{first.picture.line}"
        text = f"the image {name!r} is labelled already, at {at}, and not alike"
        one.problems.append(Problem(one.picture.file, one.picture.line, text))
    if differing:
        for one in (first, *others):
            one.scene = None


def _give_up(one: Judged, rightful: Judged) -> None:
    """Make an image that was found by its name one that is missing."""
    where = f"{rightful.picture.file}:{rightful.picture.line}"
    text = f"the image {one.picture.named[:200]!r} is not there; the one of this name is labelled at {where}"
    one.problems.append(Problem(one.picture.file, one.picture.line, text))
    one.picture = replace(one.picture, image=None)
    one.scene = None


def _same(one: Judged, other: Judged) -> bool:
    if one.scene is None or other.scene is None:
        return False
    mine, its = (
        sorted(zip(scene.labels.tolist(), scene.boxes.tolist(), strict=True))
        for scene in (one.scene, other.scene)
    )
    return mine == its and one.ignored == other.ignored


def each_once(judged: Sequence[Judged]) -> tuple[list[Judged], list[Judged]]:
    """Each image once, in the first of its splits; and what is there again."""
    chosen: dict[Path | None, Judged] = {}
    for one in _by_split(judged):
        chosen.setdefault(one.picture.image, one)
    kept = [one for one in judged if chosen[one.picture.image] is one]
    return kept, [one for one in judged if chosen[one.picture.image] is not one]


def find_copies(judged: Sequence[Judged]) -> dict[Path, Path]:
    """Images that are pixel by pixel one of an earlier split, or an earlier one of theirs; with that one."""
    originals: dict[bytes, Path] = {}
    copies: dict[Path, Path] = {}
    for one in _by_split(judged):
        if one.scene:
            original = originals.setdefault(one.pixels, one.scene.path)
            if original != one.scene.path:
                copies[one.scene.path] = original
    return copies


def _by_split(judged: Sequence[Judged]) -> list[Judged]:
    return sorted(judged, key=lambda one: SPLITS.index(one.picture.split))
