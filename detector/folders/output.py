"""Files that appear whole or not at all, and annotated pictures among them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from detector.detections import ImageDetections
from detector.draw import annotate, encode_image
from detector.errors import InvalidOptionError
from detector.files import write_whole
from detector.folders.pipeline import FileResult
from detector.images import decode_image


def part_path(path: Path) -> Path:
    """Where `growing_file` writes until the file is whole."""
    return path.with_name(path.name + ".part")


@contextmanager
def growing_file(path: Path) -> Iterator[TextIO]:
    """A text file that grows as `part_path(path)`, line by line, and gets its name when all has been written.

    If the work fails midway, what was written stays in the part file; if nothing was written, nothing stays.

    Raises:
        OSError: if it cannot be written.
    """
    part = part_path(path)
    with part.open("w", encoding="ascii", newline="\n", buffering=1) as file:
        try:
            yield file
        except BaseException:
            if file.tell() == 0:
                part.unlink()
            raise
    part.replace(path)


def write_annotated(result: FileResult, directory: Path, name: str) -> None:
    """Writes the result's picture with its digits painted on it to `directory` / `name`.

    Nothing is written for an image that could not be read.

    Raises:
        InvalidOptionError: if the place is not below `directory`, which a link there can cause.
        OSError: if it cannot be written.
    """
    if not isinstance(result.outcome, ImageDetections):
        return
    target = directory / name
    if not target.parent.resolve().is_relative_to(directory.resolve()):
        raise InvalidOptionError("annotated", f"{target.parent} leads out of {directory}")
    picture = annotate(decode_image(result.data), result.outcome)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, encode_image(picture, target.suffix))
