"""`digit-detector detect`: some images, as a table or as rows."""

from collections.abc import Callable, Sequence
from pathlib import Path

from detector.commands.choice import DetectorChoice, one_line_if_broken_off
from detector.console import OK, SOME_FAILED, complain
from detector.errors import DetectorError
from detector.folders.annotated import write_annotated
from detector.folders.listing import ImageFile
from detector.folders.pipeline import FileResult, detect_files
from detector.folders.plan import plan_files
from detector.folders.rows import printable_name, row_of, to_json_line
from detector.folders.table import header_line, table_lines
from detector.interface import DetectOptions


def detect(
    paths: Sequence[str],
    choice: DetectorChoice,
    min_score: float | None,
    annotated: Path | None,
    as_json: bool,
) -> int:
    """Prints what is in each image, as a table or as lines of JSON; returns the exit code."""
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


def _show_json(result: FileResult) -> None:
    print(to_json_line(row_of(result.image.name, result.outcome)), flush=True)


def _table(images: Sequence[ImageFile]) -> Callable[[FileResult], None]:
    width = max(len(printable_name(image.name)) for image in images)
    print(header_line(width))

    def show(result: FileResult) -> None:
        if isinstance(result.outcome, DetectorError):
            complain(f"{printable_name(result.image.name)}: {result.outcome}")
        else:
            print("\n".join(table_lines(result.image.name, result.outcome, width)), flush=True)

    return show
