"""Wire messages <-> the package's own types; wire messages go no further than this and the two ends of a call."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TypeVar

import numpy as np
from google.protobuf.message import DecodeError, Message

from detector.results.detections import Detections, HouseNumber, ImageDetections
from detector.results.errors import InvalidRequestError
from detector.results.interface import DetectOptions, ModelInfo
from detector.v1 import detector_pb2 as wire

_OPTIONS = "options."
"""Before the name of an option in its path in a DetectRequest."""

_MAX_INT32 = 2**31 - 1

AnyMessage = TypeVar("AnyMessage", bound=Message)


def parsed(kind: type[AnyMessage], data: bytes) -> AnyMessage:
    """Return the message that `data` is.

    Raises:
        InvalidRequestError: if it is invalid.
    """
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise invalid_request("the request is not the protobuf message that this method takes") from error


def invalid_request(message: str) -> InvalidRequestError:
    """Return an error in the whole of a request."""
    refusal = InvalidRequestError(message)
    refusal.field = ""
    return refusal


def option_to_wire(name: str) -> str:
    """Return the path in a DetectRequest of an option of `DetectOptions`."""
    return f"{_OPTIONS}{name}"


def option_from_wire(path: str) -> str:
    """Return the option of `DetectOptions` at a path in a DetectRequest; the path itself if there is none."""
    return path.removeprefix(_OPTIONS)


def options_to_wire(options: DetectOptions) -> wire.DetectOptions:
    """Options that are None stay unset."""
    values = asdict(options)
    if options.max_detections is not None:  # no image has more digits than fit, so this changes no answer
        values["max_detections"] = min(options.max_detections, _MAX_INT32)
    return wire.DetectOptions(**values)


def options_from_wire(message: wire.DetectOptions) -> DetectOptions:
    """Options that are unset become None.

    Raises:
        InvalidOptionError: if a value is outside its range.
    """
    return DetectOptions(**{field.name: value for field, value in message.ListFields()})


def request_to_wire(image: bytes, options: DetectOptions) -> wire.DetectRequest:
    """Return an encoded image and what to look for in it."""
    return wire.DetectRequest(image=image, options=options_to_wire(options))


def detections_to_wire(found: ImageDetections) -> wire.DetectResponse:
    """All that is known of one image."""
    return wire.DetectResponse(
        width_px=found.width_px,
        height_px=found.height_px,
        digits=[wire.Digit(label=d.label, score=d.score, box=_box_to_wire(d.box)) for d in found.digits],
        numbers=[
            wire.HouseNumber(text=n.text, score=n.score, box=_box_to_wire(n.box), digits=n.digits)
            for n in found.numbers
        ],
        model_name=found.model_name,
        model_version=found.model_version,
        stage_seconds=[
            wire.StageSeconds(stage=stage, seconds=seconds) for stage, seconds in found.stage_seconds.items()
        ],
    )


def detections_from_wire(response: wire.DetectResponse) -> ImageDetections:
    """All that is known of one image."""
    digits = response.digits
    return ImageDetections(
        width_px=response.width_px,
        height_px=response.height_px,
        digits=Detections(
            boxes=np.array([_box_from_wire(digit.box) for digit in digits], np.float32).reshape(-1, 4),
            labels=np.array([digit.label for digit in digits], np.int32),
            scores=np.array([digit.score for digit in digits], np.float32),
        ),
        numbers=tuple(
            HouseNumber(n.text, n.score, _box_from_wire(n.box), tuple(n.digits)) for n in response.numbers
        ),
        model_name=response.model_name,
        model_version=response.model_version,
        stage_seconds={time.stage: time.seconds for time in response.stage_seconds},
    )


def info_to_wire(info: ModelInfo) -> wire.ModelInfo:
    """Convert the description of a detector's model."""
    return wire.ModelInfo(
        name=info.name,
        version=info.version,
        sha256=info.sha256,
        training_data=info.training_data,
        parameter_count=info.parameter_count,
        runtime=info.runtime,
        max_pixels=info.max_pixels,
        max_message_bytes=info.max_message_bytes,
        defaults=options_to_wire(info.defaults),
        high_threshold=info.high_threshold,
        low_threshold=info.low_threshold,
        isolated_threshold=info.isolated_threshold,
        min_digit_height_px=info.min_digit_height_px,
    )


def info_from_wire(message: wire.ModelInfo) -> ModelInfo:
    """Convert the description of a detector's model."""
    return ModelInfo(
        name=message.name,
        version=message.version,
        sha256=message.sha256,
        training_data=message.training_data,
        parameter_count=message.parameter_count,
        runtime=message.runtime,
        max_pixels=message.max_pixels,
        max_message_bytes=message.max_message_bytes,
        defaults=options_from_wire(message.defaults),
        high_threshold=message.high_threshold,
        low_threshold=message.low_threshold,
        isolated_threshold=message.isolated_threshold,
        min_digit_height_px=message.min_digit_height_px,
    )


def _box_to_wire(box: Sequence[float]) -> wire.Box:
    x_min, y_min, x_max, y_max = box
    return wire.Box(x_min_px=x_min, y_min_px=y_min, x_max_px=x_max, y_max_px=y_max)


def _box_from_wire(box: wire.Box) -> tuple[float, float, float, float]:
    return box.x_min_px, box.y_min_px, box.x_max_px, box.y_max_px
