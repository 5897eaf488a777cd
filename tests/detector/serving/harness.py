"""A server of this package on a real socket, in a thread of the test's process, and detectors for it."""

import asyncio
import socket
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
import numpy as np
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from numpy.typing import NDArray

from detector.pipeline.call import CancellationToken
from detector.results.detections import Detections, HouseNumber, ImageDetections
from detector.results.interface import DetectOptions, ModelInfo
from detector.serving.server.inference_queue import PixelDetector
from detector.serving.server.server import DetectorServer
from detector.serving.server.settings import ServerSettings, WorkLimits
from detector.v1 import detector_pb2_grpc

Result = TypeVar("Result")
PATIENCE_S = 60.0
"""For what happens at once on an idle machine."""


class RunningServer:
    """Listens on a free port of the loopback interface from construction on; serves from `open` on.

    Named arguments are those of `ServerSettings`.
    """

    def __init__(
        self, detector: PixelDetector | None = None, limits: WorkLimits | None = None, **settings: Any
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = self.run(
            self._start(ServerSettings(port=0, limits=limits or WorkLimits(), **settings))
        )
        self.detector = detector
        if detector is not None:
            self.open(detector)

    async def _start(self, settings: ServerSettings) -> DetectorServer:
        server = DetectorServer(settings)
        self.address = f"127.0.0.1:{await server.start()}"
        return server

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    def open(self, detector: PixelDetector) -> None:
        self.run(self._server.open(detector))

    def begin_stop(self, grace_s: float = PATIENCE_S) -> Any:
        """Starts to drain and stop; the future tells whether all that was accepted got its answer."""
        return asyncio.run_coroutine_threadsafe(self._stop(grace_s), self._loop)

    async def _stop(self, grace_s: float) -> bool:
        drained = await self._server.drain(grace_s)
        await self._server.stop()
        return drained

    def channel(self, credentials: grpc.ChannelCredentials | None = None) -> grpc.Channel:
        options = [("grpc.enable_http_proxy", 0), ("grpc.max_send_message_length", -1)]
        if credentials is None:
            return grpc.insecure_channel(self.address, options)
        return grpc.secure_channel(self.address, credentials, options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(self.detector, SlowDetector):
            self.detector.may_go.set()
        self.begin_stop().result(PATIENCE_S)
        self.run(_others_done())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()


async def _others_done() -> None:
    """Cancelled work waits for its thread; the loop may not close before."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=PATIENCE_S)


class SlowDetector:
    """Answers when it is let: for what a test has to catch in the middle.

    The digit that it finds tells how wide the image is, so answers can be told apart.
    """

    def __init__(self, opened: bool = False) -> None:
        self.may_go = threading.Event()
        self.seen: list[int] = []
        self.began = threading.Semaphore(0)
        if opened:
            self.may_go.set()

    def detect(
        self, image: NDArray[np.uint8], options: DetectOptions, cancellation: CancellationToken
    ) -> ImageDetections:
        height, width = image.shape[:2]
        self.seen.append(width)
        self.began.release()
        assert self.may_go.wait(PATIENCE_S)
        digits = Detections(
            np.array([[0, 0, width, height]], np.float32), np.array([width % 10]), np.array([0.5])
        )
        number = HouseNumber(str(width % 10), 0.5, (0.0, 0.0, float(width), float(height)), (0,))
        return ImageDetections(width, height, digits, (number,), "slow", "1", {"network": 0.25})

    def info(self) -> ModelInfo:
        return ModelInfo("slow", "1", "0" * 64, "none", 0)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def stub(channel: grpc.Channel) -> detector_pb2_grpc.DigitDetectorStub:
    return detector_pb2_grpc.DigitDetectorStub(channel)


class RichError:
    """What a status says: code, message, ErrorInfo, BadRequest, RetryInfo (None where there is none)."""

    def __init__(self, status: Status) -> None:
        self.code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
        self.message = status.message
        self.info, self.bad_request, self.retry = ErrorInfo(), BadRequest(), RetryInfo()
        self.kinds = set()
        for detail in status.details:
            for message in (self.info, self.bad_request, self.retry):
                if detail.Unpack(message):
                    self.kinds.add(type(message).__name__)

    @classmethod
    def of(cls, error: grpc.RpcError) -> "RichError":
        status = rpc_status.from_call(error)
        assert status is not None, f"no details in {error}"
        return cls(status)
