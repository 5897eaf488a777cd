"""A folder job that is begun, killed, robbed of its power and taken up again in any order loses and doubles no row."""

import os
from collections import Counter
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from detector.folders.frames import VideoFrame, with_frames
from detector.folders.journal import Journal, open_journal
from detector.folders.listing import ImageFile
from detector.folders.rows import Row, row_of, to_json_line
from detector.folders.sources import without_rows
from detector.images.video_frames import Every
from detector.results.detections import Detections, ImageDetections
from detector.results.errors import ImageEmptyError, InvalidOptionError
from tests.detector.videos import write_video

SETTINGS = {"model": "test 1"}
EVERY_FRAME = Every(Fraction(1), "f")
FRAMES = {"one.avi": 1, "three.avi": 3}
"""Videos, by their names, and how many frames they have."""
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""A file system in memory, where there is one: thousands of outputs wait for no disk."""
NAMES = ("a.png", "b\n.png", *FRAMES)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for name, count in FRAMES.items():
        write_video(folder / name, "mjpeg", range(0, 100 * count, 100))
    return folder


def row_for(image: ImageFile | VideoFrame) -> Row:
    """A row with something in it; every second image cannot be read."""
    if image.name.startswith("b"):
        return row_of(image.name, ImageEmptyError("the image has no bytes"), place=image.place)
    found = ImageDetections(96, 64, Detections.empty(), (), "test", "1")
    return row_of(image.name, found, place=image.place)


def line_of(row: Row) -> bytes:
    return to_json_line(row).encode() + b"\n"


class JournalMachine(RuleBasedStateMachine):
    """One output and the runs that write it: at most one at a time.

    `files` is the list of paths that the job is given, `lines` what must be in the output: whole lines, in order.
    """

    videos: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp(dir=MEMORY))
        self.output = self.folder / "rows.jsonl"
        self.lines: list[bytes] = []
        self.torn = b""
        self.run = ExitStack()
        self.journal: Journal | None = None

    @initialize(names=st.lists(st.sampled_from(NAMES), max_size=6))
    def give_the_job(self, names: list[str]) -> None:
        self.files = [self._file(name) for name in names]

    def _file(self, name: str) -> ImageFile:
        return ImageFile(self.videos / name, name)

    @precondition(lambda self: self.journal is None)
    @rule(name=st.sampled_from(NAMES))
    def name_another_file(self, name: str) -> None:
        self.files.append(self._file(name))

    @precondition(lambda self: self.journal is None)
    @rule()
    def resume(self) -> None:
        self.journal = self.run.enter_context(
            open_journal(self.output, SETTINGS, resume=True, overwrite=False)
        )
        remaining = without_rows(self.files, self.journal.done)
        self.pictures = with_frames(remaining, EVERY_FRAME, self.journal.begun)
        self.torn = b""
        assert self.journal.summary.rows == len(self.lines)

    @precondition(lambda self: self.journal is None)
    @rule()
    def overwrite(self) -> None:
        with open_journal(self.output, SETTINGS, resume=False, overwrite=True):
            self.lines, self.torn = [], b""

    @precondition(lambda self: self.journal is not None)
    @rule(count=st.integers(1, 4))
    def write_rows(self, count: int) -> None:
        assert self.journal is not None
        for _, image in zip(range(count), self.pictures, strict=False):
            row = row_for(image)
            self.journal.append(row)
            self.lines.append(line_of(row))

    @precondition(lambda self: self.journal is not None)
    @rule()
    def reach_the_end(self) -> None:
        self.write_rows(1_000_000)
        self._end()
        assert Counter(self.lines) == Counter(self._due()), "each picture has its row, and has it once"

    def _due(self) -> list[bytes]:
        """The rows of a job that nothing interrupts."""
        return [line_of(row_for(image)) for image in with_frames(self.files, EVERY_FRAME, None)]

    @precondition(lambda self: self.journal is not None)
    @rule(missing=st.integers(1, 300))
    def be_killed(self, missing: int) -> None:
        """Between two rows, or in the middle of one, of which so many bytes are not written."""
        image = next(self.pictures, None)
        self._end()
        if image is not None:
            line = line_of(row_for(image))
            self._append(line[: max(0, len(line) - missing)])

    @precondition(lambda self: self.journal is not None)
    @rule(kept=st.floats(0, 1), zeros=st.integers(1, 5000), later=st.booleans())
    def lose_power(self, kept: float, zeros: int, later: bool) -> None:
        """A block has not reached the disk, and reads as zeros; what was written later may have."""
        self._end()
        content = self.output.read_bytes()
        size = int(kept * len(content))
        os.truncate(self.output, size)
        whole, newline, self.torn = content[:size].rpartition(b"\n")
        self.lines = (whole + newline).splitlines(keepends=True)
        self._append(bytes(zeros) + (content[size + zeros :] if later else b""))

    def _append(self, tail: bytes) -> None:
        with self.output.open("ab") as file:
            file.write(tail)
        self.torn += tail

    def _end(self) -> None:
        """Closes the output as the end of a process does."""
        self.run.close()
        self.journal = None

    @precondition(lambda self: self.lines)
    @rule(other_model=st.booleans())
    def be_refused(self, other_model: bool) -> None:
        """A run with another model, and one that was not told to resume, change nothing."""
        settings = {"model": "test 2"} if other_model else SETTINGS
        with (
            pytest.raises(InvalidOptionError),
            open_journal(self.output, settings, resume=other_model, overwrite=False),
        ):
            pass

    @precondition(lambda self: self.journal is not None)
    @rule(resume=st.booleans())
    def come_second(self, resume: bool) -> None:
        """A run that begins while another writes changes nothing."""
        with (
            pytest.raises(InvalidOptionError, match="another run"),
            open_journal(self.output, SETTINGS, resume=resume, overwrite=not resume),
        ):
            pass

    @invariant()
    def the_output_has_every_line_and_no_other(self) -> None:
        content = self.output.read_bytes() if self.output.exists() else b""
        assert content == b"".join(self.lines) + self.torn

    def teardown(self) -> None:
        self.run.close()
        rmtree(self.folder)


def test_no_row_is_lost_or_doubled(videos: Path) -> None:
    JournalMachine.videos = videos
    machine = JournalMachine.TestCase
    machine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
    machine().runTest()
