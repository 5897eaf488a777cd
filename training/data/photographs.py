"""Folders of pictures without labels: which files they are, and their pixels."""

from pathlib import Path

from detector.images.decode import IMAGE_SUFFIXES, decode_image, read_image_file
from detector.results.errors import InvalidRequestError
from training.data.scenes import Image
from training.errors import DataError


def list_pictures(folder: Path) -> list[Path]:
    """Return the image files in a folder, told by their suffix, in order; none where there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()
    )


def list_photographs(folder: Path) -> list[Path]:
    """Return the same of a folder that has to hold some.

    Raises:
        DataError: if it is no folder, or holds none.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder")
    paths = list_pictures(folder)
    if not paths:
        raise DataError(f"{folder} holds no photographs")
    return paths


def read_picture(path: Path) -> Image:
    """Return an image file's pixels, RGB uint8 (H, W, 3).

    Raises:
        DataError: naming the file, if it is no image that can be read.
    """
    try:
        return decode_image(read_image_file(path))
    except InvalidRequestError as error:
        raise DataError(f"{path}: {error}") from error
