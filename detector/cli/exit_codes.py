"""What every command shares towards the shell: exit codes, standard streams, and the one form of an error."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from detector.results.errors import DetectorError, InvalidRequestError, ModelError

OK, SOME_FAILED, NOT_STARTED, BROKEN_OFF, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 130, 143
"""All images read; some were not; wrong usage or a failed start; the work broke off, for example because the disk is
full or the server went away; stopped by Ctrl-C; by SIGTERM."""


def complain(message: str, program: str = "digit-detector: error") -> None:
    """Says on standard error, in one line, what is wrong."""
    print(f"{program}: {' '.join(message.splitlines())}", file=sys.stderr)


def run_command(command: Callable[[], int]) -> int:
    """Runs a command with standard streams that work, and returns its exit code.

    A closed stream is taken for the null device. A reader that goes away, as `head` does, ends the command in silence,
    a full disk behind standard output ends it with one line.
    """
    _use_standard_streams()
    try:
        try:
            return command()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _abandon_standard_streams()
        return SOME_FAILED
    except OSError as error:
        if error.filename is not None or error.errno not in (
            errno.ENOSPC,
            errno.EIO,
            errno.EBADF,
            errno.EDQUOT,
        ):
            raise
        _abandon_standard_streams(sys.stdout)
        complain(f"standard output cannot be written: {error.strerror}")
        return BROKEN_OFF


def _use_standard_streams() -> None:
    for descriptor in range(
        3
    ):  # a free one would go to the next file that is opened, and get what is printed
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115 - it lives as long as the process
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # any name, in any locale


def _abandon_standard_streams(*streams: IO[str]) -> None:
    """Lets the interpreter's last flush end in the null device."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in streams or (sys.stdout, sys.stderr):
        os.dup2(null, stream.fileno())


@contextmanager
def one_line_if_broken_off(consequence: str) -> Iterator[None]:
    """Ends the program if the work cannot go on: the server has gone away, or the disk is full."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (InvalidRequestError, ModelError):
        raise  # what was asked for cannot be begun
    except (DetectorError, OSError) as error:
        complain(f"{error}; {consequence}")
        sys.exit(BROKEN_OFF)
