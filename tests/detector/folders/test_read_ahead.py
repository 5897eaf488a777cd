"""Reading ahead: order, bounds and what becomes of files that cannot be read."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.errors import ImageUnreadableError
from detector.folders.listing import ImageFile
from detector.folders.read_ahead import read_ahead


def files(folder: Path, *sizes: int) -> list[ImageFile]:
    images = []
    for number, size in enumerate(sizes):
        path = folder / f"{number}.png"
        path.write_bytes(bytes([number % 256]) * size)
        images.append(ImageFile(path, path.name))
    return images


@pytest.mark.parametrize(
    ("sizes", "max_files", "max_bytes", "reason"),
    [
        ([], 4, 100, "nothing to read"),
        ([5], 1, 100, "one file, no room ahead"),
        ([5] * 20, 3, 1000, "the number of files bounds"),
        ([40] * 20, 100, 100, "their bytes bound"),
        ([500, 1, 500, 1], 4, 100, "a file above the bound is read all the same"),
        ([0, 0, 3], 2, 1, "empty files"),
    ],
)
def test_every_file_comes_whole_and_in_order(
    tmp_path: Path, sizes: list[int], max_files: int, max_bytes: int, reason: str
) -> None:
    images = files(tmp_path, *sizes)
    assert list(read_ahead(images, max_files, max_bytes)) == [
        (image, image.path.read_bytes()) for image in images
    ], reason


@pytest.mark.parametrize(
    ("size", "max_files", "max_bytes", "ahead", "reason"),
    [
        (10, 3, 1000, 3, "three files"),
        (10, 100, 40, 4, "four times ten bytes"),
        (50, 100, 40, 1, "each too large"),
    ],
)
def test_no_more_than_the_bound_is_taken_ahead(
    tmp_path: Path, size: int, max_files: int, max_bytes: int, ahead: int, reason: str
) -> None:
    taken = 0

    def counted() -> Iterator[ImageFile]:
        nonlocal taken
        for image in files(tmp_path, *[size] * 12):
            taken += 1
            yield image

    for yielded, _ in enumerate(read_ahead(counted(), max_files, max_bytes), start=1):
        assert taken - yielded <= ahead, reason
    assert taken == 12


def test_files_are_read_while_the_caller_works(tmp_path: Path) -> None:
    images = files(tmp_path, *[10] * 3)
    contents = read_ahead(images)
    next(contents)
    time.sleep(0.5)  # the caller works; then the files vanish
    for image in images:
        image.path.unlink()
    assert [content for _, content in contents] == [b"\1" * 10, b"\2" * 10]


def test_a_caller_that_stops_early_leaves_no_thread_behind(tmp_path: Path) -> None:
    before = threading.active_count()
    contents = read_ahead(files(tmp_path, *[10] * 50), max_files=40)
    next(contents)
    contents.close()
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_files_that_cannot_be_read_give_their_error_and_the_others_come(tmp_path: Path) -> None:
    first, vanished, known, last = files(tmp_path, 3, 3, 3, 3)
    vanished.path.unlink()
    closed = ImageUnreadableError("the folder cannot be read: Permission denied")
    known = ImageFile(known.path, known.name, closed)
    contents = [content for _, content in read_ahead([first, vanished, known, last])]
    assert contents[0] == b"\0\0\0"
    assert isinstance(contents[1], ImageUnreadableError)
    assert contents[2] is closed
    assert contents[3] == b"\3\3\3"
