"""Every kind of bad input, and every odd kind of good input, over a real socket with the real model."""

import math

import grpc
import pytest

from detector.results.errors import DetectorError, ImageTooLargeError, InvalidOptionError, OverloadedError
from detector.results.interface import MAX_MESSAGE_BYTES, DetectOptions
from detector.serving.client import DetectorClient
from detector.v1 import detector_pb2 as wire
from tests.detector.pictures import ACCEPTED, HEIGHT, REFUSED, WIDTH, Accepted, Refused, encode
from tests.detector.serving.harness import RichError, stub


@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED.keys())
def test_refused_images(channel: grpc.Channel, row: Refused) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub(channel).Detect(wire.DetectRequest(image=row.data))
    error = RichError.of(caught.value)
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert (error.info.reason, error.info.domain) == (row.error.reason, "detector.v1")
    assert [violation.field for violation in error.bad_request.field_violations] == ["image"]
    assert error.message


@pytest.mark.parametrize("row", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted_images(channel: grpc.Channel, row: Accepted) -> None:
    response = stub(channel).Detect(wire.DetectRequest(image=row.data))
    assert (response.width_px, response.height_px) == row.size
    if row.size == (1, 1):
        assert not response.digits
        assert not response.numbers


@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED.keys())
def test_the_client_raises_what_the_detector_raises(client: DetectorClient, row: Refused) -> None:
    with pytest.raises(row.error) as caught:
        client.detect(row.data)
    assert type(caught.value) is row.error


BAD_OPTIONS: dict[str, tuple[wire.DetectOptions, str]] = {
    "score below 0": (wire.DetectOptions(score_threshold=-0.01), "options.score_threshold"),
    "score above 1": (wire.DetectOptions(score_threshold=1.01), "options.score_threshold"),
    "score not a number": (wire.DetectOptions(score_threshold=math.nan), "options.score_threshold"),
    "overlap below 0": (wire.DetectOptions(nms_iou_threshold=-1), "options.nms_iou_threshold"),
    "overlap above 1": (wire.DetectOptions(nms_iou_threshold=math.inf), "options.nms_iou_threshold"),
    "no detections": (wire.DetectOptions(max_detections=0), "options.max_detections"),
    "fewer than none": (wire.DetectOptions(max_detections=-5), "options.max_detections"),
    "height 0": (wire.DetectOptions(min_digit_height_px=0), "options.min_digit_height_px"),
    "height not a number": (wire.DetectOptions(min_digit_height_px=math.nan), "options.min_digit_height_px"),
    "height endless": (wire.DetectOptions(max_digit_height_px=math.inf), "options.max_digit_height_px"),
    "height negative": (wire.DetectOptions(max_digit_height_px=-3), "options.max_digit_height_px"),
    "heights crossed": (
        wire.DetectOptions(min_digit_height_px=30, max_digit_height_px=20),
        "options.min_digit_height_px",
    ),
}


@pytest.mark.parametrize(("options", "field"), BAD_OPTIONS.values(), ids=BAD_OPTIONS.keys())
def test_refused_options(channel: grpc.Channel, options: wire.DetectOptions, field: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub(channel).Detect(wire.DetectRequest(image=encode("PNG"), options=options))
    error = RichError.of(caught.value)
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert error.info.reason == "INVALID_OPTION"
    assert [violation.field for violation in error.bad_request.field_violations] == [field]


EDGE_OPTIONS: dict[str, wire.DetectOptions] = {
    "score 0": wire.DetectOptions(score_threshold=0),
    "score 1": wire.DetectOptions(score_threshold=1),
    "overlap 0": wire.DetectOptions(nms_iou_threshold=0),
    "overlap 1": wire.DetectOptions(nms_iou_threshold=1),
    "one detection": wire.DetectOptions(max_detections=1),
    "as many as there are numbers": wire.DetectOptions(max_detections=2**31 - 1),
    "only giants": wire.DetectOptions(min_digit_height_px=1e300),
    "only dwarfs": wire.DetectOptions(max_digit_height_px=1e-300),
    "heights equal": wire.DetectOptions(min_digit_height_px=20, max_digit_height_px=20),
}


@pytest.mark.parametrize("options", EDGE_OPTIONS.values(), ids=EDGE_OPTIONS.keys())
def test_options_at_the_edge_of_their_range(channel: grpc.Channel, options: wire.DetectOptions) -> None:
    response = stub(channel).Detect(wire.DetectRequest(image=encode("PNG"), options=options))
    assert (response.width_px, response.height_px) == (WIDTH, HEIGHT)


def test_a_height_too_small_to_look_for(client: DetectorClient) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        client.detect(encode("PNG"), DetectOptions(min_digit_height_px=1e-6))
    assert caught.value.field == "min_digit_height_px"


METHODS = {
    "Detect": ("unary_unary", "/detector.v1.DigitDetector/Detect"),
    "GetModelInfo": ("unary_unary", "/detector.v1.DigitDetector/GetModelInfo"),
    "DetectStream": ("stream_stream", "/detector.v1.DigitDetector/DetectStream"),
    "health": ("unary_unary", "/grpc.health.v1.Health/Check"),
    "health watch": ("unary_stream", "/grpc.health.v1.Health/Watch"),
    "reflection": ("stream_stream", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"),
}


@pytest.mark.parametrize(("kind", "method"), METHODS.values(), ids=METHODS.keys())
@pytest.mark.parametrize(
    "message", [b"\xff\xff\xff\xff", b"\x0a\x05ab"], ids=["not protobuf", "shorter than it says"]
)
def test_malformed_messages(channel: grpc.Channel, kind: str, method: str, message: bytes) -> None:
    call = getattr(channel, kind)(method)
    with pytest.raises(grpc.RpcError) as caught:
        list(call(iter([message]) if kind == "stream_stream" else message))
    error = RichError.of(caught.value)
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert error.info.reason == "INVALID_REQUEST"


def test_an_unknown_method(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/detector.v1.DigitDetector/Divine")(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_message_beyond_the_limit_is_refused_by_the_server(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub(channel).Detect(wire.DetectRequest(image=bytes(MAX_MESSAGE_BYTES)))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_message_beyond_the_limit_is_not_even_sent_by_the_client(client: DetectorClient) -> None:
    with pytest.raises(OverloadedError, match="larger than max"):
        client.detect(bytes(MAX_MESSAGE_BYTES))


def test_a_message_just_below_the_limit_arrives(client: DetectorClient) -> None:
    image = encode("PNG") + bytes(MAX_MESSAGE_BYTES - 1000)
    assert client.detect(image).width_px == WIDTH


def test_bad_images_in_a_stream_get_their_own_errors_and_it_goes_on(client: DetectorClient) -> None:
    rows = [*REFUSED.items(), *ACCEPTED.items()]
    rows = rows[::2] + rows[1::2]
    results = client.detect_stream((name, row.data) for name, row in rows)
    for (name, row), (correlation_id, result) in zip(rows, results, strict=True):
        assert correlation_id == name
        if isinstance(row, Refused):
            assert type(result) is row.error
        else:
            assert not isinstance(result, DetectorError)
            assert (result.width_px, result.height_px) == row.size


def test_a_stream_carries_the_same_status_as_a_call(channel: grpc.Channel) -> None:
    huge = wire.DetectRequest(image=REFUSED["256 megapixels: bmp"].data)
    requests = [wire.DetectStreamRequest(correlation_id="big", request=huge)]
    (reply,) = stub(channel).DetectStream(iter(requests))
    error = RichError(reply.error)
    assert (reply.correlation_id, error.code) == ("big", grpc.StatusCode.INVALID_ARGUMENT)
    assert error.info.reason == ImageTooLargeError.reason
    assert [violation.field for violation in error.bad_request.field_violations] == ["image"]
