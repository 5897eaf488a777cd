"""Standard streams as shells leave them: closed, broken, or with a full disk behind them."""

import errno
import os
import sys
from collections.abc import Callable
from typing import IO

from detector.cli.exit_codes import BROKEN_OFF, SOME_FAILED, complain

_UNWRITABLE = (errno.ENOSPC, errno.EIO, errno.EBADF, errno.EDQUOT)


def run_command(command: Callable[[], int]) -> int:
    """Run a command with standard streams that work, and return its exit code.

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
        if error.filename is not None or error.errno not in _UNWRITABLE:
            raise
        _abandon_standard_streams(sys.stdout)
        complain(f"standard output cannot be written: {error.strerror}")
        return BROKEN_OFF


def _use_standard_streams() -> None:
    for descriptor in range(3):  # the next file that is opened would get a free one, and what is printed
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
