"""A folder job before it starts: all that could forbid it is looked at here, before any work is done."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryFile

from detector.errors import InvalidOptionError
from detector.folders.journal import refuse_earlier_output, settings_path
from detector.folders.listing import ImageFile, is_image_name, list_images
from detector.interface import DetectOptions


@dataclass(frozen=True)
class FolderJob:
    """What is asked for.

    Attributes:
        images: the folder to read; every image below it is detected.
        output: the file of JSON lines to write.
        annotated: a folder for copies of the pictures with their digits painted on them, laid out like
            `images`; None for no copies.
        options: thresholds and limits.
        resume: go on where an earlier run of the same job ended.
        overwrite: drop an earlier run's rows.
    """

    images: Path
    output: Path
    annotated: Path | None = None
    options: DetectOptions = field(default_factory=DetectOptions)
    resume: bool = False
    overwrite: bool = False


@dataclass(frozen=True)
class FolderPlan:
    """A job that can start: its folders can be read and written, its images are known.

    Attributes:
        job: what was asked for.
        images: the files to detect, in order.
    """

    job: FolderJob
    images: tuple[ImageFile, ...]


def plan_folder(job: FolderJob) -> FolderPlan:
    """Looks whether the job can be done, makes the folders that it writes to, and lists its images.

    Raises:
        InvalidOptionError: if a folder cannot be read or written, or the results would mix with the images;
            its `field` is "images", "output" or "annotated".
    """
    _check_images(job.images)
    output = job.output.resolve()  # a link stays, what it points to is written
    _check_output(output)
    if not (job.resume or job.overwrite):
        refuse_earlier_output(output)  # the journal would, but only when the model has been loaded
    if job.annotated is not None:
        if job.images.resolve().is_relative_to(job.annotated.resolve()):
            raise _mixes_with_images(job.annotated)
        _check_writable_folder("annotated", job.annotated)
    exclude = () if job.annotated is None else (job.annotated,)
    return FolderPlan(replace(job, output=output), list_images(job.images, exclude))


def plan_files(paths: Sequence[str], annotated: Path | None = None) -> tuple[ImageFile, ...]:
    """The images at `paths`, in that order, if their annotated pictures can be written to `annotated`.

    Raises:
        InvalidOptionError: if that folder cannot be written, or a picture would take the place of an image or
            of another picture.
    """
    images = tuple(ImageFile(Path(path), path) for path in paths)
    if annotated is not None:
        owners: dict[str, Path] = {}
        for image in images:
            place = image.path.resolve()
            if place.parent == annotated.resolve():
                raise _mixes_with_images(annotated)
            if owners.setdefault(image.path.name, place) != place:
                raise InvalidOptionError(
                    "annotated", f"two images are called {image.path.name}: detect them apart"
                )
        _check_writable_folder("annotated", annotated)
    return images


def _mixes_with_images(annotated: Path) -> InvalidOptionError:
    return InvalidOptionError("annotated", f"{annotated} holds the images themselves: name another folder")


def _check_images(folder: Path) -> None:
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
