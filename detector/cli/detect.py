"""`digit-detector detect`: some images, as a table or as rows."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from detector.cli.exit_codes import OK, SOME_FAILED, complain, one_line_if_broken_off
from detector.cli.options import (
    EXIT_CODES,
    AddParser,
    add_annotated,
    add_min_score,
    add_where,
    choice,
    command,
)
from detector.results.errors import DetectorError

if TYPE_CHECKING:
    from detector.cli.running import DetectorChoice
    from detector.folders.job import FileResult
    from detector.folders.listing import ImageFile
    from detector.results.detections import ImageDetections


def add(add_parser: AddParser) -> None:
    """Add the command to the command line."""
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
    return detect(args.images, choice(args), args.min_score, args.annotated, args.json)


def detect(
    paths: Sequence[str],
    choice: "DetectorChoice",
    min_score: float | None,
    annotated: Path | None,
    as_json: bool,
) -> int:
    """Print what is in each image, as a table or as lines of JSON; return the exit code."""
    from detector.folders.job import detect_files, write_annotated  # noqa: PLC0415
    from detector.folders.plan import plan_files  # noqa: PLC0415
    from detector.results.interface import DetectOptions  # noqa: PLC0415

    options = DetectOptions(score_threshold=min_score)
    images = plan_files(paths, annotated)
    failed = False
    with choice.open() as detector, one_line_if_broken_off("the other images were not looked at"):
        show = _show_json if as_json else _table(images)
        for result in detect_files(images, detector, options):
            show(result)
            failed |= isinstance(result.outcome, DetectorError)
            if annotated is not None:
                write_annotated(result, annotated, result.image.path.name)
    return SOME_FAILED if failed else OK


def _show_json(result: "FileResult") -> None:
    from detector.folders.rows import row_of, to_json_line  # noqa: PLC0415

    print(to_json_line(row_of(result.image.name, result.outcome)), flush=True)


def _table(images: "Sequence[ImageFile]") -> "Callable[[FileResult], None]":
    from detector.folders.rows import printable_name  # noqa: PLC0415

    width = max(len(printable_name(image.name)) for image in images)
    print(header_line(width))

    def show(result: "FileResult") -> None:
        if isinstance(result.outcome, DetectorError):
            complain(f"{printable_name(result.image.name)}: {result.outcome}")
        else:
            print("\n".join(table_lines(result.image.name, result.outcome, width)), flush=True)

    return show


_HEADER = ("image", "number", "digit", "score", "x_min", "y_min", "x_max", "y_max")


def header_line(name_width: int) -> str:
    """Return the names of the columns; `name_width` characters for the images' names."""
    return _line(name_width, *_HEADER)


def table_lines(name: str, found: "ImageDetections", name_width: int) -> Iterator[str]:
    """Yield the lines of one image: scores 0..1, boxes in pixels of the displayed image."""
    from detector.folders.rows import printable_name  # noqa: PLC0415

    image = printable_name(name)
    if not found.numbers:
        yield _line(name_width, image, "-")
    digits = list(found.digits)
    for number in found.numbers:
        text = number.text
        for digit in (digits[index] for index in number.digits):
            edges = (f"{edge:.1f}" for edge in digit.box)
            yield _line(name_width, image, text, str(digit.label), f"{digit.score:.4f}", *edges)
            image = text = ""


def _line(name_width: int, image: str, number: str, *cells: str) -> str:
    return f"{image:<{name_width}}  {number:<8}{''.join(f'{cell:>8}' for cell in cells)}".rstrip()
