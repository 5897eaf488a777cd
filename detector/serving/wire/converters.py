"""Wire messages <-> the package's own types; wire messages go no further than this and the two ends of a call."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

import numpy as np

from detector.results.detections import Detections, HouseNumber, ImageDetections
from detector.results.interface import DetectOptions, ModelInfo
from detector.v1 import detector_pb2 as wire

_OPTION_NAMES = {
    "score_threshold": "score_threshold",
    "nms_iou_threshold": "nms_iou_threshold",
    "max_detections": "max_detection_count",
    "min_digit_height_px": "min_digit_height_px",
    "max_digit_height_px": "max_digit_height_px",
    "exhaustive": "exhaustive",
}
"""Fields of DetectOptions here and on the wire."""

_MAX_INT32 = 2**31 - 1


def option_to_wire(name: str) -> str:
    """The path in a DetectRequest of an option of `DetectOptions`."""
    return f"options.{_OPTION_NAMES.get(name, name)}"


def option_from_wire(path: str) -> str:
    """The option of `DetectOptions` at a path in a DetectRequest; the path itself if there is none."""
    names = {option_to_wire(name): name for name in _OPTION_NAMES}
    return names.get(path, path)


def options_to_wire(options: DetectOptions) -> wire.DetectOptions:
    """Options that are None stay unset."""
    values = {_OPTION_NAMES[name]: value for name, value in asdict(options).items() if value is not None}
    if options.max_detections is not None:  # no image has more digits than fit, so this changes no answer
        values["max_detection_count"] = min(options.max_detections, _MAX_INT32)
    return wire.DetectOptions(**values)


def options_from_wire(message: wire.DetectOptions) -> DetectOptions:
    """Options that are unset become None.

    Raises:
        InvalidOptionError: if a value is outside its range.
    """
    values = {
        name: getattr(message, wire_name)
        for name, wire_name in _OPTION_NAMES.items()
        if message.HasField(wire_name)
    }
    return DetectOptions(**values)


def request_to_wire(image: bytes, options: DetectOptions) -> wire.DetectRequest:
    """An encoded image and what to look for in it."""
    return wire.DetectRequest(image=image, options=options_to_wire(options))


def detections_to_wire(found: ImageDetections) -> wire.DetectResponse:
    """All that is known of one image."""
    response = wire.DetectResponse(
        width_px=found.width_px,
        height_px=found.height_px,
        digits=[wire.Digit(digit=d.label, score=d.score, box=_box_to_wire(d.box)) for d in found.digits],
        numbers=[
            wire.HouseNumber(text=n.text, score=n.score, box=_box_to_wire(n.box), digit_indices=n.digits)
            for n in found.numbers
        ],
        model_name=found.model_name,
        model_version=found.model_version,
    )
    for stage, seconds in found.stage_seconds.items():
        response.stage_times.add(stage=stage).duration.FromTimedelta(timedelta(seconds=seconds))
    return response


def detections_from_wire(response: wire.DetectResponse) -> ImageDetections:
    """All that is known of one image."""
    digits = response.digits
    return ImageDetections(
        width_px=response.width_px,
        height_px=response.height_px,
        digits=Detections(
            boxes=np.array([_box_from_wire(digit.box) for digit in digits], np.float32).reshape(-1, 4),
            labels=np.array([digit.digit for digit in digits], np.int32),
            scores=np.array([digit.score for digit in digits], np.float32),
        ),
        numbers=tuple(
            HouseNumber(n.text, n.score, _box_from_wire(n.box), tuple(n.digit_indices))
            for n in response.numbers
        ),
        model_name=response.model_name,
        model_version=response.model_version,
        stage_seconds={
            time.stage: time.duration.ToTimedelta().total_seconds() for time in response.stage_times
        },
    )


def info_to_wire(info: ModelInfo) -> wire.ModelInfo:
    """What a detector says of itself."""
    return wire.ModelInfo(
        name=info.name,
        version=info.version,
        sha256=info.sha256,
        training_data=info.training_data,
        parameter_count=info.parameter_count,
        runtime=info.runtime,
        max_pixel_count=info.max_pixels,
        max_message_bytes=info.max_message_bytes,
        defaults=options_to_wire(info.defaults),
    )


def info_from_wire(message: wire.ModelInfo) -> ModelInfo:
    """What a detector says of itself."""
    return ModelInfo(
        name=message.name,
        version=message.version,
        sha256=message.sha256,
        training_data=message.training_data,
        parameter_count=message.parameter_count,
        runtime=message.runtime,
        max_pixels=message.max_pixel_count,
        max_message_bytes=message.max_message_bytes,
        defaults=options_from_wire(message.defaults),
    )


def _box_to_wire(box: Sequence[float]) -> wire.Box:
    x_min, y_min, x_max, y_max = box
    return wire.Box(x_min_px=x_min, y_min_px=y_min, x_max_px=x_max, y_max_px=y_max)


def _box_from_wire(box: wire.Box) -> tuple[float, float, float, float]:
    return box.x_min_px, box.y_min_px, box.x_max_px, box.y_max_px
