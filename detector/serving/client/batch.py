"""Many images through a client: several calls at a time in order, and the messages of a stream."""

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing

from detector.results.detections import ImageDetections
from detector.results.errors import (
    DeadlineExceededError,
    DetectorError,
    ImageTooLargeError,
    InvalidRequestError,
    OverloadedError,
    ServiceUnavailableError,
)
from detector.results.interface import MAX_MESSAGE_BYTES, DetectOptions, EncodedImage
from detector.serving.wire.converters import detections_from_wire, request_to_wire
from detector.serving.wire.statuses import from_status
from detector.system.prefetch import Reserve, ordered_prefetch
from detector.v1 import detector_pb2 as wire

CALLS_AT_A_TIME = 4

PATIENCE_SECONDS = 60.0
"""How long a server may be full, slow or away before the images that are left are given up."""

_LONGEST_PAUSE_SECONDS = 5.0

_OPTIONS_BYTES = 1024
"""Room in a message for all but the image."""


def detect_many(
    detect: Callable[[bytes], ImageDetections], images: Iterable[EncodedImage]
) -> Generator[ImageDetections | DetectorError]:
    """Call `detect` for each image; what is wrong with an image is its result, other errors end the rest.

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
            return _retry_until(detect, data)
        except InvalidRequestError as error:
            return error

    with closing(ordered_prefetch(images, call, workers=CALLS_AT_A_TIME)) as results:
        for _, result in results:
            yield result


def _retry_until(detect: Callable[[bytes], ImageDetections], data: bytes) -> ImageDetections:
    end, pause = time.monotonic() + PATIENCE_SECONDS, 0.2
    while True:
        try:
            return detect(data)
        except (OverloadedError, DeadlineExceededError, ServiceUnavailableError):
            if time.monotonic() + pause > end:
                raise
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


StreamItem = tuple[str, bytes] | tuple[str, bytes, DetectOptions]
"""A correlation id, the encoded image, and maybe options."""

StreamResult = tuple[str, ImageDetections | DetectorError]
"""The correlation id of an item, and its detections or the error that it met."""


def stream_request(item: StreamItem) -> wire.DetectStreamRequest:
    """One image of a stream."""
    correlation_id, image, *options = item
    request = request_to_wire(image, options[0] if options else DetectOptions())
    return wire.DetectStreamRequest(correlation_id=correlation_id, request=request)


def stream_result(reply: wire.DetectStreamResponse) -> StreamResult:
    """Return the result of one image."""
    failed = reply.HasField("error")
    return reply.correlation_id, from_status(reply.error) if failed else detections_from_wire(reply.response)
