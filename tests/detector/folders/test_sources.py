"""Lists of paths through real pipes, and what is left of a list when some have rows."""

import os
import threading
from collections import Counter
from pathlib import Path

import pytest

from detector.folders.listing import ImageFile, Selection
from detector.folders.sources import ListedFiles, ListedFolder, PathStream

ALL = Selection()


def through_a_pipe(*chunks: bytes, separator: bytes = b"\n", selection: Selection = ALL) -> list[str]:
    reading, writing = os.pipe()

    def write() -> None:
        for chunk in chunks:
            os.write(writing, chunk)
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        source = ListedFiles(PathStream(reading, separator), selection)
        return [image.name for image in source.remaining(Counter())]
    finally:
        writer.join()
        os.close(reading)


@pytest.mark.parametrize(
    ("chunks", "separator", "names", "reason"),
    [
        ((), b"\n", [], "nothing"),
        ((b"a.png\nb.png\n",), b"\n", ["a.png", "b.png"], "lines"),
        ((b"a.png\nb.png",), b"\n", ["a.png", "b.png"], "the last without its newline"),
        ((b"a.p", b"ng\nb", b".png"), b"\n", ["a.png", "b.png"], "torn between writes"),
        ((b"\n\na.png\n\n",), b"\n", ["a.png"], "empty lines"),
        ((b"b.png\na.png\nb.png\n",), b"\n", ["b.png", "a.png", "b.png"], "their own order, twice is twice"),
        ((b"/x/ a.png \n",), b"\n", ["/x/ a.png "], "blanks belong to names"),
        ((b"two\nlines.png\0b.png\0",), b"\0", ["two\nlines.png", "b.png"], "null characters"),
        ((b"\xe9.png\n",), b"\n", [os.fsdecode(b"\xe9.png")], "bytes that are no UTF-8"),
        ((b"a.png\r\nb.png\r\n\r\n",), b"\n", ["a.png", "b.png"], "lines of Windows"),
        ((b"a.png\r\0",), b"\0", ["a.png\r"], "null characters leave no doubt about names"),
        ((b"\xef\xbb\xbfa.png\n",), b"\n", ["a.png"], "a byte order mark"),
        ((b"\xef", b"\xbb", b"\xbfa.png\n"), b"\n", ["a.png"], "torn in the mark"),
        ((b"\xef\xbb\xbfa.png\0",), b"\0", ["\ufeffa.png"], "no mark among null characters"),
        ((b"\xef\xbb",), b"\n", [os.fsdecode(b"\xef\xbb")], "what only begins like a mark"),
        ((b"\xff.png\n",), b"\n", [os.fsdecode(b"\xff.png")], "so does this"),
        (
            ("\ufeffa\u00e9.png\r\nb.png\r\n".encode("utf-16-le"),),
            b"\n",
            ["a\u00e9.png", "b.png"],
            "PowerShell's",
        ),
        (
            ("\ufeffa.png\n".encode("utf-16-be")[:3], "\ufeffa.png\n".encode("utf-16-be")[3:]),
            b"\n",
            ["a.png"],
            "torn",
        ),
        ((b"x" * 70_000 + b"\n", b"a.png\n"), b"\n", ["x" * 70_000, "a.png"], "longer than a read"),
    ],
)
def test_paths_as_they_come(
    chunks: tuple[bytes, ...], separator: bytes, names: list[str], reason: str
) -> None:
    assert through_a_pipe(*chunks, separator=separator) == names, reason


def test_patterns_choose_among_them() -> None:
    assert through_a_pipe(b"a.png\nb.png\n", selection=Selection(exclude=("a*",))) == ["b.png"]


def test_a_path_is_there_before_the_next_one_has_come() -> None:
    reading, writing = os.pipe()
    source = iter(ListedFiles(PathStream(reading), ALL).remaining(Counter()))
    for name in ("a.png", "b.png"):
        os.write(writing, f"{name}\n".encode())
        assert next(source).path == Path(name)
    os.close(writing)
    assert list(source) == []
    os.close(reading)


def test_of_several_with_one_name_as_many_are_left_as_have_no_row() -> None:
    names = [
        "a",
        os.fsdecode(b"\xff"),
        "\\xff",
        "a",
        "b",
    ]  # the second and the third are called alike in rows
    images = tuple(ImageFile(Path(name), name) for name in names)
    left = ListedFolder(images).remaining(Counter({"a": 1, "\\xff": 1, "gone": 1}))
    assert left == images[2:]


def test_lines_of_windows_mean_the_files_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "street").mkdir()
    for name in ("street/1.png", "carriage.png\r", "back\\slash.png", '"quoted.png"', "a.png", "a.png\r"):
        (tmp_path / name).touch()
    lines = [
        "street\\1.png",
        '"street\\1.png"',
        "carriage.png\r",
        "back\\slash.png",
        '"quoted.png"',
        "a.png\r",
        "gone\\1.png",
    ]
    assert through_a_pipe("".join(f"{line}\r\n" for line in lines[:2]).encode()) == ["street/1.png"] * 2
    assert through_a_pipe("".join(f"{line}\n" for line in lines[2:]).encode()) == lines[2:], (
        "Linux's own names"
    )
