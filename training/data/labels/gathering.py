"""Judged pictures, put together: splits, counts, duplicates, and what is left of the labels."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from training.data.labels.judging import Judged
from training.data.labels.records import SPLITS, Note, Problem
from training.data.labels.values import SVHN_ZERO, class_option, plain_name
from training.data.scenes import Scene


def settle_conflicts(judged: Iterable[Judged]) -> None:
    """Leave out every image that is labelled twice and not alike, with a problem at the later label.

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
    """Return each image once, in the first of its splits; and the repeated ones."""
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


@dataclass
class Labels:
    """The labels of a folder, and what was found out about them.

    Attributes:
        format: the format's name.
        sources: the files by which it was recognised, relative to the folder.
        splits: the pictures without problems, by split; boxes are in their images.
        problems: everything that is not as it has to be.
        notes: what else is worth knowing, a line each.
        left_out: how many images have problems.
        clipped: boxes that left their image in part, and were cut.
        ignored: boxes of classes that are no digits, by class.
        known_classes: the classes that the options name.
        copies: the images that show what another, earlier one of the folder shows, with that one.
    """

    format: str
    sources: Sequence[str]
    splits: dict[str, list[Scene]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: int = 0
    clipped: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    known_classes: Collection[str] = ()
    copies: dict[Path, Path] = field(default_factory=dict)

    @property
    def scenes(self) -> list[Scene]:
        """The pictures of all splits."""
        return [scene for scenes in self.splits.values() for scene in scenes]

    @property
    def digit_count(self) -> int:
        """The digits of all pictures."""
        return sum(len(scene.labels) for scene in self.scenes)

    def measured(self, split: str | None) -> list[Scene]:
        """Return the pictures of a split; of all together (None) each once, however many splits have a copy of it."""
        if split is not None:
            return self.splits.get(split, [])
        of_split = {scene.path: name for name, scenes in self.splits.items() for scene in scenes}
        return [
            scene
            for scene in self.scenes
            if of_split.get(self.copies.get(scene.path, scene.path)) == of_split[scene.path]
        ]

    def class_option(self) -> str:
        """Return the option that takes what is ignored and seems to mean digits; empty if nothing does."""
        has_zeros = any((scene.labels == 0).any() for scene in self.scenes)
        unasked = self.ignored.keys() - set(map(plain_name, self.known_classes))
        return class_option(unasked - {SVHN_ZERO} if has_zeros else unasked)


def gather(labels: Labels, found: Sequence[Judged | Problem], root: Path) -> None:
    """Add everything to `labels`.

    Args:
        labels: what is known of the folder so far.
        found: all pictures; and problems and notes that belong to none.
        root: the folder.
    """
    judged = [one for one in found if isinstance(one, Judged)]
    settle_conflicts(judged)
    for one in found:
        if isinstance(one, Judged):
            labels.problems += sorted(one.problems, key=lambda problem: problem.line)
        elif isinstance(one, Note):
            labels.notes.append(str(one))
        else:
            labels.problems.append(one)
    left_out = [one.picture.image for one in judged if one.scene is None]
    labels.left_out = left_out.count(None) + len({*left_out} - {None})
    kept, again = each_once([one for one in judged if one.scene])
    for one in kept:
        if one.scene:
            labels.splits.setdefault(one.picture.split, []).append(one.scene)
        labels.ignored += one.ignored
        labels.clipped += one.clipped
    labels.copies = find_copies(kept)
    labels.notes += [*_counts(kept, again, root), *_copy_notes(labels, root)]


def _counts(kept: Sequence[Judged], again: Sequence[Judged], root: Path) -> Iterator[str]:
    """Return a line for each thing that was set right or left away."""
    moved = [one.picture for one in kept if one.picture.named]
    if moved:
        example = f"{moved[0].named!r} is {_within(root, moved[0].image)}"
        yield f"found by name: {len(moved):,} images that are not where the labels say ({example})"
    if polygons := sum(one.polygons for one in kept):
        yield f"polygons: {polygons:,} digits; the bounds of each are its box"
    if duplicates := sum(one.duplicates for one in kept):
        yield f"duplicate boxes: {duplicates:,}, which count once"
    if again:
        example = f"{_within(root, again[0].picture.image)}, {again[0].picture.split}"
        yield f"listed again: {len(again):,} images with the same labels, kept in the first split ({example})"


def _copy_notes(labels: Labels, root: Path) -> Iterator[str]:
    of_split = {scene.path: name for name, scenes in labels.splits.items() for scene in scenes}
    pairs = Counter((of_split[copy], of_split[original]) for copy, original in labels.copies.items())
    for (split, earlier), count in sorted(pairs.items()):
        copy, original = next(
            pair
            for pair in labels.copies.items()
            if tuple(of_split[path] for path in pair) == (split, earlier)
        )
        example = f"{_within(root, copy)} shows what {_within(root, original)} does"
        where = f"of {split} that {earlier} has, too" if split != earlier else f"within {split}"
        yield f"duplicate images: {count:,} {where} ({example})"


def _within(root: Path, path: Path | None) -> str:
    return path.relative_to(root).as_posix() if path else ""
