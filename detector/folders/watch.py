"""A folder that is looked into again and again: files are taken when they are finished.

It is polled, because the notices of the operating system (inotify and its like) do not come from network mounts, get
lost when there are many at once, and say that a file was closed, not that it is whole. A file counts as finished
when its size and time of change have stayed the same for a while and it decodes; one that does not decode is given
longer, as an upload may stall, and then gets the row that says why.
"""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from detector.folders.listing import ImageFile, list_images
from detector.folders.rows import text_of_name
from detector.folders.sources import Selection, without_rows
from detector.images.decode import decode_image
from detector.results.errors import DetectorError

_Fingerprint = tuple[int, int] | str


@dataclass(frozen=True)
class WatchedFolder:
    """The images below a folder in the order in which they are finished, without end.

    A file gets one row: one that is changed or replaced later is not read again.

    Attributes:
        root: the folder.
        exclude: folders in it that are left out.
        selection: which images are wanted; its order does not matter.
        poll_seconds: pause between looks.
        settle_seconds: a file that has not changed for so long is finished if it decodes,
        patience_seconds: and after so long whatever it is.
    """

    root: Path
    exclude: tuple[Path, ...]
    selection: Selection
    poll_seconds: float = 1.0
    settle_seconds: float = 2.0
    patience_seconds: float = 60.0

    def remaining(self, done: Counter[str]) -> Iterator[ImageFile]:
        """See `Source`."""
        taken = Counter(done)
        waiting: dict[str, _Arrival] = {}
        while True:
            listed = self.selection.of(list_images(self.root, self.exclude))
            present = tuple(without_rows(listed, taken))
            waiting = {image.name: waiting.get(image.name, _Arrival()) for image in present}
            for image in present:
                if self._is_finished(image, waiting[image.name]):
                    taken[text_of_name(image.name)] += 1
                    yield image
            time.sleep(self.poll_seconds)

    def _is_finished(self, image: ImageFile, arrival: "_Arrival") -> bool:
        unchanged_seconds = arrival.look(_fingerprint(image))
        if unchanged_seconds < self.settle_seconds:
            return False
        if arrival.decodes is None:
            arrival.decodes = _decodes(image)
        return arrival.decodes or unchanged_seconds >= self.patience_seconds


@dataclass
class _Arrival:
    """A file that may still be growing: how it last looked, since when, and whether it decodes like that."""

    fingerprint: _Fingerprint | None = None
    since: float = 0.0
    decodes: bool | None = None

    def look(self, fingerprint: _Fingerprint) -> float:
        """For how many seconds the file has looked like this."""
        now = time.monotonic()
        if fingerprint != self.fingerprint:
            self.fingerprint, self.since, self.decodes = fingerprint, now, None
        return now - self.since


def _fingerprint(image: ImageFile) -> _Fingerprint:
    try:
        status = image.path.stat()
    except OSError as error:
        return str(error)
    return status.st_size, status.st_mtime_ns


def _decodes(image: ImageFile) -> bool:
    try:
        decode_image(image.read())
    except DetectorError:
        return False
    return True
