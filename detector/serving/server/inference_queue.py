"""The bounded queue of a server's work: so many images are admitted, one at a time is in the network.

An image passes admission (an overloaded server refuses at once), a slot for its pixels (so that encoded bytes
wait, not decoded images of 150 MB), and the network (one inference at a time; TensorFlow itself uses all cores).
While one image is in the network the next is decoded.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from detector.images.decode import decode_image
from detector.pipeline.call import CancellationToken
from detector.results.detections import ImageDetections
from detector.results.errors import OverloadedError, ServiceUnavailableError
from detector.results.interface import DetectOptions, ModelInfo
from detector.serving.server.settings import WorkLimits
from detector.serving.telemetry import metrics

Result = TypeVar("Result")


class PixelDetector(Protocol):
    """A detector behind a server: one that takes decoded images from any thread."""

    def detect(
        self, image: NDArray[np.uint8], options: DetectOptions, cancellation: CancellationToken
    ) -> ImageDetections:
        """Find the digits of an (H, W, 3) uint8 RGB image, unless it is cancelled before they are found."""
        ...

    def info(self) -> ModelInfo:
        """Return the model, its limits and its defaults."""
        ...


class InferenceQueue:
    """Takes images from encoded bytes to detections, within limits; all methods belong to one event loop.

    Until `open` is called, and after `close`, it refuses with ServiceUnavailableError.
    """

    def __init__(self, limits: WorkLimits | None = None) -> None:
        self.limits = limits or WorkLimits()
        self._detector: PixelDetector | None = None
        self._info: ModelInfo | None = None
        self._refusal = "the model is still loading"
        self._admitted = asyncio.Semaphore(self.limits.max_concurrent_images)
        self._decode_slots = asyncio.Semaphore(self.limits.decoded_images)
        self._inference_lock = asyncio.Lock()
        self._decoders = ThreadPoolExecutor(self.limits.decoded_images, "decode")
        self._network = ThreadPoolExecutor(1, "network")

    def open(self, detector: PixelDetector) -> None:
        """Let work in; the detector is loaded and warm."""
        old, self._info = self._info, detector.info()
        metrics.set_model(old, self._info)
        self._detector = detector

    def close(self) -> None:
        """Let no more work in; what is admitted is finished."""
        metrics.set_model(self._info, None)
        self._refusal = "the server is shutting down"
        self._detector = self._info = None

    def info(self) -> ModelInfo:
        """Return the model that answers.

        Raises:
            ServiceUnavailableError: if there is none, yet or any more.
        """
        if self._info is None:
            raise ServiceUnavailableError(self._refusal)
        return self._info

    async def detect(
        self, image: bytes, options: DetectOptions, deadline: float | None = None, wait: bool = False
    ) -> ImageDetections:
        """Decode an image and find its digits.

        Args:
            image: the encoded image.
            options: what to look for.
            deadline: on the clock of `time.monotonic`; no work is done after it, but for a step that is under way.
            wait: wait for room instead of being refused.

        Raises:
            DetectorError: InvalidRequestError if the image or options are at fault, OverloadedError if there is
                no room, DeadlineExceededError, ServiceUnavailableError.
        """
        max_pixels, detector = self.info().max_pixels, self._detector
        assert detector is not None
        cancellation = CancellationToken(deadline)
        arrived = time.perf_counter()
        with ExitStack() as queue:
            queue.enter_context(metrics.waiting())
            async with self._admission(wait), self._decode_slots:
                cancellation.raise_if_cancelled()
                started = time.perf_counter()
                # Not lambdas: the frame of an error would share what they close over, and keep it.
                decode = partial(decode_image, image, max_pixels)
                pixels = await _in_thread(self._decoders, decode, cancellation)
                decoded = time.perf_counter()
                async with self._inference_lock:
                    queue.close()
                    cancellation.raise_if_cancelled()
                    waited = started - arrived + time.perf_counter() - decoded
                    detect = partial(detector.detect, pixels, options, cancellation)
                    found = await _in_thread(self._network, detect, cancellation)
        stages = {"queue": waited, **found.stage_seconds, "decode": decoded - started}
        return replace(found, stage_seconds=stages)

    @asynccontextmanager
    async def _admission(self, wait: bool) -> AsyncIterator[None]:
        if self._admitted.locked() and not wait:
            limit = self.limits.max_concurrent_images
            raise OverloadedError(f"overloaded: {limit} images are in work or waiting; try again later")
        async with self._admitted:
            yield


async def _in_thread(
    executor: ThreadPoolExecutor, function: Callable[[], Result], cancellation: CancellationToken
) -> Result:
    """Run `function` in a thread of `executor`.

    A thread can only be asked to stop, so a cancelled caller waits for its end: what it holds is not free before.
    """
    future = asyncio.get_running_loop().run_in_executor(executor, function)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        future.add_done_callback(_drop)
        cancellation.cancel()
        await asyncio.wait([future])
        raise


def _drop(future: "asyncio.Future[Result]") -> None:
    """Take a result that nobody waits for; an error that nobody takes would be one for the log."""
    if not future.cancelled():
        future.exception()
