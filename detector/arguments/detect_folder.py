"""`digit-detector detect-folder`."""

import argparse
from pathlib import Path

from detector.arguments.remote import add_where, choice
from detector.arguments.shared import EXIT_CODES, AddParser, add_annotated, add_min_score, command


def add(add_parser: AddParser) -> None:
    """Adds the command to the command line."""
    parser = command(
        add_parser,
        "detect-folder",
        "find the digits in every image below a folder",
        "Detects every image below IMAGES (by the file's ending: .jpg .jpeg .png .webp .bmp .tif .tiff .gif) in "
        "the order of their paths, and writes one line of JSON per image. An image that cannot be read gets a "
        "line that says why, the others go on. While it runs the lines are in OUT.jsonl.part, which becomes "
        f"OUT.jsonl at the end. {EXIT_CODES}",
        """\
  digit-detector detect-folder photos --output digits.jsonl
  digit-detector detect-folder photos --output digits.jsonl --annotated photos-annotated
  digit-detector detect-folder photos --output digits.jsonl --server 127.0.0.1:50051

a line of the output:
  {"image": "street/1.jpg", "width_px": 640, "height_px": 480,
   "digits": [{"label": 7, "score": 0.98, "box": [x_min, y_min, x_max, y_max]}, ...],
   "numbers": [{"text": "75", "score": 0.97, "box": [...], "digits": [0, 1]}]}
  {"image": "street/2.jpg", "error": {"code": "IMAGE_UNDECODABLE", "message": "..."}}""",
    )
    parser.add_argument(
        "images", type=Path, metavar="IMAGES", help="folder of images, with all folders in it"
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="OUT.jsonl",
        help="file to write; replaced if it is there",
    )
    add_annotated(parser)
    add_min_score(parser)
    add_where(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from detector.commands.detect_folder import detect_folder  # noqa: PLC0415 - see detector.arguments.shared

    return detect_folder(args.images, choice(args), args.min_score, args.annotated, args.output)
