"""`digit-detector detect`."""

import argparse

from detector.arguments.remote import add_where, choice
from detector.arguments.shared import EXIT_CODES, AddParser, add_annotated, add_min_score, command


def add(add_parser: AddParser) -> None:
    """Adds the command to the command line."""
    parser = command(
        add_parser,
        "detect",
        "find the digits in some images",
        "Prints a table of the digits in each image, or with --json one line of JSON per image, the same as "
        f"detect-folder writes. An image that cannot be read is reported, the others go on. {EXIT_CODES}",
        """\
  digit-detector detect house.jpg
  digit-detector detect *.jpg --json > digits.jsonl
  digit-detector detect house.jpg --annotated out     # writes out/house.jpg with boxes and labels
  digit-detector detect house.jpg --min-score 0.3     # more digits, more of them wrong""",
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="JPEG, PNG, WebP, BMP, TIFF or GIF file")
    parser.add_argument("--json", action="store_true", help="print one line of JSON per image")
    add_annotated(parser)
    add_min_score(parser)
    add_where(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from detector.commands.detect import detect  # noqa: PLC0415 - see detector.arguments.shared

    return detect(args.images, choice(args), args.min_score, args.annotated, args.json)
