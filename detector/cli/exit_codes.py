"""Exit codes, and the one form of an error, for every command."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from detector.results.errors import DetectorError, InvalidRequestError, ModelError

OK, SOME_FAILED, NOT_STARTED, BROKEN_OFF, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 130, 143
"""All images read; some were not; wrong usage or a failed start; the work broke off, for example because the disk is
full or the server went away; stopped by Ctrl-C; by SIGTERM."""


def complain(message: str, program: str = "digit-detector: error") -> None:
    """Says on standard error, in one line, what is wrong."""
    print(f"{program}: {' '.join(message.splitlines())}", file=sys.stderr)


@contextmanager
def one_line_if_broken_off(consequence: str) -> Iterator[None]:
    """End the program if the work cannot go on: the server has gone away, or the disk is full."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (InvalidRequestError, ModelError):
        raise  # what was asked for cannot be begun
    except (DetectorError, OSError) as error:
        complain(f"{error}; {consequence}")
        sys.exit(BROKEN_OFF)
