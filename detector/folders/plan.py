"""A folder job before it starts: all that could forbid it is checked here, before any work is done."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile

from detector.folders.file_kinds import IMAGE, LeftOut, is_image_name, is_video_name
from detector.folders.journal import check_no_earlier_output
from detector.folders.listing import ImageFile, Selection, list_images, named_files
from detector.folders.location import LocationOptions
from detector.folders.report import check_report_folder
from detector.folders.run_settings import settings_path
from detector.folders.sources import ListedFiles, ListedFolder, PathStream, Source, WatchedFolder
from detector.images.draw import WRITABLE_SUFFIXES
from detector.images.formats import VIDEO, VIDEO_HINT
from detector.images.video_frames import Every
from detector.results.errors import InvalidOptionError
from detector.results.interface import DetectOptions


@dataclass(frozen=True)
class FolderJob:
    """The job that is asked for.

    Attributes:
        images: the folder to read, with all folders in it; or the paths of the images.
        output: the file of JSON lines to write.
        annotated: a folder for copies of the pictures with their digits painted on them, laid out like
            `images`; None for no copies.
        report: a folder for a gallery of the results, made when all images have rows; None for none.
        options: thresholds and limits.
        selection: which of the images are wanted, and in which order.
        every: which frames of the videos to read; None to leave videos out.
        location: how to find out when and where the images were taken.
        limit: the output gets no more rows than this; None for as many as there are images.
        watch: go on for ever, with the images that arrive in the folder.
        resume: go on where an earlier run of the same job ended.
        overwrite: drop an earlier run's rows.
    """

    images: Path | PathStream
    output: Path
    annotated: Path | None = None
    report: Path | None = None
    options: DetectOptions = field(default_factory=DetectOptions)
    selection: Selection = field(default_factory=Selection)
    every: Every | None = None
    location: LocationOptions = field(default_factory=LocationOptions)
    limit: int | None = None
    watch: bool = False
    resume: bool = False
    overwrite: bool = False

    @property
    def image_folder(self) -> Path:
        """The folder that the names in the rows are relative to."""
        return self.images if isinstance(self.images, Path) else Path()


@dataclass(frozen=True)
class FolderPlan:
    """A job that can start: its folders can be read and written, and it is known where its images come from.

    Attributes:
        job: what was asked for.
        source: the files to detect, in order.
        left_out: pictures of other formats, videos and hidden files that lie among them; they are not read.
    """

    job: FolderJob
    source: Source
    left_out: tuple[LeftOut, ...] = ()


def plan_folder(job: FolderJob) -> FolderPlan:
    """Look whether the job can be done, make the folders that it writes to, and list its images.

    Raises:
        InvalidOptionError: if a folder cannot be read or written, the results would mix with the images, or options
            contradict each other; its `field` names the option.
    """
    _check_order(job)
    _check_every(job)
    if isinstance(job.images, Path):
        _check_images(job.images)
    output = job.output.resolve()  # a link stays, what it points to is written
    _check_output(output)
    if not (job.resume or job.overwrite):
        check_no_earlier_output(output)  # the journal would, but only when the model has been loaded
    if job.annotated is not None:
        if isinstance(job.images, Path) and job.images.resolve().is_relative_to(job.annotated.resolve()):
            raise mixes_with_images(job.annotated)
        _check_writable_folder("annotated", job.annotated)
    job = replace(job, output=output)
    _check_report(job)
    exclude = tuple(folder for folder in (job.annotated, job.report) if folder is not None)
    if isinstance(job.images, PathStream):
        return FolderPlan(job, ListedFiles(job.images, job.selection))
    if job.watch:
        return FolderPlan(job, WatchedFolder(job.images, exclude, job.selection))
    return _listed(job, job.images, exclude)


def _check_report(job: FolderJob) -> None:
    if job.report is None:
        return
    if job.watch:
        raise InvalidOptionError(
            "report", "a watched folder has no end: digit-detector report makes a gallery at any time"
        )
    check_report_folder(job.report, job.image_folder)
    for place in (job.output, job.annotated):
        if place is not None and place.resolve().is_relative_to(job.report.resolve()):
            raise InvalidOptionError(
                "report", f"{job.report} is for nothing but the report: {place} is in it"
            )
    _check_writable_folder("report", job.report)


def _listed(job: FolderJob, root: Path, exclude: tuple[Path, ...]) -> FolderPlan:
    noted: list[LeftOut] = []
    read = (IMAGE,) if job.every is None else (IMAGE, VIDEO)
    listed = list_images(root, exclude, noted.append, by_content=True, read=read)
    images = job.selection.of(listed)
    if job.annotated is not None:
        _check_picture_names(images, lambda image: image.name)
    left_out = tuple(file for file in noted if job.selection.wants(file.name))
    return FolderPlan(job, ListedFolder(images), left_out)


def _check_order(job: FolderJob) -> None:
    if job.watch and isinstance(job.images, PathStream):
        raise InvalidOptionError(
            "watch", "only a folder can be watched; paths that come in are read as they come"
        )
    if job.selection.shuffle_seed is not None and (job.watch or isinstance(job.images, PathStream)):
        raise InvalidOptionError("shuffle", "images that are still to come have no random order")


def _check_every(job: FolderJob) -> None:
    if job.every is None:
        return
    if job.watch:
        raise InvalidOptionError(
            "every", "videos are not watched for: nobody can tell that one has arrived whole; use --resume"
        )
    if find_spec("av") is None:
        raise InvalidOptionError("every", "videos need another library: pip install 'digit-detector[video]'")


def plan_files(paths: Sequence[str], annotated: Path | None = None) -> tuple[ImageFile, ...]:
    """Return the images that `paths` name, see `named_files`, if their pictures can be written to `annotated`.

    Raises:
        InvalidOptionError: if that folder cannot be written, or a picture would take the place of an image or
            of another picture.
    """
    images = named_files(paths)
    if annotated is not None:
        if any(image.path.resolve().parent == annotated.resolve() for image in images):
            raise mixes_with_images(annotated)
        _check_picture_names(images, lambda image: image.path.name)
        _check_writable_folder("annotated", annotated)
    return images


def annotated_name(name: str) -> str:
    """Return what the annotated picture of an image of this name is called: HEIC and the like become JPEG.

    A list may call images as it likes; a picture of no known name becomes PNG.
    """
    if PurePosixPath(name).suffix.lower() in WRITABLE_SUFFIXES:
        return name
    return f"{name}{'.jpg' if is_image_name(name) else '.png'}"


def _check_picture_names(images: Iterable[ImageFile], name_of: Callable[[ImageFile], str]) -> None:
    owners: dict[str, ImageFile] = {}
    for image in images:
        name = annotated_name(name_of(image))
        owner = owners.setdefault(name, image)
        if owner.path != image.path and owner.path.resolve() != image.path.resolve():
            raise InvalidOptionError(
                "annotated", f"{owner.name} and {image.name} would both become {name}: detect them apart"
            )


def mixes_with_images(annotated: Path) -> InvalidOptionError:
    """Return the refusal of a folder for annotated pictures that would take the place of images."""
    return InvalidOptionError("annotated", f"{annotated} holds the images themselves: name another folder")


def _check_images(folder: Path) -> None:
    if is_video_name(folder.name) and folder.is_file():
        raise InvalidOptionError("images", f"{folder} is a video: {VIDEO_HINT}")
    if folder.is_file():
        raise InvalidOptionError("images", f"{folder} is a file: name a folder, or use digit-detector detect")
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        raise InvalidOptionError("images", f"the folder {folder} cannot be read: {error.strerror}") from error


def _check_output(path: Path) -> None:
    if is_image_name(path.name):
        raise InvalidOptionError(
            "output", f"{path} has the name of an image: name a file such as digits.jsonl"
        )
    try:
        settings_path(path).exists()
    except OSError as error:
        raise InvalidOptionError("output", f"{path} cannot be written: {error.strerror}") from error
    if path.exists() and not path.is_file():
        raise InvalidOptionError("output", f"{path} is not a regular file: name a file such as digits.jsonl")
    _check_writable_folder("output", path.parent)


def _check_writable_folder(option: str, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = f"the folder {folder} cannot be written: {error.strerror}"
        raise InvalidOptionError(option, reason) from error
