"""A planned folder job worked off: one JSON line per image, in the plan's order."""

from collections.abc import Iterable, Iterator
from contextlib import closing

from tqdm import tqdm

from detector.folders.annotated import write_annotated
from detector.folders.journal import Journal, open_journal
from detector.folders.listing import ImageFile
from detector.folders.pipeline import detect_files
from detector.folders.plan import FolderPlan
from detector.folders.rows import row_of, text_of_name
from detector.folders.settings import settings_of
from detector.folders.summary import FolderSummary
from detector.interface import ImageDetector


def detect_folder(plan: FolderPlan, detector: ImageDetector) -> FolderSummary:
    """Works the plan off, with a progress bar on standard error if that is a terminal.

    The picture of an image is written before its row: where a row is, its picture is whole. Images that have rows
    already are left out.

    Raises:
        InvalidOptionError: if earlier rows are in the way, see `open_journal`.
        ServiceUnavailableError: if the server goes away.
        OSError: if the results cannot be written. Either way the rows so far are in the output.
    """
    job = plan.job
    settings = settings_of(job, detector.info())
    with open_journal(job.output, settings, resume=job.resume, overwrite=job.overwrite) as journal:
        images = tuple(_without_rows(plan.images, journal))
        with (
            tqdm(total=len(plan.images), unit="image", dynamic_ncols=True, disable=None) as progress,
            closing(detect_files(images, detector, job.options)) as results,
        ):
            progress.update(journal.summary.rows)
            for result in results:
                if job.annotated is not None:
                    write_annotated(result, job.annotated, result.image.name)
                journal.append(row_of(result.image.name, result.outcome))
                progress.update()
        return journal.summary


def _without_rows(images: Iterable[ImageFile], journal: Journal) -> Iterator[ImageFile]:
    """The images that are still to be detected; of several with one name as many as have no row."""
    for image in images:
        name = text_of_name(image.name)
        if journal.done[name]:
            journal.done[name] -= 1
        else:
            yield image
