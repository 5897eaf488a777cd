"""Many images through a client: several calls at a time, in order. Nothing here imports gRPC."""

import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from detector.results.detections import ImageDetections
from detector.results.errors import (
    DeadlineExceededError,
    DetectorError,
    ImageTooLargeError,
    InvalidOptionError,
    InvalidRequestError,
    OverloadedError,
    ServiceUnavailableError,
)
from detector.results.interface import MAX_MESSAGE_BYTES, MAX_PIXELS, AnyEncoded, EncodedImage
from detector.serving.client.connection import checked_timeout
from detector.system.prefetch import MAX_ITEMS, Reserve, ordered_prefetch

BASE_TIMEOUT_S = 60.0
"""The deadline of a small image that is alone."""

TIMEOUT_S_PER_MEGAPIXEL = 15.0
"""Several times what a busy machine with two cores needs without the gate."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0

_EARLY = 0.9
"""A deadline that is over after less than this part of its time was not ours but, for example, a proxy's."""

_OPTIONS_BYTES = 1024
"""Room in a message for all but the image."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class BatchSettings:
    """How a client asks for many images.

    Attributes:
        calls: so many calls are under way at a time.
        timeout_s: seconds that an image's answer may take; None for `BASE_TIMEOUT_S` and
            `TIMEOUT_S_PER_MEGAPIXEL` for each megapixel under way, the image's own included: a server looks at one
            image after the other.
        patience_s: seconds for which a server may be away, or longer than `timeout_s` full, before all images that
            are left are given up.

    Raises:
        InvalidOptionError: if there are no calls, or the timeout leaves no time.
    """

    calls: int = 4
    timeout_s: float | None = None
    patience_s: float = 60.0

    def __post_init__(self) -> None:
        if self.calls < 1:
            raise InvalidOptionError("calls", f"must be at least 1, got {self.calls!r}")
        checked_timeout(self.timeout_s, BASE_TIMEOUT_S)

    def timeout_for(self, megapixels: float) -> float:
        """Return the deadline, in seconds, of an image that is sent when so many megapixels are under way."""
        grown = BASE_TIMEOUT_S + TIMEOUT_S_PER_MEGAPIXEL * megapixels
        return grown if self.timeout_s is None else self.timeout_s


def detect_many(
    detect: Callable[[bytes, float], ImageDetections],
    ask_server: Callable[[], object],
    images: Iterable[AnyEncoded],
    settings: BatchSettings,
) -> Generator[tuple[AnyEncoded, ImageDetections | DetectorError]]:
    """Call `detect` for each image, and yield the images, as they were given, with their results.

    What is wrong with an image is its result, and so is that it takes too long, also when it is tried once more with
    no other beside it; other errors end the rest.

    Args:
        detect: makes one call, with a deadline in seconds; several threads do so.
        ask_server: asks the server for what takes it no time; raises DetectorError if it does not answer. An image
            whose deadline has passed is to blame only if the server does.
        images: encoded images, read no further ahead than a few.
        settings: calls at a time, deadlines, patience.

    Raises:
        DetectorError: if the server has been full or away for too long, or refuses the caller.
    """
    caller = _Caller(detect, ask_server, settings)
    # Room for results that wait for their turn, too: else these would keep calls from being made.
    max_items = max(MAX_ITEMS, 2 * settings.calls)
    with closing(
        ordered_prefetch(images, caller.call, workers=settings.calls, max_items=max_items)
    ) as results:
        yield from results


class _Caller:
    """Makes the calls; see `detect_many`."""

    def __init__(
        self,
        detect: Callable[[bytes, float], ImageDetections],
        ask_server: Callable[[], object],
        settings: BatchSettings,
    ) -> None:
        self._detect, self._ask_server, self._settings = detect, ask_server, settings
        self._under_way = _UnderWay()

    def call(self, image: EncodedImage, reserve: Reserve) -> ImageDetections | DetectorError:
        """Return the result of one image; raises what ends all others."""
        try:
            data = _encoded(image)
            reserve(len(data))
            _check_message(data)
            if self._settings.calls == 1:
                return self._detect_or_late(data, alone=True)
            found = self._detect_or_late(data, alone=False)
            # It may have waited behind another image that took too long.
            return self._detect_or_late(data, alone=True) if isinstance(found, DetectorError) else found
        except InvalidRequestError as error:
            return error

    def _detect_or_late(self, data: bytes, alone: bool) -> ImageDetections | DeadlineExceededError:
        """Return the image's detections, or that its deadline has passed although the server answers."""
        patience_s = self._settings.patience_s
        try:
            with self._under_way.added(_megapixels(data), alone) as megapixels:
                timeout_s = self._settings.timeout_for(megapixels)
                return _detect_in_time(self._detect, data, timeout_s, patience_s)
        except DeadlineExceededError as error:
            _retry_until(self._ask_server, away_s=patience_s, full_s=patience_s)
            return error


def _detect_in_time(
    detect: Callable[[bytes, float], ImageDetections], data: bytes, timeout_s: float, patience_s: float
) -> ImageDetections:
    """Return the image's detections; the deadline counts anew whenever the server refuses or goes away."""

    def attempt() -> ImageDetections:
        start = time.monotonic()
        try:
            return detect(data, timeout_s)
        except DeadlineExceededError as error:
            if time.monotonic() - start < _EARLY * timeout_s:
                raise ServiceUnavailableError(str(error)) from error
            raise DeadlineExceededError(
                f"the server did not answer within {timeout_s:.4g} s: give it more time (--timeout)"
            ) from error

    return _retry_until(attempt, away_s=patience_s, full_s=max(patience_s, timeout_s))


def _retry_until(attempt: Callable[[], Result], away_s: float, full_s: float) -> Result:
    """Return what `attempt` returns; repeat it while the server is away, or full, for at most so many seconds."""
    first_failure, pause = None, _FIRST_PAUSE_S
    while True:
        try:
            return attempt()
        except (OverloadedError, ServiceUnavailableError) as error:
            first_failure = first_failure or time.monotonic()
            patience_s = full_s if isinstance(error, OverloadedError) else away_s
            if time.monotonic() + pause > first_failure + patience_s:
                raise
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)


def _encoded(image: EncodedImage) -> bytes:
    if isinstance(image, bytes):
        return image
    if not isinstance(image, Path):
        return image()
    from detector.images.decode import read_image_file  # noqa: PLC0415 - see `_megapixels`

    return read_image_file(image)


def _check_message(data: bytes) -> None:
    """Check that a message can hold the image.

    Raises:
        ImageTooLargeError: if not.
    """
    if len(data) > MAX_MESSAGE_BYTES - _OPTIONS_BYTES:
        raise ImageTooLargeError(
            f"the image has {len(data):,} bytes; a server takes messages of {MAX_MESSAGE_BYTES:,}"
        )


def _megapixels(data: bytes) -> float:
    """Return what the image's header says; 0 for an image at which the server will not look."""
    from detector.images.decode import image_size  # noqa: PLC0415 - who asks for single images needs no image library

    try:
        width, height = image_size(data, sys.maxsize)
    except InvalidRequestError:
        return 0.0
    return min(width * height, MAX_PIXELS) / 1e6


class _UnderWay:
    """The images that have been sent and not answered; any thread may add to them."""

    def __init__(self) -> None:
        self._megapixels: list[float] = []
        self._reserved = False
        self._changed = threading.Condition()

    @contextmanager
    def added(self, megapixels: float, alone: bool) -> Iterator[float]:
        """While it lasts, an image more is under way; gives the megapixels of all of them.

        Args:
            megapixels: of the image.
            alone: wait until no other image is under way, and let no other begin.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._reserved)
            self._reserved = alone
            self._changed.wait_for(lambda: not (alone and self._megapixels))
            self._megapixels.append(megapixels)
            total = sum(self._megapixels)
        try:
            yield total
        finally:
            with self._changed:
                self._megapixels.remove(megapixels)
                self._reserved = self._reserved and not alone
                self._changed.notify_all()
