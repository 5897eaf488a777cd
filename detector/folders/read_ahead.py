"""Image files into memory, a bounded number of them ahead of whoever works on them."""

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from detector.errors import DetectorError
from detector.folders.listing import ImageFile
from detector.images import read_image_file

READ_AHEAD_FILES = 16
READ_AHEAD_BYTES = 64 * 1024 * 1024

Contents = bytes | DetectorError


def read_ahead(
    images: Iterable[ImageFile], max_files: int = READ_AHEAD_FILES, max_bytes: int = READ_AHEAD_BYTES
) -> Generator[tuple[ImageFile, Contents]]:
    """Reads files in a thread while the caller works on earlier ones.

    Args:
        images: what to read, in this order.
        max_files: at most so many files are read or held ahead of the caller.
        max_bytes: and at most so many bytes, unless a single file has more.

    Yields:
        Each image with its bytes, or with the error why it has none.
    """
    waiting: deque[tuple[ImageFile, int, Future[Contents]]] = deque()
    held = 0
    executor = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
    try:
        for image in images:
            size = _size(image.path)
            while waiting and (len(waiting) >= max_files or held + size > max_bytes):
                first, first_size, contents = waiting.popleft()
                yield first, contents.result()
                held -= first_size
            waiting.append((image, size, executor.submit(_contents, image)))
            held += size
        while waiting:
            first, _, contents = waiting.popleft()
            yield first, contents.result()
    finally:  # the caller may stop early: then nothing more is read
        executor.shutdown(wait=False, cancel_futures=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):  # reading it will say why
        return 0


def _contents(image: ImageFile) -> Contents:
    try:
        return image.error or read_image_file(image.path)
    except DetectorError as error:
        return error
