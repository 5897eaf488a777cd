"""A planned folder job worked off: one JSON line per image, in the plan's order."""

from collections.abc import Iterable, Sequence
from contextlib import closing
from itertools import islice

from detector.folders.annotated import write_annotated
from detector.folders.journal import open_journal
from detector.folders.listing import ImageFile
from detector.folders.pipeline import detect_files
from detector.folders.plan import FolderPlan
from detector.folders.progress import shown_progress
from detector.folders.report import write_report
from detector.folders.results import ResultsFile
from detector.folders.rows import row_of
from detector.folders.settings import settings_of
from detector.folders.summary import FolderSummary
from detector.interface import ImageDetector


def detect_folder(plan: FolderPlan, detector: ImageDetector) -> FolderSummary:
    """Works the plan off, and shows on standard error how far it is.

    The picture of an image is written before its row: where a row is, its picture is whole. Images that have rows
    already are left out. A job that watches ends when it is interrupted, or at its limit. The report is made of the
    finished output, so it is the same after a run that was resumed.

    Raises:
        InvalidOptionError: if earlier rows are in the way, see `open_journal`.
        DetectorError: if no more images can be looked at, for example because the server went away.
        OSError: if the results cannot be written. Either way the rows so far are in the output.
    """
    job = plan.job
    settings = settings_of(job, detector.info())
    with open_journal(job.output, settings, resume=job.resume, overwrite=job.overwrite) as journal:
        before = journal.summary
        images = _limited(plan.source.remaining(journal.done), before.rows, job.limit)
        total = before.rows + len(images) if isinstance(images, Sequence) else job.limit
        with (
            shown_progress(before, total) as show,
            closing(detect_files(images, detector, job.options)) as results,
        ):
            for result in results:
                if job.annotated is not None:
                    write_annotated(result, job.annotated, result.image.name)
                journal.append(row_of(result.image.name, result.outcome))
                show(journal.summary)
        summary = journal.summary
    if job.report is not None:
        write_report(ResultsFile(job.output), job.image_folder, job.report)
    return summary


def _limited(images: Iterable[ImageFile], rows: int, limit: int | None) -> Iterable[ImageFile]:
    """As many of the images as may still get rows; a sequence if `images` is one."""
    left = None if limit is None else max(0, limit - rows)
    return images[:left] if isinstance(images, Sequence) else islice(images, left)
