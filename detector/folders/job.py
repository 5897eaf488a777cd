"""A planned folder job worked off: one JSON line per image, in the plan's order."""

from dataclasses import dataclass, replace

from tqdm import tqdm

from detector.errors import DetectorError
from detector.folders.output import growing_file, write_annotated
from detector.folders.pipeline import FileResult, detect_files
from detector.folders.plan import FolderPlan
from detector.folders.rows import row_of, to_json_line
from detector.interface import ImageDetector


@dataclass(frozen=True)
class FolderSummary:
    """What came of a job.

    Attributes:
        rows: rows written, one for each image.
        errors: those of them that say why an image, or a folder of images, could not be read.
        digits: digits found.
        numbers: numbers found.
    """

    rows: int = 0
    errors: int = 0
    digits: int = 0
    numbers: int = 0

    def plus(self, result: FileResult) -> "FolderSummary":
        """This summary with one more result in it."""
        found = result.outcome
        if isinstance(found, DetectorError):
            return replace(self, rows=self.rows + 1, errors=self.errors + 1)
        return FolderSummary(
            self.rows + 1, self.errors, self.digits + len(found.digits), self.numbers + len(found.numbers)
        )


def detect_folder(plan: FolderPlan, detector: ImageDetector) -> FolderSummary:
    """Works the plan off, with a progress bar on standard error if that is a terminal.

    The picture of an image is written before its row: where a row is, its picture is whole.

    Raises:
        ServiceUnavailableError: if the server goes away.
        OSError: if the results cannot be written. Either way the rows so far are in the output's part file.
    """
    summary = FolderSummary()
    with (
        growing_file(plan.job.output) as lines,
        tqdm(total=len(plan.images), unit="image", dynamic_ncols=True, disable=None) as progress,
    ):
        for result in detect_files(plan.images, detector, plan.job.options):
            if plan.job.annotated is not None:
                write_annotated(result, plan.job.annotated, result.image.name)
            lines.write(to_json_line(row_of(result.image.name, result.outcome)) + "\n")
            summary = summary.plus(result)
            progress.update()
    return summary
