"""What a caller may ask for."""

import dataclasses

import pytest

from detector.results.errors import InvalidOptionError
from detector.results.interface import DetectOptions

NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="nothing set"),
        pytest.param({"score_threshold": 0.0, "nms_iou_threshold": 0.0}, id="thresholds of 0"),
        pytest.param({"score_threshold": 1.0, "nms_iou_threshold": 1.0}, id="thresholds of 1"),
        pytest.param({"max_detections": 1}, id="one digit"),
        pytest.param({"min_digit_height_px": 1e-9}, id="any height above 0"),
        pytest.param({"min_digit_height_px": 20.0, "max_digit_height_px": 20.0}, id="one height"),
        pytest.param({"max_digit_height_px": 5.0}, id="a maximum without a minimum"),
    ],
)
def test_accepted(options: dict[str, float]) -> None:
    assert dataclasses.asdict(DetectOptions(**options)).items() >= options.items()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        pytest.param({"score_threshold": -0.01}, "score_threshold", id="score below 0"),
        pytest.param({"score_threshold": 1.01}, "score_threshold", id="score above 1"),
        pytest.param({"score_threshold": NAN}, "score_threshold", id="score NaN"),
        pytest.param({"nms_iou_threshold": -1.0}, "nms_iou_threshold", id="IoU below 0"),
        pytest.param({"nms_iou_threshold": INFINITY}, "nms_iou_threshold", id="IoU infinite"),
        pytest.param({"nms_iou_threshold": NAN}, "nms_iou_threshold", id="IoU NaN"),
        pytest.param({"max_detections": 0}, "max_detections", id="no digits wanted"),
        pytest.param({"max_detections": -5}, "max_detections", id="fewer than none"),
        pytest.param({"min_digit_height_px": 0.0}, "min_digit_height_px", id="minimum 0"),
        pytest.param({"min_digit_height_px": -12.0}, "min_digit_height_px", id="minimum below 0"),
        pytest.param({"min_digit_height_px": NAN}, "min_digit_height_px", id="minimum NaN"),
        pytest.param({"min_digit_height_px": INFINITY}, "min_digit_height_px", id="minimum infinite"),
        pytest.param({"max_digit_height_px": 0.0}, "max_digit_height_px", id="maximum 0"),
        pytest.param({"max_digit_height_px": INFINITY}, "max_digit_height_px", id="maximum infinite"),
        pytest.param(
            {"min_digit_height_px": 30.0, "max_digit_height_px": 20.0}, "min_digit_height_px", id="crossed"
        ),
    ],
)
def test_refused_by_name(options: dict[str, float], field: str) -> None:
    with pytest.raises(InvalidOptionError, match=field) as refusal:
        DetectOptions(**options)  # type: ignore[arg-type]
    assert (refusal.value.field, refusal.value.reason) == (field, "INVALID_OPTION")
