"""The commands of `digit-detector` that detect: each makes one call below and says what came of it."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from detector import folders
from detector.console import OK, SOME_FAILED, complain
from detector.digit_detector import DigitDetector
from detector.errors import DetectorError, ServiceUnavailableError
from detector.folders.listing import ImageFile
from detector.folders.output import part_path, write_annotated
from detector.folders.pipeline import FileResult, detect_files
from detector.folders.plan import FolderJob, plan_files, plan_folder
from detector.folders.rows import printable_name, row_of, to_json_line
from detector.folders.table import header_line, table_lines
from detector.interface import DetectOptions, ImageDetector


@dataclass(frozen=True)
class DetectorChoice:
    """Who detects.

    Attributes:
        model: a model's folder; None for the embedded one.
        server: HOST:PORT of a server that detects instead of this process.
    """

    model: Path | None
    server: str | None

    @contextmanager
    def open(self) -> Iterator[ImageDetector]:
        """The detector, ready to detect.

        Raises:
            ModelError: if the model cannot be used.
            ServiceUnavailableError: if the server does not answer.
        """
        if self.server is None:
            yield DigitDetector.load(self.model)
            return
        from detector.serving.client import DetectorClient  # noqa: PLC0415 - gRPC comes in with a server only

        with DetectorClient(self.server) as client:
            client.info(timeout_s=15)
            yield client


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
    with choice.open() as detector, _one_line_if_broken_off("the other images were not looked at"):
        show = _show_json if as_json else _table(images)
        for result in detect_files(images, detector, options):
            show(result)
            failed |= isinstance(result.outcome, DetectorError)
            if annotated is not None:
                write_annotated(result, annotated, result.image.path.name)
    return SOME_FAILED if failed else OK


def detect_folder(
    images: Path, choice: DetectorChoice, min_score: float | None, annotated: Path | None, output: Path
) -> int:
    """Writes one line of JSON for each image below a folder; returns the exit code."""
    plan = plan_folder(FolderJob(images, output, annotated, DetectOptions(score_threshold=min_score)))
    rows_so_far = f"the lines so far are in {part_path(plan.job.output)}"
    with choice.open() as detector, _one_line_if_broken_off(rows_so_far):
        summary = folders.detect_folder(plan, detector)
    print(
        f"{summary.rows} images ({summary.errors} not read), {summary.digits} digits, "
        f"{summary.numbers} numbers: {printable_name(str(output))}",
        file=sys.stderr,
    )
    return SOME_FAILED if summary.errors else OK


def info(choice: DetectorChoice) -> int:
    """Prints what the detector says of itself; returns the exit code."""
    with choice.open() as detector:
        found = detector.info()
    for name, value in vars(found).items():
        if name != "defaults":
            print(f"{name}: {value}")
    for name, value in vars(found.defaults).items():
        print(f"default {name}: {value}")
    return OK


@contextmanager
def _one_line_if_broken_off(consequence: str) -> Iterator[None]:
    """Ends the program if the work cannot go on: the server has gone away, or the disk is full."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (ServiceUnavailableError, OSError) as error:
        complain(f"{error}; {consequence}")
        sys.exit(SOME_FAILED)


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
