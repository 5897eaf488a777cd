"""A detector's defaults, and what it does for one call once the caller's options are taken in."""

from dataclasses import dataclass, replace
from math import inf
from typing import Self

from detector.models.operating_point import Thresholds
from detector.pipeline.pyramid import level_scales
from detector.results.interface import MAX_PIXELS, DetectOptions


@dataclass(frozen=True)
class Settings:
    """The settings of one image: every option decided.

    Attributes:
        thresholds: scores that digits need, alone and in a line; None if every digit with `least_score` is wanted.
        least_score: no digit with a lower score is returned.
        nms_iou_threshold: of two digits that overlap more only the better one stays.
        max_detections: the best so many digits are returned.
        sought_heights: digits of heights between these are looked for, px.
        returned_heights: and digits of heights between these are returned, px.
        exhaustive: whether the FCN looks at every window, whatever the gate would say.
        max_level_pixels: so many pixels at most may the largest level of the pyramid have.
    """

    thresholds: Thresholds | None
    least_score: float
    nms_iou_threshold: float
    max_detections: int
    sought_heights: tuple[float, float]
    returned_heights: tuple[float, float]
    exhaustive: bool
    max_level_pixels: float


@dataclass(frozen=True)
class DetectorConfig:
    """The defaults that stand in for options that a caller leaves unset.

    Attributes:
        thresholds: scores that digits need, alone and in a line; None: those of the model's operating point.
        nms_iou_threshold: of two digits that overlap more only the better one stays.
        max_detections: the best so many digits of an image are returned.
        min_digit_height_px: the height from which digits are looked for.
        max_pixels: images with more pixels are refused. For more than `MAX_PIXELS` the environment variable
            `OPENCV_PIXEL_LIMIT` must allow as many before OpenCV is imported.
        exhaustive: whether the FCN looks at every window, whatever the gate would say.
    """

    thresholds: Thresholds | None = None
    nms_iou_threshold: float = 0.3
    max_detections: int = 300
    min_digit_height_px: float = 12.0
    max_pixels: int = MAX_PIXELS
    exhaustive: bool = False

    def with_thresholds(self, thresholds: Thresholds) -> Self:
        """Return the same, with these thresholds if it has none of its own."""
        return self if self.thresholds else replace(self, thresholds=thresholds)

    def settings(self, options: DetectOptions) -> Settings:
        """Return what is done for a call with these options."""
        low = options.min_digit_height_px or self.min_digit_height_px
        high = options.max_digit_height_px or inf
        thresholds, by_score = self.thresholds or Thresholds(), options.score_threshold
        iou = options.nms_iou_threshold
        return Settings(
            thresholds=thresholds if by_score is None else None,
            least_score=thresholds.least if by_score is None else by_score,
            nms_iou_threshold=self.nms_iou_threshold if iou is None else iou,
            max_detections=options.max_detections or self.max_detections,
            sought_heights=(low, max(low, high)),
            returned_heights=(options.min_digit_height_px or 0.0, high),
            exhaustive=self.exhaustive if options.exhaustive is None else options.exhaustive,
            max_level_pixels=self.max_pixels * level_scales(self.min_digit_height_px, 0)[0] ** 2,
        )

    def defaults(self) -> DetectOptions:
        """Return the value that stands in for each option that a caller leaves unset.

        None where no value of the option does what happens without it.
        """
        return DetectOptions(
            nms_iou_threshold=self.nms_iou_threshold,
            max_detections=self.max_detections,
            exhaustive=self.exhaustive,
        )
