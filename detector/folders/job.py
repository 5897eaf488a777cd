"""A planned folder job worked off: one JSON line per image, in the plan's order, and annotated copies if wanted."""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from detector.folders.frames import VideoFrame, with_frames
from detector.folders.journal import Journal, open_journal
from detector.folders.listing import ImageFile
from detector.folders.location import LocationOptions
from detector.folders.plan import FolderJob, FolderPlan, annotated_name, mixes_with_images
from detector.folders.progress import FolderSummary, shown_progress
from detector.folders.report import write_report
from detector.folders.results_file import ResultsFile
from detector.folders.rows import row_of, text_of_name
from detector.folders.run_settings import Settings, made_with
from detector.images.decode import decode_image
from detector.images.draw import annotate, encode_image
from detector.images.metadata import Capture
from detector.results.detections import ImageDetections
from detector.results.errors import DetectorError, InvalidOptionError
from detector.results.interface import DetectOptions, ImageDetector, ImageProgress, ModelInfo
from detector.system.files import write_whole

AnyPicture = TypeVar("AnyPicture")


def detect_folder(
    plan: FolderPlan, detector: ImageDetector, tell: Callable[[FolderSummary], object] | None = None
) -> FolderSummary:
    """Run the planned job, and show on standard error how far it is.

    The picture of an image is written before its row: where a row is, its picture is whole. Images that have rows
    already are left out. A job that watches ends when it is interrupted, or at its limit. The report is made of the
    finished output, so it is the same after a run that was resumed.

    Args:
        plan: the job.
        detector: who looks at the images.
        tell: told what is in the output, at the start and after every row: of a job that watches nothing is returned.

    Raises:
        InvalidOptionError: if earlier rows are in the way, see `open_journal`.
        DetectorError: if no more images can be detected, for example because the server went away.
        OSError: if the results cannot be written. Either way the rows so far are in the output.
    """
    job = plan.job
    settings = settings_of(job, detector.info())
    with open_journal(job.output, settings, resume=job.resume, overwrite=job.overwrite) as journal:
        before = journal.summary
        tell = tell or (lambda _: None)
        tell(before)
        images = _limited(_remaining(plan, journal), before.rows, job.limit)
        total = before.rows + len(images) if isinstance(images, Sequence) else job.limit
        with (
            shown_progress(before, total) as show,
            closing(detect_files(images, detector, job.options, job.location, show.part)) as results,
        ):
            for result in results:
                image = result.image
                if job.annotated is not None:
                    write_annotated(result, job.annotated, image.picture_name)
                journal.append(row_of(image.name, result.outcome, result.capture, image.place))
                tell(journal.summary)
                show(journal.summary)
        summary = journal.summary
    if job.report is not None:
        write_report(ResultsFile(job.output), job.image_folder, job.report)
    return summary


def _remaining(plan: FolderPlan, journal: Journal) -> Iterable[ImageFile | VideoFrame]:
    """Return the pictures that have no row yet; a sequence if all of them are known."""
    files = plan.source.remaining(journal.done)
    return files if plan.job.every is None else with_frames(files, plan.job.every, journal.begun)


def _limited(images: Iterable[AnyPicture], rows: int, limit: int | None) -> Iterable[AnyPicture]:
    """As many of the images as may still get rows; a sequence if `images` is one."""
    left = None if limit is None else max(0, limit - rows)
    return images[:left] if isinstance(images, Sequence) else islice(images, left)


class ReadableImage(Protocol):
    """A picture that can be read: an image file, a frame of a video, an object in a store."""

    def read(self) -> bytes:
        """Return the picture, encoded.

        Raises:
            DetectorError: if it cannot be read.
        """
        ...

    def capture(self, data: bytes, location: LocationOptions) -> Capture:
        """When and where it was taken; `data` is what `read` returned."""
        ...


class Picture(ReadableImage, Protocol):
    """A picture on this machine."""

    @property
    def path(self) -> Path:
        """The file that it is in."""
        ...

    @property
    def picture_name(self) -> str:
        """The name of a copy of it."""
        ...


AnyReadable = TypeVar("AnyReadable", bound=ReadableImage)

Readable_co = TypeVar("Readable_co", bound=ReadableImage, covariant=True)


@dataclass(frozen=True, eq=False)
class FileResult(Generic[Readable_co]):
    """The outcome of one picture.

    Attributes:
        image: where it came from.
        outcome: what was found in it, or why nothing could be.
        capture: when and where it was taken; empty if nobody asked for that, or it could not be read.
    """

    image: Readable_co
    outcome: ImageDetections | DetectorError
    capture: Capture


def detect_files(
    images: Iterable[AnyReadable],
    detector: ImageDetector,
    options: DetectOptions,
    location: LocationOptions | None = None,
    progress: ImageProgress | None = None,
) -> Generator[FileResult[AnyReadable]]:
    """Detect the digits of each picture while the next ones are read.

    Args:
        images: where the pictures come from.
        detector: who looks at them.
        options: what to ask for.
        location: how to find out when and where each was taken; None not to.
        progress: is told what part of the picture whose turn it is is done, if the detector is in this process.

    Yields:
        One result for each picture, in the same order.

    Raises:
        DetectorError: if every picture would fail from here on, for example because the server went away.
    """
    readings = (_Reading(image, location) for image in images)
    with closing(detector.detect_many(readings, options, progress)) as outcomes:
        for reading, outcome in outcomes:
            yield FileResult(reading.image, outcome, reading.capture)


@dataclass
class _Reading(Generic[AnyReadable]):
    """A picture on its way: what its bytes say of time and place is kept, the bytes are not."""

    image: AnyReadable
    location: LocationOptions | None
    capture: Capture = Capture()  # noqa: RUF009 - it is frozen

    def __call__(self) -> bytes:
        data = self.image.read()
        if self.location is not None:
            self.capture = self.image.capture(data, self.location)
        return data


def write_annotated(result: FileResult[Picture], directory: Path, name: str) -> None:
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
    target = target.with_name(annotated_name(target.name))
    place = directory.resolve()
    if not target.parent.resolve().is_relative_to(place):
        raise InvalidOptionError("annotated", f"{target.parent} leads out of {directory}")
    if result.image.path.resolve().is_relative_to(place):
        raise mixes_with_images(directory)
    try:
        pixels = result.outcome.width_px * result.outcome.height_px  # so many were accepted
        picture = annotate(decode_image(result.image.read(), pixels), result.outcome)
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
        **made_with(job.selection, job.options, job.location, model),
        "every": None if job.every is None else str(job.every),
        "annotated": None if job.annotated is None else text_of_name(str(job.annotated.resolve())),
    }
