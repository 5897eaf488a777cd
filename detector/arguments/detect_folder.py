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
        "line that says why, the others go on. Killed at any moment it goes on with --resume, and the file "
        f"becomes the same as if nothing had happened. {EXIT_CODES}",
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
        help="file to write; rows are added to its end as they are made",
    )
    earlier = parser.add_mutually_exclusive_group()
    earlier.add_argument(
        "--resume", action="store_true", help="go on where an earlier run ended, however it ended"
    )
    earlier.add_argument("--overwrite", action="store_true", help="drop the rows of an earlier run")
    add_annotated(parser)
    add_min_score(parser)
    add_where(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from detector.commands.detect_folder import detect_folder  # noqa: PLC0415 - see detector.arguments.shared
    from detector.folders.plan import FolderJob  # noqa: PLC0415
    from detector.interface import DetectOptions  # noqa: PLC0415

    job = FolderJob(
        images=args.images,
        output=args.output,
        annotated=args.annotated,
        options=DetectOptions(score_threshold=args.min_score),
        resume=args.resume,
        overwrite=args.overwrite,
    )
    return detect_folder(job, choice(args))
