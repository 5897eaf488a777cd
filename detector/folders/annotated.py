"""Copies of the pictures with their digits painted on them."""

from pathlib import Path

from detector.detections import ImageDetections
from detector.draw import annotate, encode_image
from detector.errors import DetectorError, InvalidOptionError
from detector.files import write_whole
from detector.folders.pipeline import FileResult
from detector.images import decode_image


def write_annotated(result: FileResult, directory: Path, name: str) -> None:
    """Writes the result's picture with its digits painted on it to `directory` / `name`.

    Nothing is written for an image that could not be read, now or before.

    Raises:
        InvalidOptionError: if the place is not below `directory`, which a link there can cause.
        OSError: if it cannot be written.
    """
    if not isinstance(result.outcome, ImageDetections):
        return
    target = directory / name
    if not target.parent.resolve().is_relative_to(directory.resolve()):
        raise InvalidOptionError("annotated", f"{target.parent} leads out of {directory}")
    try:
        pixels = decode_image(result.image.read())
    except DetectorError:  # it went away since
        return
    picture = annotate(pixels, result.outcome)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, encode_image(picture, target.suffix))
