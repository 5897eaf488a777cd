"""Images that somebody damaged, and what a server may say of whatever it is sent."""

import grpc
from hypothesis import strategies as st

from detector.v1 import detector_pb2 as wire
from tests.detector.pictures import encode, noise, scene
from tests.detector.serving.harness import RichError

WHOLE = tuple(
    encode(kind, image, **options)
    for image in (scene(), noise())
    for kind, options in (
        ("JPEG", {"quality": 90}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {}),
        ("BMP", {}),
        ("GIF", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
    )
)


@st.composite
def damaged_images(draw: st.DrawFn) -> bytes:
    """A real image with some bytes changed, cut out, doubled, or its end missing."""
    data = bytearray(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from(["set", "flip", "insert", "delete", "repeat", "cut"])):
            case "set":
                data[place : place + 1] = bytes([draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))])
            case "flip":
                if data:
                    data[place] ^= 1 << draw(st.integers(0, 7))
            case "insert":
                data[place:place] = draw(st.binary(min_size=1, max_size=8))
            case "delete":
                del data[place : place + draw(st.integers(1, 64))]
            case "repeat":
                data[place:place] = data[place : place + draw(st.integers(1, 64))]
            case "cut":
                del data[place:]
    return bytes(data)


def requests() -> st.SearchStrategy[wire.DetectRequest]:
    """Requests of which anything may be wrong, but the protobuf encoding."""
    numbers = st.none() | st.floats() | st.sampled_from([0.0, 1.0, -0.0, 1e-310, 20.0])
    options = st.builds(
        wire.DetectOptions,
        score_threshold=numbers,
        nms_iou_threshold=numbers,
        max_detections=st.none() | st.integers(-(2**31), 2**31 - 1),
        min_digit_height_px=numbers,
        max_digit_height_px=numbers,
    )
    images = st.sampled_from(WHOLE) | st.binary(max_size=200)
    return st.builds(wire.DetectRequest, image=images, options=st.none() | options)


def assert_a_fair_refusal(error: RichError) -> None:
    """A refusal blames the caller, says why in words and for programs, and names what is wrong."""
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT, (error.code, error.message)
    assert error.info.domain == "detector.v1"
    assert error.info.reason
    assert error.message
    assert error.bad_request.field_violations
