"""What every command shares towards the shell: exit codes, and the one form of an error."""

import sys

OK, SOME_FAILED, NOT_STARTED, INTERRUPTED = 0, 1, 2, 130
"""All images read; some were not, or the work broke off; wrong usage or a failed start; stopped by Ctrl-C."""


def complain(message: str) -> None:
    """Says on standard error, in one line, what is wrong."""
    print(f"digit-detector: error: {' '.join(message.splitlines())}", file=sys.stderr)
