"""A client that is used like the detector itself: images in, detections out, the package's own errors."""

import json
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

import grpc

from detector.detections import ImageDetections
from detector.errors import DetectorError
from detector.interface import MAX_MESSAGE_BYTES, DetectOptions, ModelInfo
from detector.serving.converters import detections_from_wire, info_from_wire, request_to_wire
from detector.serving.statuses import from_rpc_error, from_status
from detector.v1 import detector_pb2 as wire
from detector.v1 import detector_pb2_grpc

StreamItem = tuple[str, bytes] | tuple[str, bytes, DetectOptions]
"""An image for `DetectorClient.detect_stream`: a correlation id, the encoded image, and maybe options."""

_SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [{"service": wire.DESCRIPTOR.services_by_name["DigitDetector"].full_name}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.2s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}

_CHANNEL_OPTIONS = [
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    ("grpc.per_rpc_retry_buffer_size", MAX_MESSAGE_BYTES),  # a call that is not kept whole is not retried
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5000),
    ("grpc.enable_http_proxy", 0),  # a proxy for web pages is no way to a detector
]


class DetectorClient:
    """An `ImageDetector` behind a server; any thread may use it. Close it, or use it in a `with` statement.

    Calls that no server answers (UNAVAILABLE) are tried again a few times, for about four seconds.

    Args:
        address: HOST:PORT of a server.
        timeout_s: seconds until a call fails with DeadlineExceededError, where a call gives none of its own.
        stream_timeout_s: the same for the whole of a stream.
    """

    def __init__(self, address: str, *, timeout_s: float = 60.0, stream_timeout_s: float = 3600.0) -> None:
        self._channel = grpc.insecure_channel(address, options=_CHANNEL_OPTIONS)
        self._stub = detector_pb2_grpc.DigitDetectorStub(self._channel)
        self._timeout_s = timeout_s
        self._stream_timeout_s = stream_timeout_s

    def detect(
        self, image: bytes, options: DetectOptions | None = None, timeout_s: float | None = None
    ) -> ImageDetections:
        """Finds the digits of one encoded image (JPEG, PNG, WebP, BMP, TIFF, GIF).

        Args:
            image: the encoded image.
            options: what to ask for; None means the server's defaults.
            timeout_s: seconds until DeadlineExceededError; None means the client's default.

        Raises:
            DetectorError: the server's, or OverloadedError, DeadlineExceededError, ServiceUnavailableError.
        """
        request = request_to_wire(image, options or DetectOptions())
        try:
            return detections_from_wire(self._stub.Detect(request, timeout=timeout_s or self._timeout_s))
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error

    def detect_stream(
        self, items: Iterable[StreamItem], timeout_s: float | None = None
    ) -> Iterator[tuple[str, ImageDetections | DetectorError]]:
        """Finds the digits of many images over one call; `items` is read while results come out.

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
            _stream_requests(items, failures), timeout=timeout_s or self._stream_timeout_s
        )
        try:
            for reply in replies:
                yield reply.correlation_id, _stream_result(reply)
        except grpc.RpcError as error:
            raise (failures[0] if failures else from_rpc_error(error)) from error
        finally:
            replies.cancel()

    def info(self, timeout_s: float | None = None) -> ModelInfo:
        """The model that answers, its limits and its defaults.

        Raises:
            DetectorError: ServiceUnavailableError if no server answers, DeadlineExceededError.
        """
        try:
            reply = self._stub.GetModelInfo(wire.GetModelInfoRequest(), timeout=timeout_s or self._timeout_s)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error
        return info_from_wire(reply)

    def close(self) -> None:
        """Ends the connection; calls in flight fail."""
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
    """The items as requests; gRPC swallows what its source raises, so that is kept in `failures`."""
    try:
        for correlation_id, image, *options in items:
            request = request_to_wire(image, options[0] if options else DetectOptions())
            yield wire.DetectStreamRequest(correlation_id=correlation_id, request=request)
    except Exception as error:
        failures.append(error)
        raise


def _stream_result(reply: wire.DetectStreamResponse) -> ImageDetections | DetectorError:
    return from_status(reply.error) if reply.HasField("error") else detections_from_wire(reply.response)
