"""What every command shares towards the shell: exit codes, and the one form of an error."""

import sys

OK, SOME_FAILED, NOT_STARTED, BROKEN_OFF, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 130, 143
"""All images read; some were not; wrong usage or a failed start; the work broke off, for example because the disk is
full or the server went away; stopped by Ctrl-C; by SIGTERM."""


def complain(message: str) -> None:
    """Says on standard error, in one line, what is wrong."""
    print(f"digit-detector: error: {' '.join(message.splitlines())}", file=sys.stderr)
