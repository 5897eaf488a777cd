"""`digit-detector info`."""

import argparse

from detector.arguments.remote import add_where, choice
from detector.arguments.shared import AddParser, command


def add(add_parser: AddParser) -> None:
    """Adds the command to the command line."""
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
    from detector.commands.info import info  # noqa: PLC0415 - see detector.arguments.shared

    return info(choice(args))
