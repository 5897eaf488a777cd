"""`digit-detector info`: a detector's model and defaults."""

import argparse
from typing import TYPE_CHECKING

from detector.cli.options import AddParser, add_where, command
from detector.cli.program import OK

if TYPE_CHECKING:
    from detector.cli.detector_choice import DetectorChoice


def add(add_parser: AddParser) -> None:
    """Add the command to the command line."""
    parser = command(
        add_parser,
        "info",
        "say which model answers, its limits and its defaults",
        "Prints the model's name, version and hash, what it was trained on, its limits and its defaults.",
        """\
  digit-detector info
  digit-detector info --server 127.0.0.1:50051""",
    )
    add_where(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from detector.cli.detector_choice import choice  # noqa: PLC0415

    return info(choice(args))


def info(choice: "DetectorChoice") -> int:
    """Print the detector's model, limits and defaults; return the exit code."""
    with choice.open() as detector:
        found = detector.info()
    for name, value in vars(found).items():
        if name != "defaults":
            print(f"{name}: {value}")
    for name, value in vars(found.defaults).items():
        if value is not None:
            print(f"default {name}: {value}")
    return OK
