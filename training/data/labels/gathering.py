"""Judged pictures, put together: splits, counts, what is there twice, and what is left of the labels."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from training.data.labels.class_names import SVHN_ZERO, class_option, plain_name
from training.data.labels.duplicates import each_once, find_copies, settle_conflicts
from training.data.labels.judging import Judged
from training.data.labels.records import Note, Problem
from training.data.scenes import Scene


@dataclass
class Labels:
    """All that a folder holds.

    Attributes:
        format: the format's name.
        sources: the files by which it was told, relative to the folder.
        splits: the pictures without problems, by split; boxes are in their images.
        problems: everything that is not as it has to be.
        notes: what else is worth knowing, a line each.
        left_out: how many images have problems.
        clipped: boxes that left their image in part, and were cut.
        ignored: boxes of classes that are no digits, by class.
        told: the classes of which the options say what they are.
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
    told: Collection[str] = ()
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
        unasked = self.ignored.keys() - set(map(plain_name, self.told))
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
    labels.notes += [*_counts(kept, again, root), *_said_of_copies(labels, root)]


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


def _said_of_copies(labels: Labels, root: Path) -> Iterator[str]:
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
