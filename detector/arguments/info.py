"""`digit-detector info`."""

import argparse

from detector.arguments.shared import AddParser, add_where, command


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
    from detector.commands.choice import DetectorChoice  # noqa: PLC0415 - see detector.arguments.shared
    from detector.commands.info import info  # noqa: PLC0415

    return info(DetectorChoice(args.model, args.server))
