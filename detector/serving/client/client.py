"""Clients that are used like the detector itself: images in, detections out, the package's own errors.

`DetectorClient` blocks, `AsyncDetectorClient` is for asyncio; they take the same arguments.
"""

from collections.abc import Generator, Iterable, Iterator
from types import TracebackType
from typing import Self

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from detector.results.detections import ImageDetections
from detector.results.errors import DetectorError
from detector.results.interface import AnyEncoded, DetectOptions, ImageProgress, ModelInfo
from detector.serving.client.async_client import AsyncDetectorClient
from detector.serving.client.batch import BatchSettings, detect_many
from detector.serving.client.channel import (
    StreamItem,
    StreamResult,
    connect,
    stream_request,
    stream_result,
    trace_metadata,
)
from detector.serving.client.connection import Connection, Tls, checked_timeout
from detector.serving.wire.converters import detections_from_wire, info_from_wire, request_to_wire
from detector.serving.wire.statuses import from_rpc_error
from detector.v1 import detector_pb2 as wire
from detector.v1 import detector_pb2_grpc

__all__ = ["AsyncDetectorClient", "BatchSettings", "DetectorClient", "StreamItem", "StreamResult", "Tls"]

_INFO_TIMEOUT_S = 15.0
"""A server that has not said by then which model it has does not answer at all."""


class DetectorClient:
    """An `ImageDetector` behind a server or several; any thread may use it. Close it, or use it in a `with` block.

    Calls that no server answers (UNAVAILABLE) are tried again a few times, for about three seconds; a stream only
    until its first reply.

    Args:
        servers: HOST:PORT; several with commas between them take turns, as do the addresses that one name has.
        tls: how to encrypt; None for a connection in the clear.
        token: the bearer token, where the server asks for one; it needs TLS, or a server on this machine.
        timeout_s: seconds until a call fails with DeadlineExceededError, where a call gives none of its own.
        stream_timeout_s: the same for the whole of a stream.
        batch: calls at a time, deadlines and patience of `detect_many`.

    Raises:
        ClientSetupError: if an address, a file of `tls` or the token is no use.
        InvalidOptionError: if a timeout leaves no time.
    """

    def __init__(
        self,
        servers: str,
        *,
        tls: Tls | None = None,
        token: str | None = None,
        timeout_s: float = 60.0,
        stream_timeout_s: float = 3600.0,
        batch: BatchSettings | None = None,
    ) -> None:
        self._channel = connect(Connection(servers, tls, token))
        self._stub = detector_pb2_grpc.DigitDetectorStub(self._channel)
        self._health = health_pb2_grpc.HealthStub(self._channel)
        self._timeout_s = checked_timeout(timeout_s, timeout_s)
        self._stream_timeout_s = checked_timeout(stream_timeout_s, stream_timeout_s)
        self._batch = batch or BatchSettings()

    def detect(
        self, image: bytes, options: DetectOptions | None = None, timeout_s: float | None = None
    ) -> ImageDetections:
        """Find the digits of one encoded image in a format that the server reads.

        Args:
            image: the encoded image.
            options: what to ask for; None means the server's defaults.
            timeout_s: seconds until DeadlineExceededError; None means the client's default.

        Raises:
            DetectorError: the server's, or OverloadedError, DeadlineExceededError, ServiceUnavailableError.
        """
        request = request_to_wire(image, options or DetectOptions())
        try:
            return detections_from_wire(
                self._stub.Detect(
                    request, timeout=checked_timeout(timeout_s, self._timeout_s), metadata=trace_metadata()
                )
            )
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error

    def detect_stream(
        self, items: Iterable[StreamItem], timeout_s: float | None = None
    ) -> Iterator[StreamResult]:
        """Find the digits of many images over one call; `items` is read while results come out.

        Args:
            items: correlation id, encoded image and, if wanted, options. What it raises is raised here.
            timeout_s: seconds for the whole stream; None means the client's default.

        Yields:
            For each item, in order, its correlation id and its detections, or the error that it met.

        Raises:
            DetectorError: if the stream itself breaks, so that no more results come.
        """
        failures: list[BaseException] = []
        replies = self._stub.DetectStream(
            _stream_requests(items, failures),
            timeout=checked_timeout(timeout_s, self._stream_timeout_s),
            metadata=trace_metadata(),
        )
        try:
            for reply in replies:
                yield stream_result(reply)
        except grpc.RpcError as error:
            raise (failures[0] if failures else from_rpc_error(error)) from error
        finally:
            replies.cancel()

    def detect_many(
        self,
        images: Iterable[AnyEncoded],
        options: DetectOptions | None = None,
        progress: ImageProgress | None = None,
    ) -> Generator[tuple[AnyEncoded, ImageDetections | DetectorError]]:
        """Find the digits of many images, with a few calls at a time; wait for a server that is full or restart.

        The deadline of an image grows with its pixels and with those of the images that are under way.

        Args:
            images: for each its encoded bytes, its file, or what gives the bytes when it is called, in a thread.
            options: what to ask for; None means the server's defaults.
            progress: never called: a server answers when an image is done.

        Yields:
            Each image as it was given, in order, with its detections, or what was wrong with it, also if that was the
            time it took.

        Raises:
            DetectorError: if no more results come.
        """
        return detect_many(
            lambda image, timeout_s: self.detect(image, options, timeout_s),
            lambda: self.info(_INFO_TIMEOUT_S),
            images,
            self._batch,
        )

    def info(self, timeout_s: float | None = None) -> ModelInfo:
        """Return the model that answers, its limits and its defaults.

        Raises:
            DetectorError: ServiceUnavailableError if no server answers, DeadlineExceededError.
        """
        try:
            reply = self._stub.GetModelInfo(
                wire.GetModelInfoRequest(),
                timeout=checked_timeout(timeout_s, self._timeout_s),
                metadata=trace_metadata(),
            )
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error
        return info_from_wire(reply)

    def is_serving(self, timeout_s: float = 5.0) -> bool:
        """Return whether the server says that it is ready (grpc.health.v1); asked once, without retries.

        Raises:
            DetectorError: ServiceUnavailableError if no server answers, DeadlineExceededError.
        """
        try:
            reply = self._health.Check(
                health_pb2.HealthCheckRequest(), timeout=checked_timeout(timeout_s, timeout_s)
            )
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error
        return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)

    def close(self) -> None:
        """End the connection; calls in flight fail."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _stream_requests(
    items: Iterable[StreamItem], failures: list[BaseException]
) -> Iterator[wire.DetectStreamRequest]:
    """Yield the items as requests; gRPC swallows what its source raises, so that is kept in `failures`."""
    try:
        for item in items:
            yield stream_request(item)
    except Exception as error:
        failures.append(error)
        raise
