"""`digit-detector report`: results as a gallery for the browser."""

import argparse
import sys
from pathlib import Path

from detector.cli.options import AddParser, command, file_path
from detector.cli.program import OK, one_line_if_broken_off
from detector.results.errors import InvalidOptionError


def add(add_parser: AddParser) -> None:
    """Add the command to the command line."""
    parser = command(
        add_parser,
        "report",
        "make a gallery of results, to look at in a browser",
        "Reads the results of detect-folder (or of detect --json) and writes DIR/index.html: every image with "
        "its boxes and numbers, to filter, to sort and to click, and a map of where they were taken. The folder is "
        "complete in itself: it works from the disk, without a network, and can be moved or sent. Images of more than "
        "2048 pixels are shown smaller there, with a link to the original. An earlier report in DIR is replaced. "
        "Exit code: 0 if all was written, 2 for wrong usage or if RESULTS is not a results file, 3 if writing "
        "broke off.",
        """\
  digit-detector report digits.jsonl --images photos --out gallery
  digit-detector detect-folder photos --out digits.jsonl --report gallery    # both in one""",
    )
    parser.add_argument(
        "results", type=file_path, metavar="RESULTS", help="file of JSON lines from detect-folder"
    )
    parser.add_argument(
        "--images",
        type=Path,
        default=Path(),
        metavar="IMAGES",
        help="the folder that was searched; names in RESULTS are relative to it (default: the current folder)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder to write: new, empty or an earlier report",
    )
    parser.add_argument(
        "--tiles",
        metavar="URL",
        help="show map tiles of this server below the points, such as https://tiles.example.com/{z}/{x}/{y}.png; "
        "whoever opens the page then tells that server where the images were taken (default: points alone)",
    )
    parser.add_argument("--strip-location", action="store_true", help="leave out where images were taken")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    return report(args.results, args.images, args.out, args.tiles, args.strip_location)


def report(results: Path, images: Path, out: Path, tiles: str | None, strip_location: bool) -> int:
    """Write the gallery to the folder `out` and say how to look at it; return the exit code."""
    from detector.folders.report import write_report  # noqa: PLC0415
    from detector.folders.results_file import ResultsFile  # noqa: PLC0415
    from detector.folders.rows import printable_name  # noqa: PLC0415

    if not images.is_dir():
        raise InvalidOptionError("images", f"{images} is not a folder: names in RESULTS are relative to one")
    with one_line_if_broken_off("the report is not whole"):
        rows = ResultsFile(results)
        done = write_report(rows, images, out, tiles=tiles, strip_location=strip_location)
    missing = f" ({done.missing} are not in {images}: --images names their folder)" if done.missing else ""
    print(f"{done.images} images{printable_name(missing)}: {printable_name(str(done.page))}", file=sys.stderr)
    return OK
