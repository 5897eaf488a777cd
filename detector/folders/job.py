"""A planned folder job worked off: one JSON line per image, in the plan's order, and annotated copies if wanted."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from detector.folders.journal import open_journal
from detector.folders.listing import ImageFile, is_image_name
from detector.folders.plan import FolderJob, FolderPlan, mixes_with_images
from detector.folders.progress import FolderSummary, shown_progress
from detector.folders.report import write_report
from detector.folders.rows import ResultsFile, row_of, text_of_name
from detector.folders.run_config import Settings, made_with
from detector.images.decode import decode_image
from detector.images.draw import annotate, encode_image
from detector.results.detections import ImageDetections
from detector.results.errors import DetectorError, InvalidOptionError
from detector.results.interface import DetectOptions, ImageDetector, ModelInfo
from detector.system.files import write_whole


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


@dataclass(frozen=True, eq=False)
class FileResult:
    """The outcome of one file.

    Attributes:
        image: the file.
        outcome: what was found in it, or why nothing could be.
    """

    image: ImageFile
    outcome: ImageDetections | DetectorError


def detect_files(
    images: Iterable[ImageFile], detector: ImageDetector, options: DetectOptions
) -> Generator[FileResult]:
    """Detect the digits of each file while the next ones are read.

    Yields:
        One result for each image, in the same order.

    Raises:
        DetectorError: if every image would fail from here on, for example because the server went away.
    """
    taken: deque[ImageFile] = deque()

    def readers() -> Iterator[Callable[[], bytes]]:
        for image in images:
            taken.append(image)
            yield image.read

    with closing(detector.detect_many(readers(), options)) as outcomes:
        for outcome in outcomes:
            yield FileResult(taken.popleft(), outcome)


def write_annotated(result: FileResult, directory: Path, name: str) -> None:
    """Write the result's picture with its digits painted on it to `directory` / `name`.

    Nothing is written for an image that could not be read, now or before. A name that begins with `/` or has `..` in
    it, as paths in a list may, is taken for what is left of it.

    Raises:
        InvalidOptionError: if the place is not below `directory`, which a link there can cause, or the image is.
        OSError: if it cannot be written.
    """
    if not isinstance(result.outcome, ImageDetections):
        return
    target = directory.joinpath(*(part for part in name.split("/") if part not in ("", ".", "..")))
    if not is_image_name(target.name):  # a list may call images as it likes
        target = target.with_name(f"{target.name}.png")
    place = directory.resolve()
    if not target.parent.resolve().is_relative_to(place):
        raise InvalidOptionError("annotated", f"{target.parent} leads out of {directory}")
    if result.image.path.resolve().is_relative_to(place):
        raise mixes_with_images(directory)
    try:
        picture = annotate(decode_image(result.image.read()), result.outcome)
    except DetectorError:  # it went away since
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, encode_image(picture, target.suffix))


def settings_of(job: FolderJob, model: ModelInfo) -> Settings:
    """Return the settings that are kept beside the output, under the names by which a refusal calls them.

    Whether a model or a server that has the same model detects makes no difference. Nor do the limit and watching:
    they say how far to go.
    """
    return {
        "images": text_of_name(str(job.images.resolve()))
        if isinstance(job.images, Path)
        else "a list of paths",
        **made_with(job.selection, job.options, model),
        "annotated": None if job.annotated is None else text_of_name(str(job.annotated.resolve())),
    }
