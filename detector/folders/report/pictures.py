"""The pictures of a report: each image or frame of a video as browsers show it, and a small copy for the gallery."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from detector.folders.results_file import FoundRow, ResultRow
from detector.folders.rows import names_of_text
from detector.images.decode import decode_image, read_image_file
from detector.images.video_frames import Damage, Frame
from detector.results.errors import DetectorError

PICTURE_PX, THUMBNAIL_PX = 2048, 480
"""The longest side of the picture that a click shows, and of the one in the gallery."""

PICTURES, THUMBNAILS = "pictures", "thumbnails"
MARK = ".digit-detector-report"
"""An empty file in both folders: what is there was made for a report, and a later one may replace it."""

_WORKERS = 2
_IN_FLIGHT = 8


@dataclass(frozen=True)
class Picture:
    """The files of one image, by their paths in the report; the thumbnail is the picture if that is small.

    Attributes:
        source: where the image itself is.
        picture: the copy that a click shows.
        thumbnail: the copy in the gallery.
    """

    source: Path
    picture: str
    thumbnail: str


class _FrameFinder:
    """Finds frames of videos. One is kept open, so that frames asked for in their order cost one decoding."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._path: Path | None = None
        self._wanted = 0
        self._frames: Iterator[Frame | Damage] = iter(())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def find(self, path: Path, frame: int) -> NDArray[np.uint8] | None:
        """Return the pixels of a frame, (H, W, 3) uint8 RGB; None if it cannot be had, or no video can be read here."""
        try:
            if path != self._path or frame <= self._wanted:
                self._begin(path)
            self._wanted = frame
            found = (each.pixels for each in self._frames if isinstance(each, Frame))
            return next(found, None)
        except (DetectorError, ModuleNotFoundError):
            return None

    def _begin(self, path: Path) -> None:
        from detector.images.video import open_video  # noqa: PLC0415 - it needs an extra

        self._open.close()
        self._path, self._frames = path, iter(())
        self._frames = self._open.enter_context(open_video(path)).frames(self._is_wanted)

    def _is_wanted(self, frame: int, time: Fraction) -> bool:
        return frame == self._wanted


def make_picture_folders(folder: Path) -> None:
    """Make the folders of the pictures below `folder`, and mark them as a report's.

    Raises:
        OSError: if they cannot be made.
    """
    for name in (PICTURES, THUMBNAILS):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / MARK).touch()


def write_pictures(
    rows: Iterable[ResultRow], images: Path, folder: Path
) -> Iterator[tuple[ResultRow, Picture | None]]:
    """Write each row's pictures below `folder`, which has the folders for them, a few at the same time.

    They are called after the rows' lines: what an image is called says nothing about where its copy goes.

    Yields:
        Each row, in order, with its pictures; with None if the image was not read then, or is not there now.

    Raises:
        OSError: if they cannot be written.
    """
    waiting: deque[tuple[ResultRow, Future[Picture | None]]] = deque()
    with (
        _FrameFinder() as finder,
        ThreadPoolExecutor(_WORKERS, thread_name_prefix="pictures") as executor,
    ):
        try:
            for row in rows:
                if len(waiting) == _IN_FLIGHT:
                    first, picture = waiting.popleft()
                    yield first, picture.result()
                frame = _find_frame(row, images, finder)
                waiting.append((row, executor.submit(_write, row, images, folder, frame)))
            while waiting:
                first, picture = waiting.popleft()
                yield first, picture.result()
        finally:
            executor.shutdown(wait=True, cancel_futures=True)


def _find_frame(row: ResultRow, images: Path, finder: _FrameFinder) -> NDArray[np.uint8] | None:
    """Return the pixels of a row of a video; None of a row of an image."""
    if not isinstance(row, FoundRow) or row.place is None:
        return None
    source = _find(images, row.image)
    return None if source is None else finder.find(source, row.place.frame)


def _write(row: ResultRow, images: Path, folder: Path, frame: NDArray[np.uint8] | None) -> Picture | None:
    if not isinstance(row, FoundRow):
        return None
    source = _find(images, row.image)
    if source is None or (row.place is not None and frame is None):
        return None
    accepted = row.width_px * row.height_px
    try:
        image = Image.fromarray(decode_image(read_image_file(source), accepted) if frame is None else frame)
    except DetectorError:
        return None
    name = f"{row.line:06}.jpg"
    picture = thumbnail = f"{PICTURES}/{name}"
    save_small(image, PICTURE_PX, folder / picture, quality=88)
    if max(image.size) > THUMBNAIL_PX:
        thumbnail = f"{THUMBNAILS}/{name}"
        save_small(image, THUMBNAIL_PX, folder / thumbnail, quality=80)
    return Picture(source, picture, thumbnail)


def _find(images: Path, text: str) -> Path | None:
    paths = (images / name for name in names_of_text(text))
    return next((path for path in paths if os.path.lexists(path)), None)


def save_small(image: Image.Image, side: int, target: Path | BinaryIO, quality: int) -> None:
    """Write a JPEG file of an image, which becomes smaller if need be: `side` px at its longest."""
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3)
    image.save(target, "JPEG", quality=quality)
