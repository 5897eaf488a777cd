"""`digit-detector-train check`: are these labels fit to train and to measure on?"""

import argparse
from pathlib import Path

from training.cli.options import AddParser, add_class_option, label_options
from training.data.labels.folder import FORMATS, survey
from training.evaluation.label_survey import report


def add_check(add_parser: AddParser) -> None:
    """Add the command."""
    names = ", ".join(known.name for known in FORMATS)
    command = add_parser(
        "check",
        help="list every problem in a folder of labelled pictures",
        description=f"Reads a folder of labelled pictures ({names}; told by what it holds) with all its images, and "
        "lists every problem as FILE:LINE: TEXT, then counts. The exit code is 1 if there are problems, and 0 if not.",
    )
    command.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder")
    command.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="also draw contact_sheet.png (labelled samples) and heights.png there",
    )
    add_class_option(command)
    command.set_defaults(run=_check)


def _check(arguments: argparse.Namespace) -> int:
    labels = survey(arguments.data, label_options(arguments))
    print(report(labels))
    if arguments.out:
        from training.evaluation.label_survey import write_pictures  # noqa: PLC0415 # imports matplotlib

        for path in write_pictures(labels, arguments.out):
            print(f"drawn: {path}")
    return 1 if labels.problems else 0
