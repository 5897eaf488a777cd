"""The interface of every detector of encoded images, in this process or behind a server."""

import math
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from pathlib import Path
from typing import Protocol, TypeVar

from detector.results.detections import ImageDetections
from detector.results.errors import DetectorError, InvalidOptionError

MAX_PIXELS = 100_000_000
"""Images with more pixels than this are refused before they are decoded, unless more are asked for."""

OPENCV_PIXEL_LIMIT = "OPENCV_IO_MAX_IMAGE_PIXELS"
"""The environment variable in which OpenCV finds its own limit when it is imported; `MAX_PIXELS` if it is not set."""

MAX_MESSAGE_BYTES = 32 * 1024 * 1024
"""The largest encoded image plus options that a server takes in one message."""


@dataclass(frozen=True)
class DetectOptions:
    """Options of a call; None means the detector's own default.

    Attributes:
        score_threshold: 0..1; every digit with at least this score is returned, as far as the best 5,000 windows
            of an image show them and the gate lets them through: for the faintest, be `exhaustive`. It replaces all
            default thresholds, those of the line rule too.
        nms_iou_threshold: 0..1; of two digits that overlap more than this only the better one is kept.
        max_detections: 1 or more; the best so many digits are returned.
        min_digit_height_px: above 0; smaller digits are neither looked for nor returned.
        max_digit_height_px: above 0, not below the minimum; larger digits likewise.
        exhaustive: whether to look everywhere, also where the model's gate sees no digit; several times as slow.

    Raises:
        InvalidOptionError: if a value is outside its range.
    """

    score_threshold: float | None = None
    nms_iou_threshold: float | None = None
    max_detections: int | None = None
    min_digit_height_px: float | None = None
    max_digit_height_px: float | None = None
    exhaustive: bool | None = None

    def __post_init__(self) -> None:
        for name in ("score_threshold", "nms_iou_threshold"):
            self._check(name, lambda value: 0 <= value <= 1, "between 0 and 1")
        if not isinstance(self.max_detections, Integral | None):
            raise InvalidOptionError("max_detections", f"must be a whole number, got {self.max_detections!r}")
        self._check("max_detections", lambda value: value >= 1, "at least 1")
        for name in ("min_digit_height_px", "max_digit_height_px"):
            self._check(name, lambda value: value > 0 and math.isfinite(value), "a positive number of pixels")
        low, high = self.min_digit_height_px, self.max_digit_height_px
        if low is not None and high is not None and low > high:
            raise InvalidOptionError("min_digit_height_px", f"{low:g} is above max_digit_height_px, {high:g}")
        if not isinstance(self.exhaustive, bool | None):
            raise InvalidOptionError("exhaustive", f"must be True or False, got {self.exhaustive!r}")

    def _check(self, name: str, is_right: Callable[[float], bool], accepted: str) -> None:
        value = getattr(self, name)
        if value is not None and not (isinstance(value, Real) and is_right(float(value))):
            raise InvalidOptionError(name, f"must be {accepted}, got {value!r}")


def with_min_score(options: DetectOptions, min_score: float) -> DetectOptions:
    """Return the options with another score threshold, which callers of short ways call `min_score`.

    Raises:
        InvalidOptionError: of `min_score`, if it is outside 0..1.
    """
    try:
        return replace(options, score_threshold=min_score)
    except InvalidOptionError as error:  # under the name that the caller gave
        raise InvalidOptionError("min_score", error.detail) from error


@dataclass(frozen=True)
class ModelInfo:
    """The model of a detector, its limits and its defaults.

    Attributes:
        name: the model's name, for example "svhn-fcn".
        version: its version.
        sha256: hex digest of the weights file.
        training_data: what it was trained on, and under which terms.
        parameter_count: trained numbers in the networks.
        max_pixels: images with more pixels are refused.
        max_message_bytes: the largest request that a server takes; the same figure for every detector.
        defaults: the value that stands in for each option that is not set; given as options they change nothing. What
            no option can say is None there, and follows below.
        runtime: what computes the networks, see `detector.models.runtimes`; empty if it is not known.
        high_threshold: without `score_threshold`, a digit of at least this score is returned if it is in a number;
        low_threshold: so is one of at least this score beside such a digit, of its height and in its line;
        isolated_threshold: and one of at least this score on its own.
        min_digit_height_px: without the option, digits from this height on are looked for.
    """

    name: str
    version: str
    sha256: str
    training_data: str
    parameter_count: int
    max_pixels: int = MAX_PIXELS
    max_message_bytes: int = MAX_MESSAGE_BYTES
    defaults: DetectOptions = field(default_factory=DetectOptions)
    runtime: str = ""
    high_threshold: float = 0.0
    low_threshold: float = 0.0
    isolated_threshold: float = 0.0
    min_digit_height_px: float = 0.0


EncodedImage = bytes | Path | Callable[[], bytes]
"""An encoded image, its file, or what gives it when its turn has come: a DetectorError of that is its result."""

AnyEncoded = TypeVar("AnyEncoded", bound=EncodedImage)

ImageProgress = Callable[[float], None]
"""Called, in the thread that detects, with the fraction of an image that is done, 0..1."""


class ImageDetector(Protocol):
    """The in-process detector and the client of a server are both this; callers need not know which."""

    def detect(self, image: bytes, options: DetectOptions | None = None) -> ImageDetections:
        """Find the digits of one encoded image in one of `detector.images.formats.FORMATS`.

        Raises:
            DetectorError: with the reason in `reason`; InvalidRequestError if the image or options are at fault.
        """
        ...

    def detect_many(
        self,
        images: Iterable[AnyEncoded],
        options: DetectOptions | None = None,
        progress: ImageProgress | None = None,
    ) -> Generator[tuple[AnyEncoded, ImageDetections | DetectorError]]:
        """Find the digits of many images; the next ones are read while the network runs on earlier ones.

        Args:
            images: the images.
            options: what to ask for instead of the defaults.
            progress: called with the fraction of the current image that is done, 0..1; a server tells nothing of it.

        Yields:
            Each image as it was given, in order, with its detections, or what was wrong with it.

        Raises:
            DetectorError: if no more images can be detected; nothing is wrong with the image whose turn it is.
        """
        ...

    def info(self) -> ModelInfo:
        """Return the model that answers, its limits and its defaults."""
        ...
