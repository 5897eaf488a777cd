"""Images and results of a stream, and the messages that carry them."""

from detector.results.detections import ImageDetections
from detector.results.errors import DetectorError
from detector.results.interface import DetectOptions
from detector.serving.wire.converters import detections_from_wire, request_to_wire
from detector.serving.wire.statuses import from_status
from detector.v1 import detector_pb2 as wire

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
    """What came of one image."""
    failed = reply.HasField("error")
    return reply.correlation_id, from_status(reply.error) if failed else detections_from_wire(reply.response)
