"""Copies of the pictures with their digits painted on them."""

from pathlib import Path

from detector.detections import ImageDetections
from detector.draw import annotate, encode_image
from detector.errors import DetectorError, InvalidOptionError
from detector.files import write_whole
from detector.folders.listing import is_image_name
from detector.folders.pipeline import FileResult
from detector.folders.plan import mixes_with_images
from detector.images import decode_image


def write_annotated(result: FileResult, directory: Path, name: str) -> None:
    """Writes the result's picture with its digits painted on it to `directory` / `name`.

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
