"""Where the label file of an image goes, for formats with one file per image."""

import os.path
from pathlib import PurePosixPath

from detector.errors import InvalidOptionError


class LabelPaths:
    """Gives each image a path of its own below the labels' folder, whatever the image is called."""

    def __init__(self, suffix: str) -> None:
        """`suffix` takes the place of the image's, for example ".txt"."""
        self._suffix = suffix
        self._owners: dict[PurePosixPath, str] = {}

    def of(self, image: str) -> PurePosixPath:
        """The image's path with the other suffix, made relative: `street/1.jpg` -> `street/1.txt`.

        Neither an absolute path nor `..` leads out of the folder.

        Raises:
            InvalidOptionError: if another image has this path already, or the name is a folder's.
        """
        inside = os.path.normpath(f"/{image}").lstrip("/")
        if not inside:
            raise InvalidOptionError("results", f"{image} names no file")
        path = PurePosixPath(inside).with_suffix(self._suffix)
        owner = self._owners.setdefault(path, image)
        if owner != image:
            raise InvalidOptionError(
                "to",
                f"{owner} and {image} would share one label file, {path}: rename one, or convert to coco",
            )
        return path
