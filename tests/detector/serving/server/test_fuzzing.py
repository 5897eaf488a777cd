"""No input of a client brings a server down, or makes it say that the fault is its own (UNKNOWN, INTERNAL)."""

import grpc
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.images.decode import decode_image
from detector.results.errors import DetectorError, ImageTooLargeError, ImageUndecodableError
from detector.serving.client import DetectorClient
from detector.v1 import detector_pb2 as wire
from tests.detector.pictures import WIDTH, encode, noise, scene
from tests.detector.serving.harness import RichError, stub
from tests.detector.serving.mutations import WHOLE, assert_a_fair_refusal, damaged_images, requests

FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
SOME = settings(FUZZ, max_examples=500)
MANY = settings(FUZZ, max_examples=2500)

METHODS = (
    ("unary_unary", "/detector.v1.DigitDetector/Detect"),
    ("unary_unary", "/detector.v1.DigitDetector/GetModelInfo"),
    ("stream_stream", "/detector.v1.DigitDetector/DetectStream"),
    ("unary_unary", "/grpc.health.v1.Health/Check"),
    ("stream_stream", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"),
)


def ask_with_damaged_image(channel: grpc.Channel, image: bytes) -> None:
    try:
        reply = stub(channel).Detect(wire.DetectRequest(image=image))
    except grpc.RpcError as error:
        refusal = RichError.of(error)
        assert_a_fair_refusal(refusal)
        assert refusal.info.reason in ("IMAGE_EMPTY", "IMAGE_UNDECODABLE", "IMAGE_TOO_LARGE")
    else:
        assert reply.width_px > 0
        assert reply.height_px > 0


@SOME
@given(image=damaged_images())
def test_damaged_images(channel: grpc.Channel, image: bytes) -> None:
    ask_with_damaged_image(channel, image)


@pytest.mark.soak
@MANY
@given(image=damaged_images())
def test_many_damaged_images(channel: grpc.Channel, image: bytes) -> None:
    ask_with_damaged_image(channel, image)


def ask_with_anything(channel: grpc.Channel, request: wire.DetectRequest) -> None:
    try:
        stub(channel).Detect(request)
    except grpc.RpcError as error:
        assert_a_fair_refusal(RichError.of(error))


@settings(FUZZ, max_examples=150)
@given(request=requests())
def test_requests_with_anything_in_them(channel: grpc.Channel, request: wire.DetectRequest) -> None:
    ask_with_anything(channel, request)


@pytest.mark.soak
@MANY
@given(request=requests())
def test_many_requests_with_anything_in_them(channel: grpc.Channel, request: wire.DetectRequest) -> None:
    ask_with_anything(channel, request)


def say_anything(channel: grpc.Channel, kind: str, method: str, raw: bytes) -> None:
    """Whatever it is, it may happen to be a request; health has its own way to say that there is no such service."""
    try:
        list(getattr(channel, kind)(method)(iter([raw]) if kind == "stream_stream" else raw, timeout=60))
    except grpc.RpcError as error:
        if method.endswith("Health/Check") and error.code() is grpc.StatusCode.NOT_FOUND:
            return
        assert_a_fair_refusal(RichError.of(error))


RAW = st.binary(max_size=60) | st.builds(
    lambda tag, data: bytes([tag]) + data, st.integers(8, 63), st.binary(max_size=60)
)
"""Bytes of any kind; and such as begin like a field of a message."""


@settings(FUZZ, max_examples=300)
@given(called=st.sampled_from(METHODS), raw=RAW)
def test_raw_bytes(channel: grpc.Channel, called: tuple[str, str], raw: bytes) -> None:
    say_anything(channel, *called, raw)


@pytest.mark.soak
@MANY
@given(called=st.sampled_from(METHODS), raw=RAW)
def test_many_raw_bytes(channel: grpc.Channel, called: tuple[str, str], raw: bytes) -> None:
    say_anything(channel, *called, raw)


@settings(FUZZ, max_examples=30)
@given(images=st.lists(damaged_images() | st.sampled_from(WHOLE), max_size=8))
def test_a_stream_of_anything_gets_an_answer_to_each(client: DetectorClient, images: list[bytes]) -> None:
    answers = list(client.detect_stream((str(number), image) for number, image in enumerate(images)))
    assert [name for name, _ in answers] == [str(number) for number in range(len(images))]


@settings(FUZZ, max_examples=100)
@given(
    name=st.from_regex(r"x-[a-z0-9_.-]{0,20}", fullmatch=True).filter(lambda n: not n.endswith("-bin")),
    value=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200),
    raw=st.binary(max_size=200),
)
def test_metadata_of_any_kind(channel: grpc.Channel, name: str, value: str, raw: bytes) -> None:
    metadata = ((name, value), ("x-raw-bin", raw), ("x-request-id", value))
    assert stub(channel).GetModelInfo(wire.GetModelInfoRequest(), metadata=metadata).name


def decoded(image: bytes, before: bytes) -> NDArray[np.uint8] | type[DetectorError]:
    """What comes of `image` when `before` was decoded just before it."""
    decode_image(before)
    try:
        return decode_image(image)
    except (ImageUndecodableError, ImageTooLargeError) as error:
        return type(error)


BRIGHT = encode("PNG", scene(((255, 255, 255),) * 4))
BUSY = encode("JPEG", noise(), quality=90)


@settings(FUZZ, max_examples=300)
@given(image=damaged_images())
def test_a_damaged_image_never_shows_pixels_of_the_one_before(image: bytes) -> None:
    """Memory that was not written to would differ with what was in it."""
    if not image:
        return
    first, second = decoded(image, BRIGHT), decoded(image, BUSY)
    if isinstance(first, type) or isinstance(second, type):
        assert first is second
    else:
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("whole", [image for image in WHOLE if image[:2] == b"\xff\xd8"], ids=range(4))
@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9, 0.99])
def test_half_a_jpeg_is_not_filled_up_from_the_one_before(
    client: DetectorClient, whole: bytes, keep: float
) -> None:
    """As OpenCV 4.10 and 4.11 did."""
    assert client.detect(whole).width_px == WIDTH
    with pytest.raises(ImageUndecodableError):
        client.detect(whole[: int(len(whole) * keep)])
