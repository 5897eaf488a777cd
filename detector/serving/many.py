"""Many images through a client, several calls at a time, in order."""

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing

from detector.ahead import Reserve, work_ahead
from detector.detections import ImageDetections
from detector.errors import (
    DeadlineExceededError,
    DetectorError,
    ImageTooLargeError,
    InvalidRequestError,
    OverloadedError,
    ServiceUnavailableError,
)
from detector.interface import MAX_MESSAGE_BYTES, EncodedImage

CALLS_AT_A_TIME = 4
PATIENCE_SECONDS = 60.0
"""How long a server may be full, slow or away before the images that are left are given up."""

_LONGEST_PAUSE_SECONDS = 5.0
_OPTIONS_BYTES = 1024
"""Room in a message for all but the image."""


def detect_many(
    detect: Callable[[bytes], ImageDetections], images: Iterable[EncodedImage]
) -> Generator[ImageDetections | DetectorError]:
    """Calls `detect` for each image; what is wrong with an image is its result, other errors end the rest.

    Args:
        detect: makes one call; several threads do so.
        images: encoded images, read no further ahead than a few.

    Raises:
        DetectorError: if the server has been full, slow or away for too long, or refuses the caller.
    """

    def call(image: EncodedImage, reserve: Reserve) -> ImageDetections | DetectorError:
        try:
            data = image if isinstance(image, bytes) else image()
            reserve(len(data))
            if len(data) > MAX_MESSAGE_BYTES - _OPTIONS_BYTES:
                raise ImageTooLargeError(
                    f"the image has {len(data):,} bytes; a server takes messages of {MAX_MESSAGE_BYTES:,}"
                )
            return _patiently(detect, data)
        except InvalidRequestError as error:
            return error

    with closing(work_ahead(images, call, workers=CALLS_AT_A_TIME)) as results:
        for _, result in results:
            yield result


def _patiently(detect: Callable[[bytes], ImageDetections], data: bytes) -> ImageDetections:
    end, pause = time.monotonic() + PATIENCE_SECONDS, 0.2
    while True:
        try:
            return detect(data)
        except (OverloadedError, DeadlineExceededError, ServiceUnavailableError):
            if time.monotonic() + pause > end:
                raise
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
