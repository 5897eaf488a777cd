"""`digit-detector`: parses the command line and makes one call for it.

What each command takes and does is in its own module.
"""

import argparse
import sys
from collections.abc import Sequence

from detector.cli import convert, detect, detect_folder, export, health, info, report, serve, web
from detector.cli.options import prepare_libraries
from detector.cli.program import (
    INTERRUPTED,
    NOT_STARTED,
    HintingParser,
    add_version,
    complain,
    explain,
    run_command,
)
from detector.results.errors import DetectorError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. What the user can mend is one line on standard error."""
    return run_command(lambda: _main(argv))


def _main(argv: Sequence[str] | None) -> int:
    args = parser().parse_args(argv)
    prepare_libraries(args)
    try:
        code: int = args.run(args)
    except DetectorError as error:
        complain(explain(error, args.command))
        return NOT_STARTED
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def parser() -> argparse.ArgumentParser:
    """Return the whole command line; `run` of what it parses is the command's function."""
    root = HintingParser(
        prog="digit-detector",
        description="Finds house-number digits in street images, and reads the numbers that they spell.",
        epilog="digit-detector COMMAND --help explains a command, with examples.",
    )
    add_version(root)
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (serve, web, detect, detect_folder, convert, report, export, info, health):
        command.add(commands.add_parser)
    return root


if __name__ == "__main__":
    sys.exit(main())
