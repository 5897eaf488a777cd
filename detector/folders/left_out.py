"""Pictures that a folder job passes over: named and counted, so that nobody misses them without knowing why."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from detector.folders.rows import printable_name
from detector.images.formats import CONVERT_HINT, VIDEO, VIDEO_HINT

HIDDEN, SYSTEM = "hidden file or folder", "folder of thumbnails or deleted files"
"""Kinds beside those of `detector.images.formats`."""

_VIDEO_HINT = f"--every 1s reads its frames on one machine, or {VIDEO_HINT}"

_SYSTEM_FOLDERS = frozenset(
    {
        *("@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@__thumb", "@tmp"),  # NAS
        *("__macosx", "$recycle.bin", "recycler", "system volume information", "lost+found"),
    }
)
"""In which NAS and operating systems keep thumbnails, old versions and what was deleted; in lower case."""


@dataclass(frozen=True)
class LeftOut:
    """A picture, video or folder that is not read.

    Attributes:
        name: what rows would call it.
        kind: what it is.
    """

    name: str
    kind: str


Note = Callable[[LeftOut], None]
"""Is told of everything that is left out."""


def ignore(left_out: LeftOut) -> None:
    """Take a `Note` and do nothing: for who does not want to know."""


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is hidden: so are the `._` files that macOS writes beside pictures."""
    return name.startswith(".")


def is_system_folder(name: str) -> bool:
    """Whether a folder of this name belongs to a NAS or an operating system, not to the pictures."""
    return name.lower() in _SYSTEM_FOLDERS


class LeftOutCounts:
    """How many of each kind are left out, with the first one's name; itself a `Note`."""

    def __init__(self, noted: Iterable[LeftOut] = ()) -> None:
        self._counts: dict[str, tuple[int, str]] = {}
        for left_out in noted:
            self(left_out)

    def __call__(self, left_out: LeftOut) -> None:
        """Count one more."""
        count, first = self._counts.get(left_out.kind, (0, left_out.name))
        self._counts[left_out.kind] = (count + 1, first)

    def lines(self) -> Iterator[str]:
        """One line for each kind: how many, which, and the way out."""
        for kind, (count, first) in sorted(self._counts.items()):
            name, hint = printable_name(first), _VIDEO_HINT if kind == VIDEO else CONVERT_HINT
            which = f"such as {name}" if count > 1 else name
            counted = f"{count} {_plural(kind)} are" if count > 1 else f"1 {kind} is"
            if kind in (HIDDEN, SYSTEM):
                yield f"{counted} left out, {which}"
            else:
                yield f"{counted} not read, {which}: {hint}"


def _plural(kind: str) -> str:
    return {
        HIDDEN: "hidden files and folders",
        SYSTEM: "folders of thumbnails or deleted files",
    }.get(kind, f"{kind}s")
