"""A watched folder: finished files only, each once, in the order in which they are finished."""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from detector.folders.listing import ImageFile, Selection
from detector.folders.sources import WatchedFolder

LONG = 30.0
"""Seconds: what is to happen does so at once, but a busy machine takes its time."""


@pytest.fixture
def png(real_images: dict[str, Path]) -> bytes:
    return real_images["33"].read_bytes()


class EndedError(Exception):
    """The test is over."""


class EndingSelection(Selection):
    """Ends the thread that looks into the folder."""

    ended: threading.Event

    def of(self, images: Iterable[ImageFile]) -> tuple[ImageFile, ...]:
        if self.ended.is_set():
            raise EndedError
        return super().of(images)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[WatchedFolder]:
    (tmp_path / "in").mkdir()
    EndingSelection.ended = threading.Event()
    yield WatchedFolder(tmp_path / "in", (), EndingSelection(), poll_seconds=0.02, settle_seconds=0.2)
    EndingSelection.ended.set()


class Taken:
    """The names that come out of a watched folder, taken in a thread."""

    def __init__(self, folder: WatchedFolder, done: Counter[str] | None = None) -> None:
        self.names: list[str] = []
        self._images = folder.remaining(done or Counter())
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        with suppress(EndedError):
            for image in self._images:
                self.names.append(image.name)

    def wait(self, *names: str) -> None:
        deadline = time.monotonic() + LONG
        while len(self.names) < len(names) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert tuple(self.names) == names


def grow(path: Path, content: bytes, pause: float) -> Iterator[int]:
    """Writes the file in four parts, opened afresh for each as a careless writer would."""
    for part in range(4):
        with path.open("ab") as file:
            file.write(content[len(content) * part // 4 : len(content) * (part + 1) // 4])
        time.sleep(pause)
        yield part


def test_what_is_there_comes_first_and_in_order_then_what_arrives(watched: WatchedFolder, png: bytes) -> None:
    for name in ("b.png", "a.png"):
        (watched.root / name).write_bytes(png)
    taken = Taken(watched)
    taken.wait("a.png", "b.png")
    (watched.root / "new").mkdir()
    (watched.root / "new" / "0.png").write_bytes(png)
    taken.wait("a.png", "b.png", "new/0.png")
    (watched.root / "notes.txt").write_bytes(png)
    (watched.root / "a.png").write_bytes(png + b"changed")
    time.sleep(0.6)
    taken.wait("a.png", "b.png", "new/0.png")


def test_a_file_that_grows_is_left_until_it_is_whole(watched: WatchedFolder, png: bytes) -> None:
    taken = Taken(watched)
    for _ in grow(watched.root / "slow.png", png, pause=0.5):  # more than it takes to settle
        pass
    taken.wait("slow.png")


def test_a_file_that_stalls_half_is_not_taken_while_there_is_patience(
    watched: WatchedFolder, png: bytes
) -> None:
    taken = Taken(watched)
    (watched.root / "half.png").write_bytes(png[:-200])
    time.sleep(1.0)
    assert taken.names == []
    (watched.root / "half.png").write_bytes(png)
    taken.wait("half.png")


def test_patience_ends(watched: WatchedFolder, png: bytes) -> None:
    (watched.root / "half.png").write_bytes(png[:-200])
    (watched.root / "dangling.png").symlink_to("nowhere")
    (watched.root / "gone.png").write_bytes(png[:10])
    taken = Taken(replace(watched, patience_seconds=1.0))
    time.sleep(0.1)
    (watched.root / "gone.png").unlink()
    taken.wait("dangling.png", "half.png")


def test_what_has_a_row_and_what_is_not_wanted_is_left_out(
    watched: WatchedFolder, png: bytes, tmp_path: Path
) -> None:
    (watched.root / "out").mkdir()
    for name in ("a.png", "b.png", "c.jpg.png", "out/a.png"):
        (watched.root / name).write_bytes(png)
    folder = replace(
        watched, exclude=(watched.root / "out",), selection=EndingSelection(exclude=("*.jpg.*",))
    )
    taken = Taken(folder, Counter({"a.png": 1}))
    taken.wait("b.png")
    time.sleep(0.5)
    taken.wait("b.png")


def test_a_folder_that_goes_away_for_a_while_is_waited_for(
    watched: WatchedFolder, png: bytes, tmp_path: Path
) -> None:
    taken = Taken(watched)
    watched.root.rename(tmp_path / "unmounted")
    time.sleep(0.5)
    (tmp_path / "unmounted" / "a.png").write_bytes(png)
    (tmp_path / "unmounted").rename(watched.root)
    taken.wait("a.png")
