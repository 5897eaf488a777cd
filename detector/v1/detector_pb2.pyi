from google.rpc import status_pb2 as _status_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DetectRequest(_message.Message):
    __slots__ = ("image", "options")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    image: bytes
    options: DetectOptions
    def __init__(self, image: _Optional[bytes] = ..., options: _Optional[_Union[DetectOptions, _Mapping]] = ...) -> None: ...

class DetectOptions(_message.Message):
    __slots__ = ("score_threshold", "nms_iou_threshold", "max_detections", "min_digit_height_px", "max_digit_height_px", "exhaustive")
    SCORE_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    NMS_IOU_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    MAX_DETECTIONS_FIELD_NUMBER: _ClassVar[int]
    MIN_DIGIT_HEIGHT_PX_FIELD_NUMBER: _ClassVar[int]
    MAX_DIGIT_HEIGHT_PX_FIELD_NUMBER: _ClassVar[int]
    EXHAUSTIVE_FIELD_NUMBER: _ClassVar[int]
    score_threshold: float
    nms_iou_threshold: float
    max_detections: int
    min_digit_height_px: float
    max_digit_height_px: float
    exhaustive: bool
    def __init__(self, score_threshold: _Optional[float] = ..., nms_iou_threshold: _Optional[float] = ..., max_detections: _Optional[int] = ..., min_digit_height_px: _Optional[float] = ..., max_digit_height_px: _Optional[float] = ..., exhaustive: bool = ...) -> None: ...

class DetectResponse(_message.Message):
    __slots__ = ("width_px", "height_px", "digits", "numbers", "model_name", "model_version", "stage_seconds")
    WIDTH_PX_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_PX_FIELD_NUMBER: _ClassVar[int]
    DIGITS_FIELD_NUMBER: _ClassVar[int]
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    STAGE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    width_px: int
    height_px: int
    digits: _containers.RepeatedCompositeFieldContainer[Digit]
    numbers: _containers.RepeatedCompositeFieldContainer[HouseNumber]
    model_name: str
    model_version: str
    stage_seconds: _containers.RepeatedCompositeFieldContainer[StageSeconds]
    def __init__(self, width_px: _Optional[int] = ..., height_px: _Optional[int] = ..., digits: _Optional[_Iterable[_Union[Digit, _Mapping]]] = ..., numbers: _Optional[_Iterable[_Union[HouseNumber, _Mapping]]] = ..., model_name: _Optional[str] = ..., model_version: _Optional[str] = ..., stage_seconds: _Optional[_Iterable[_Union[StageSeconds, _Mapping]]] = ...) -> None: ...

class Box(_message.Message):
    __slots__ = ("x_min_px", "y_min_px", "x_max_px", "y_max_px")
    X_MIN_PX_FIELD_NUMBER: _ClassVar[int]
    Y_MIN_PX_FIELD_NUMBER: _ClassVar[int]
    X_MAX_PX_FIELD_NUMBER: _ClassVar[int]
    Y_MAX_PX_FIELD_NUMBER: _ClassVar[int]
    x_min_px: float
    y_min_px: float
    x_max_px: float
    y_max_px: float
    def __init__(self, x_min_px: _Optional[float] = ..., y_min_px: _Optional[float] = ..., x_max_px: _Optional[float] = ..., y_max_px: _Optional[float] = ...) -> None: ...

class Digit(_message.Message):
    __slots__ = ("label", "score", "box")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    label: int
    score: float
    box: Box
    def __init__(self, label: _Optional[int] = ..., score: _Optional[float] = ..., box: _Optional[_Union[Box, _Mapping]] = ...) -> None: ...

class HouseNumber(_message.Message):
    __slots__ = ("text", "score", "box", "digits")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    DIGITS_FIELD_NUMBER: _ClassVar[int]
    text: str
    score: float
    box: Box
    digits: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, text: _Optional[str] = ..., score: _Optional[float] = ..., box: _Optional[_Union[Box, _Mapping]] = ..., digits: _Optional[_Iterable[int]] = ...) -> None: ...

class StageSeconds(_message.Message):
    __slots__ = ("stage", "seconds")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    stage: str
    seconds: float
    def __init__(self, stage: _Optional[str] = ..., seconds: _Optional[float] = ...) -> None: ...

class DetectStreamRequest(_message.Message):
    __slots__ = ("correlation_id", "request")
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    correlation_id: str
    request: DetectRequest
    def __init__(self, correlation_id: _Optional[str] = ..., request: _Optional[_Union[DetectRequest, _Mapping]] = ...) -> None: ...

class DetectStreamResponse(_message.Message):
    __slots__ = ("correlation_id", "response", "error")
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    correlation_id: str
    response: DetectResponse
    error: _status_pb2.Status
    def __init__(self, correlation_id: _Optional[str] = ..., response: _Optional[_Union[DetectResponse, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class GetModelInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ModelInfo(_message.Message):
    __slots__ = ("name", "version", "sha256", "training_data", "parameter_count", "max_pixels", "max_message_bytes", "defaults", "runtime", "high_threshold", "low_threshold", "isolated_threshold", "min_digit_height_px")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    TRAINING_DATA_FIELD_NUMBER: _ClassVar[int]
    PARAMETER_COUNT_FIELD_NUMBER: _ClassVar[int]
    MAX_PIXELS_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    DEFAULTS_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    HIGH_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    LOW_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    ISOLATED_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    MIN_DIGIT_HEIGHT_PX_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    sha256: str
    training_data: str
    parameter_count: int
    max_pixels: int
    max_message_bytes: int
    defaults: DetectOptions
    runtime: str
    high_threshold: float
    low_threshold: float
    isolated_threshold: float
    min_digit_height_px: float
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., sha256: _Optional[str] = ..., training_data: _Optional[str] = ..., parameter_count: _Optional[int] = ..., max_pixels: _Optional[int] = ..., max_message_bytes: _Optional[int] = ..., defaults: _Optional[_Union[DetectOptions, _Mapping]] = ..., runtime: _Optional[str] = ..., high_threshold: _Optional[float] = ..., low_threshold: _Optional[float] = ..., isolated_threshold: _Optional[float] = ..., min_digit_height_px: _Optional[float] = ...) -> None: ...
