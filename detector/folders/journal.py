"""The output of a folder job: rows appended one by one, so that no end, however sudden, loses one.

    OUT.jsonl                  the rows, nothing else
    OUT.jsonl.settings.json    what they were made with; written whole before the first row

Rows are the exception to "write beside and rename": a run of a night must not lose its rows with its process. What a
killed run leaves torn at the end is cut off when the next one takes it up. Two runs cannot write one file: the
operating system holds the lock, and drops it with the process, so none is ever left behind.

The settings are all that rows depend on, so rows of different settings are never mixed.
"""

import errno
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from detector.folders.progress import FolderSummary
from detector.folders.rows import Row, to_json_line
from detector.folders.run_settings import Settings, check_same_settings, encode_settings, settings_path
from detector.results.errors import InvalidOptionError
from detector.system.files import sync_folder, write_whole

SYNC_SECONDS = 1.0
"""Rows older than this survive the loss of power too, not only of the process."""

_LOCKS_UNSUPPORTED = {errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL}


@dataclass
class BegunVideo:
    """A video whose rows are the last ones, so that there may be more to come.

    Attributes:
        name: what rows call it.
        rows: how many there are.
        last: the last of them.
    """

    name: str
    rows: int
    last: Row

    def goes_on_with(self, row: Row) -> bool:
        """Return whether a row is the next one of this video; a list may name the same video again after it."""
        if row["image"] != self.name:
            return False
        after_damage = "error" in self.last and "error" not in row
        return bool(
            row["frame"] > self.last["frame"] or (after_damage and row["frame"] == self.last["frame"])
        )


@dataclass
class Journal:
    """An output that is open for appending.

    Attributes:
        summary: what is in it by now.
        done: how often each file was in it, whole, when it was opened: an image with its row, a video with all its.
        begun: the video that was the last file in it then.
    """

    _file: int
    summary: FolderSummary = field(default_factory=FolderSummary)
    done: Counter[str] = field(default_factory=Counter)
    begun: BegunVideo | None = None
    _synced: float = 0.0

    def take_up(self, row: Row) -> None:
        """Count a row of an earlier run."""
        self.summary = self.summary.plus(row)
        if self.begun is not None and isinstance(row.get("frame"), int) and self.begun.goes_on_with(row):
            self.begun = BegunVideo(self.begun.name, self.begun.rows + 1, row)
            return
        if self.begun is not None:
            self.done[self.begun.name] += 1
        if isinstance(row.get("frame"), int):
            self.begun = BegunVideo(row["image"], 1, row)
        else:
            self.begun = None
            self.done[row["image"]] += 1

    def append(self, row: Row) -> None:
        """Add a row; when this returns it survives the process.

        Raises:
            OSError: if it cannot be written whole, for example because the disk is full.
        """
        line = memoryview((to_json_line(row) + "\n").encode("ascii"))
        while line:
            line = line[os.write(self._file, line) :]
        self.summary = self.summary.plus(row)
        if time.monotonic() - self._synced > SYNC_SECONDS:
            os.fsync(self._file)
            self._synced = time.monotonic()


def check_no_earlier_output(output: Path) -> None:
    """Look whether a run that is to start afresh would meet rows.

    Raises:
        InvalidOptionError: if it would; the message names the ways out.
    """
    if output.exists() and output.stat().st_size:
        raise InvalidOptionError(
            "output",
            f"{output} has rows already: go on with --resume, replace them with --overwrite, or name another file",
        )


@contextmanager
def open_journal(output: Path, settings: Settings, *, resume: bool, overwrite: bool) -> Iterator[Journal]:
    """Open the output, take up what is in it or start afresh, and close it whatever happens.

    Args:
        output: the file of rows; its folder exists.
        settings: what the rows to come depend on.
        resume: keep earlier rows; they must have been made with the same settings.
        overwrite: drop them.

    Raises:
        InvalidOptionError: if there are earlier rows and neither is asked for, they were made with other settings,
            they are not rows, or another run is writing them.
        OSError: if the output cannot be written.
    """
    file = os.open(output, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        _lock(file, output)
        if not resume and not overwrite:
            check_no_earlier_output(output)
        if overwrite:
            os.ftruncate(file, 0)
        if os.fstat(file).st_size:
            sidecar = settings_path(output)
            check_same_settings(str(output), str(sidecar), sidecar.read_bytes, settings)
            journal = _take_up(file, output)
        else:
            write_whole(settings_path(output), encode_settings(settings))
            sync_folder(output.parent)
            journal = Journal(file)
        yield journal
        os.fsync(file)
    finally:
        os.close(file)


def _lock(file: int, output: Path) -> None:
    """Keep other runs from writing to the file, on systems that have locks for that.

    Raises:
        InvalidOptionError: if another run writes to it.
    """
    try:
        import fcntl  # noqa: PLC0415 - Windows has none
    except ModuleNotFoundError:
        print(f"this system has no locks: let no other run write to {output}", file=sys.stderr)
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InvalidOptionError(
            "output", f"another run is writing {output}: wait for it or end it"
        ) from error
    except OSError as error:  # some network file systems have no locks; a job there goes unguarded
        if error.errno not in _LOCKS_UNSUPPORTED:
            raise


def _take_up(file: int, output: Path) -> Journal:
    """Count the whole rows and cut off what comes after the last of them: what a killed run left unfinished."""
    journal = Journal(file)
    whole = 0
    torn: int | None = None
    with os.fdopen(os.dup(file), "rb") as lines:
        lines.seek(0)
        for number, line in enumerate(lines, start=1):
            row = _row(line)
            if b"\0" in line:  # blocks that had no time to reach the disk before the power went
                break
            if row is None:
                torn = torn or number
            elif torn:
                raise InvalidOptionError(
                    "output",
                    f"{output}, line {torn} is not a row, but later lines are: the file was changed by something "
                    "else; start again with --overwrite, or name another file",
                )
            else:
                whole += len(line)
                journal.take_up(row)
    os.ftruncate(file, whole)
    return journal


def _row(line: bytes) -> Row | None:
    """Return the row in a line of the file, None if it is none or its newline is missing."""
    try:
        row = json.loads(line) if line.endswith(b"\n") else None
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and isinstance(row.get("image"), str) else None
