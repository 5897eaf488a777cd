"""`digit-detector detect`: some images, as a table or as rows."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from detector.cli.options import (
    EXIT_CODES,
    AddParser,
    add_annotated,
    add_detector,
    add_exhaustive,
    add_min_score,
    command,
)
from detector.cli.program import OK, SOME_FAILED, complain, one_line_if_broken_off
from detector.results.errors import DetectorError

if TYPE_CHECKING:
    from detector.cli.detector_choice import DetectorChoice
    from detector.folders.job import FileResult
    from detector.folders.listing import ImageFile
    from detector.results.detections import ImageDetections
    from detector.results.interface import DetectOptions


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
  curl -s https://example.com/house.jpg | digit-detector detect -
  digit-detector detect house.jpg --min-score 0.3     # more digits, more of them wrong""",
    )
    parser.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE",
        help="file (JPEG, PNG, WebP, BMP, TIFF, GIF, HEIC, AVIF; JPEG XL with digit-detector[jxl]), a quoted "
        "pattern such as 'photos/**/*.jpg', or - for an image on standard input",
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON per image")
    add_annotated(parser)
    add_min_score(parser)
    add_exhaustive(parser)
    add_detector(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from detector.cli.detector_choice import choice  # noqa: PLC0415
    from detector.results.interface import DetectOptions  # noqa: PLC0415

    options = DetectOptions(score_threshold=args.min_score, exhaustive=args.exhaustive)
    return detect(args.images, choice(args), options, args.annotated, args.json)


def detect(
    paths: Sequence[str],
    choice: "DetectorChoice",
    options: "DetectOptions",
    annotated: Path | None,
    as_json: bool,
) -> int:
    """Print what is in each image, as a table or as lines of JSON; return the exit code."""
    from detector.folders.job import detect_files, write_annotated  # noqa: PLC0415
    from detector.folders.plan import plan_files  # noqa: PLC0415
    from detector.folders.progress import shown_while_slow  # noqa: PLC0415

    images = plan_files(paths, annotated)
    if not any(image.is_there for image in images):
        return _refuse(images, as_json)
    failed = False
    with choice.open() as detector, one_line_if_broken_off("the other images were not read"):
        show = _shown(images, as_json)
        with shown_while_slow([image.name for image in images]) as waiting:
            for result in detect_files(images, detector, options, progress=waiting.part):
                waiting.next()
                show(result)
                failed |= isinstance(result.outcome, DetectorError)
                if annotated is not None:
                    write_annotated(result, annotated, result.image.path.name)
    return SOME_FAILED if failed else OK


def _refuse(images: "Sequence[ImageFile]", as_json: bool) -> int:
    """Say why none of the images can be read; no network is loaded for that."""
    from detector.folders.job import FileResult  # noqa: PLC0415
    from detector.images.metadata import Capture  # noqa: PLC0415

    show = _shown(images, as_json)
    for image in images:
        try:
            image.read()
        except DetectorError as error:
            show(FileResult(image, error, Capture()))
    return SOME_FAILED


def _shown(images: "Sequence[ImageFile]", as_json: bool) -> "Callable[[FileResult[ImageFile]], None]":
    """Return what prints the result of one of the images."""
    return _show_json if as_json else _table(images)


def _show_json(result: "FileResult[ImageFile]") -> None:
    from detector.folders.rows import row_of, to_json_line  # noqa: PLC0415

    print(to_json_line(row_of(result.image.name, result.outcome)), flush=True)


def _table(images: "Sequence[ImageFile]") -> "Callable[[FileResult[ImageFile]], None]":
    from detector.folders.rows import printable_name  # noqa: PLC0415

    width = max(len(printable_name(image.name)) for image in images)
    print(header_line(width))

    def show(result: "FileResult[ImageFile]") -> None:
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
