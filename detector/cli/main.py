"""`digit-detector`: parses the command line and makes one call for it.

What each command takes and does is in its own module.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from detector.cli import convert, detect, detect_folder, export, health, info, report, serve
from detector.cli.exit_codes import INTERRUPTED, NOT_STARTED, SOME_FAILED, complain
from detector.results.errors import DetectorError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. What the user can mend is one line on standard error."""
    args = parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # any name, in any locale
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what goes wrong arrives as an exception
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except DetectorError as error:
        complain(str(error))
        return NOT_STARTED
    except BrokenPipeError:  # whoever read our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SOME_FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """Return the whole command line; `run` of what it parses is the command's function."""
    root = argparse.ArgumentParser(
        prog="digit-detector",
        description="Finds house-number digits in street images, and reads the numbers that they spell.",
        epilog="digit-detector COMMAND --help explains a command, with examples.",
    )
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (serve, detect, detect_folder, convert, report, export, info, health):
        command.add(commands.add_parser)
    return root


if __name__ == "__main__":
    sys.exit(main())
