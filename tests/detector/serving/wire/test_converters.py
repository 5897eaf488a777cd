"""What goes over the wire comes out as it went in."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.results.detections import Detections, HouseNumber, ImageDetections
from detector.results.interface import DetectOptions, ModelInfo
from detector.serving.wire import converters
from detector.v1 import detector_pb2 as wire

PIXELS = st.floats(0, 10_000, width=32)
SCORES = st.floats(0, 1, width=32)
BOXES = st.tuples(PIXELS, PIXELS, PIXELS, PIXELS).map(
    lambda box: (min(box[::2]), min(box[1::2]), max(box[::2]), max(box[1::2]))
)
HEIGHTS = st.none() | st.floats(0.001, 1e6)
OPTIONS = st.builds(
    DetectOptions,
    score_threshold=st.none() | st.floats(0, 1),
    nms_iou_threshold=st.none() | st.floats(0, 1),
    max_detections=st.none() | st.integers(1, 2**31 - 1),
    min_digit_height_px=HEIGHTS,
)
NUMBERS = st.builds(
    HouseNumber,
    st.text("0123456789", min_size=1),
    st.floats(0, 1),
    BOXES,
    st.lists(st.integers(0, 99)).map(tuple),
)


@given(OPTIONS)
def test_options(options: DetectOptions) -> None:
    assert converters.options_from_wire(converters.options_to_wire(options)) == options


def test_unset_options_stay_unset() -> None:
    message = converters.options_to_wire(DetectOptions())
    assert not message.ListFields()


def test_zero_is_not_unset() -> None:
    options = DetectOptions(score_threshold=0.0, nms_iou_threshold=0.0)
    assert converters.options_from_wire(converters.options_to_wire(options)) == options


def test_every_option_is_on_the_wire() -> None:
    paths = {converters.option_to_wire(field.name) for field in fields(DetectOptions)}
    assert paths == {f"options.{name}" for name in wire.DetectOptions.DESCRIPTOR.fields_by_name}
    for field in fields(DetectOptions):
        assert converters.option_from_wire(converters.option_to_wire(field.name)) == field.name


def test_a_limit_beyond_the_wire_is_no_limit() -> None:
    assert converters.options_to_wire(DetectOptions(max_detections=10**20)).max_detections == 2**31 - 1


@given(
    st.lists(st.tuples(BOXES, st.integers(0, 9), SCORES), max_size=5),
    st.lists(NUMBERS, max_size=3).map(tuple),
    st.dictionaries(st.text(min_size=1), st.integers(0, 10**9).map(lambda us: us / 1e6), max_size=4),
)
def test_detections(
    found: list[tuple[tuple[float, ...], int, float]],
    numbers: tuple[HouseNumber, ...],
    stage_seconds: dict[str, float],
) -> None:
    digits = Detections(
        np.array([box for box, _, _ in found], np.float32).reshape(-1, 4),
        np.array([label for _, label, _ in found], np.int32),
        np.array([score for _, _, score in found], np.float32),
    )
    sent = ImageDetections(640, 480, digits, numbers, "svhn-fcn", "1.2", stage_seconds)
    bytes_sent = converters.detections_to_wire(sent).SerializeToString()
    got = converters.detections_from_wire(wire.DetectResponse.FromString(bytes_sent))
    assert list(got.digits) == list(sent.digits)
    assert got.numbers == sent.numbers
    assert got.stage_seconds == pytest.approx(sent.stage_seconds, abs=1e-6)
    assert list(got.stage_seconds) == list(sent.stage_seconds)
    for name in ("width_px", "height_px", "model_name", "model_version"):
        assert getattr(got, name) == getattr(sent, name)


@given(OPTIONS)
def test_info(defaults: DetectOptions) -> None:
    info = ModelInfo(
        "svhn-fcn",
        "1",
        "ab" * 32,
        "SVHN, non-commercial",
        1_000_000,
        50_000_000,
        33_554_432,
        defaults,
        "openvino-int8",
        0.6,
        0.55,
        0.7,
        12.0,
    )
    assert converters.info_from_wire(converters.info_to_wire(info)) == info
