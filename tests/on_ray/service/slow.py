"""Replicas that take a second for each image, whatever the machine: for what a test has to catch in the middle."""

from detector.serving.ray.cluster_settings import ClusterSettings
from detector.serving.server.inference_queue import InferenceQueue
from detector.serving.server.service import outcome
from detector.serving.server.servicer import QueueBackend
from detector.serving.server.settings import WorkLimits
from detector.v1 import detector_pb2 as wire
from tests.detector.serving.loads import Stalling


class SlowReplica:
    """Answers with the width of the image as its digit, see `SlowDetector`, and knows which images it has seen."""

    def __init__(self, settings: ClusterSettings) -> None:
        self._detector = Stalling(moment_s=1.0)
        inference_queue = InferenceQueue(WorkLimits(max_concurrent_images=settings.max_concurrent_images))
        inference_queue.open(self._detector)
        self._backend = QueueBackend(inference_queue)

    async def detect(self, request: bytes) -> wire.DetectStreamResponse:
        return await outcome(self._backend, wire.DetectRequest.FromString(request))

    async def info(self) -> wire.ModelInfo:
        return await self._backend.info()

    async def seen(self) -> list[int]:
        """The widths of the images that it began with."""
        return self._detector.seen
