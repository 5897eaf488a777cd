"""The detector: image -> pyramid -> network -> boxes -> numbers."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.images.decode import decode_image
from detector.images.image_sources import ImageSource, load_pixels
from detector.models.backend import Network, load_networks
from detector.models.geometry import RECEPTIVE_FIELD
from detector.models.model_files import EMBEDDED, Manifest
from detector.pipeline import refiner
from detector.pipeline.fusion import VIEW_SCORE, best_candidates, class_agnostic_nms, fuse_candidates
from detector.pipeline.hysteresis import Thresholds, hysteresis_mask
from detector.pipeline.numbers import group_numbers
from detector.pipeline.pyramid import levels, tiles
from detector.pipeline.score_map import Candidates, concatenate, decode_score_map, softmax
from detector.results import boxes as box_arithmetic
from detector.results.detections import Detections, FloatArray, ImageDetections, IntArray
from detector.results.errors import DetectorError, InvalidOptionError
from detector.results.interface import MAX_PIXELS, DetectOptions, ModelInfo
from detector.system.prefetch import ordered_prefetch

_MAX_LEVEL_PIXELS = 100_000_000
"""The largest level of the pyramid: what an image at the pixel limit needs for digits of 12 px."""

BOX_HEIGHT = 1.04
"""Factor of boxes' heights: the networks draw them a few percent less high than those they learn from."""

_LOOKS = 64
"""Windows that the second network is given at a time: bounds the memory however many there are."""


@dataclass(frozen=True)
class DetectorConfig:
    """The defaults that stand in for options that a caller leaves unset.

    Attributes:
        thresholds: scores that digits need, alone and in a line.
        nms_iou_threshold: of two digits that overlap more only the better one stays.
        max_detections: the best so many digits of an image are returned.
        min_digit_height_px: the height from which digits are looked for.
        max_pixels: images with more pixels are refused.
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    nms_iou_threshold: float = 0.3
    max_detections: int = 300
    min_digit_height_px: float = 12.0
    max_pixels: int = MAX_PIXELS


class DigitDetector:
    """Finds and reads house-number digits; stateless between calls, so any thread may call it.

    Args:
        fcn: the network that proposes.
        manifest: what is known of the weights.
        config: defaults.
        refiner: the network that looks again; without it what the first proposes counts.
    """

    def __init__(
        self,
        fcn: Network,
        manifest: Manifest,
        config: DetectorConfig | None = None,
        refiner: Network | None = None,
    ) -> None:
        self._fcn = fcn
        self._refiner = refiner
        self._manifest = manifest
        self._config = config or DetectorConfig()

    @classmethod
    def load(cls, model_dir: Path | None = None, config: DetectorConfig | None = None) -> DigitDetector:
        """Load and verify the model in `model_dir`, or the embedded one.

        Raises:
            ModelError: if a file is missing, damaged, or not what the manifest says.
        """
        fcn, again, manifest = load_networks(model_dir or EMBEDDED)
        return cls(fcn, manifest, config, again)

    def detect(
        self, image: bytes | NDArray[np.uint8], options: DetectOptions | None = None
    ) -> ImageDetections:
        """Find the digits of one image and the numbers that they spell.

        Args:
            image: an encoded image (JPEG, PNG, WebP, BMP, TIFF, GIF), or decoded pixels, (H, W, 3) uint8 RGB.
            options: what the caller asks for instead of the defaults.

        Returns:
            Digits, best score first, and numbers; boxes in pixels of the image as it is displayed.

        Raises:
            ImageEmptyError, ImageUndecodableError, ImageTooLargeError: if the image is at fault.
            InvalidOptionError: if so small digits cannot be looked for in so large an image.
        """
        options = options or DetectOptions()
        clock = _StageClock()
        with clock("decode"):
            pixels = (
                decode_image(image, self._config.max_pixels) if isinstance(image, bytes) else _checked(image)
            )
        height, width = pixels.shape[:2]
        candidates = self._seen(pixels, options, clock)
        with clock("merge"):
            digits = self._choose(candidates, options, width, height)
        with clock("numbers"):
            numbers = group_numbers(digits)
        return ImageDetections(
            width, height, digits, numbers, self._manifest.name, self._manifest.version, clock.seconds
        )

    def candidates(self, pixels: NDArray[np.uint8], options: DetectOptions | None = None) -> Candidates:
        """Everything that may be a digit with what else it may be, before it is decided what is returned.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            options: as for `detect`; a low score threshold lets faint digits through.

        Raises:
            InvalidOptionError: if so small digits cannot be looked for in so large an image.
        """
        return self._seen(_checked(pixels), options or DetectOptions(), _StageClock())

    def detect_many(
        self, images: Iterable[ImageSource], options: DetectOptions | None = None
    ) -> Generator[ImageDetections | DetectorError]:
        """Find the digits of many images; the next ones are read and decoded while the network looks at one.

        Memory is bounded: `images` is read, in a thread, a few images and about 64 MB of pixels ahead. So it may be
        a generator, and one without end.

        Args:
            images: for each the path of its file, its encoded bytes (or what gives them when it is called), or
                decoded pixels, (H, W, 3) uint8 RGB.
            options: what to ask for instead of the defaults.

        Yields:
            For each image, in order, what `detect` returns, or the error that it raises: a bad image does not end
            the others.
        """
        most = self._config.max_pixels
        with closing(
            ordered_prefetch(images, lambda image, reserve: load_pixels(image, most, reserve))
        ) as loaded:
            for _, pixels in loaded:
                found = self._detect_or_error(pixels, options)
                del pixels  # the caller may need the memory
                yield found

    def _detect_or_error(
        self, pixels: NDArray[np.uint8] | DetectorError, options: DetectOptions | None
    ) -> ImageDetections | DetectorError:
        try:
            return pixels if isinstance(pixels, DetectorError) else self.detect(pixels, options)
        except DetectorError as error:
            return error

    def classify_crops(self, crops: NDArray[np.uint8], refine: bool = True, batch: int = 256) -> IntArray:
        """Return the digit in each of (N, 32, 32, 3) uint8 RGB crops, which it fills: (N,) int32, the best of the ten.

        Args:
            crops: such as the official ones of SVHN.
            refine: whether the second network has a say, as it has in images.
            batch: how many are looked at together.
        """
        parts = [
            self._read_crops(crops[start : start + batch], refine) for start in range(0, len(crops), batch)
        ]
        return np.asarray(np.concatenate(parts).argmax(axis=1), np.int32)

    def _read_crops(self, crops: NDArray[np.uint8], refine: bool) -> FloatArray:
        """(N, 10) scores of the ten digits, weighted as those of an image's digits are."""
        first = softmax(self._fcn(crops)[:, 0, 0, 1:11])
        if not (refine and self._refiner):
            return first
        whole = np.array([[0, 0, RECEPTIVE_FIELD, RECEPTIVE_FIELD]], np.float32)
        windows = np.concatenate([refiner.windows(crop, whole) for crop in crops])
        again = softmax(self._refiner(windows)[:, 0, 0, 1:11])
        return refiner.mean_scores(first, again)

    @property
    def manifest(self) -> Manifest:
        """The manifest of the weights."""
        return self._manifest

    def info(self) -> ModelInfo:
        """Return the model, its limits and its defaults."""
        config, manifest = self._config, self._manifest
        return ModelInfo(
            name=manifest.name,
            version=manifest.version,
            sha256=manifest.sha256,
            training_data=manifest.training_data,
            parameter_count=self._parameter_count(),
            max_pixels=config.max_pixels,
            defaults=DetectOptions(
                score_threshold=config.thresholds.seed,
                nms_iou_threshold=config.nms_iou_threshold,
                max_detections=config.max_detections,
                min_digit_height_px=config.min_digit_height_px,
            ),
        )

    def _parameter_count(self) -> int:
        again = self._refiner.parameter_count if self._refiner else 0
        return self._fcn.parameter_count + again

    def _seen(self, pixels: NDArray[np.uint8], options: DetectOptions, clock: _StageClock) -> Candidates:
        """Return the candidates of both networks, one for each group of windows."""
        candidates = self._windows(pixels, options, clock)
        with clock("merge"):
            least = self._least_proposal(options)
            candidates = fuse_candidates(candidates, self._nms_iou(options), least)
        if self._refiner:
            with clock("refiner"):
                candidates = self._look_again(pixels, candidates)
        return candidates

    def _windows(self, pixels: NDArray[np.uint8], options: DetectOptions, clock: _StageClock) -> Candidates:
        """Return the windows in which the network sees a digit, at every level of the pyramid, in the image's frame."""
        least = VIEW_SCORE * self._least_proposal(options)
        low = options.min_digit_height_px or self._config.min_digit_height_px
        high = options.max_digit_height_px or float("inf")
        _refuse_huge_pyramid(pixels.shape[1], pixels.shape[0], low)
        best = best_candidates([])
        pyramid = levels(pixels, low, max(high, low))
        while True:
            with clock("pyramid"):
                level = next(pyramid, None)
            if level is None:
                return best
            for tile in tiles(level):
                with clock("network"):
                    score_map = self._fcn(tile.pixels[None])[0]
                with clock("score_map"):
                    found = decode_score_map(score_map, level.scale, tile.origin, least)
                    best = best_candidates([best, found])
            del level  # before the next one is made

    def _least_proposal(self, options: DetectOptions) -> float:
        """Return the score of the first network from which a digit can be among those returned."""
        least = self._least_score(options)
        return refiner.first_score(least) if self._refiner else least

    def _least_score(self, options: DetectOptions) -> float:
        return self._config.thresholds.least if options.score_threshold is None else options.score_threshold

    def _nms_iou(self, options: DetectOptions) -> float:
        asked = options.nms_iou_threshold
        return self._config.nms_iou_threshold if asked is None else asked

    def _look_again(self, pixels: NDArray[np.uint8], first: Candidates) -> Candidates:
        """Return the candidates as both networks together see them."""
        assert self._refiner is not None
        height, width = pixels.shape[:2]
        parts = []
        for start in range(0, len(first.boxes), _LOOKS):
            boxes = first.boxes[start : start + _LOOKS]
            outputs = self._refiner(refiner.windows(pixels, boxes))[:, 0, 0]
            parts.append(refiner.decode(outputs, boxes, width, height))
        return refiner.combine(first, concatenate(parts))

    def _choose(self, candidates: Candidates, options: DetectOptions, width: int, height: int) -> Detections:
        """One detection per digit, and of those the ones to return, best first."""
        candidates = candidates.select(candidates.scores >= self._least_score(options))
        digits = class_agnostic_nms(candidates, self._nms_iou(options))
        digits = replace(digits, boxes=box_arithmetic.scale_heights(digits.boxes, BOX_HEIGHT))
        digits = digits.select(_within_heights(digits, options))
        if options.score_threshold is None:
            digits = digits.select(hysteresis_mask(digits, self._config.thresholds))
        digits = digits.select(
            np.arange(len(digits))[: options.max_detections or self._config.max_detections]
        )
        return replace(digits, boxes=box_arithmetic.clip(digits.boxes, width, height))


class _StageClock:
    """Seconds spent per stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start


def _checked(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise ValueError(f"pixels must be (H, W, 3) uint8 RGB, got {pixels.dtype} {pixels.shape}")
    return pixels


def _refuse_huge_pyramid(width: int, height: int, min_digit_height: float) -> None:
    scale = 16 / min_digit_height
    if width * scale * height * scale > _MAX_LEVEL_PIXELS:
        raise InvalidOptionError(
            "min_digit_height_px",
            f"digits of {min_digit_height:g} px cannot be looked for in an image of {width} x {height} px; "
            f"{16 * (width * height / _MAX_LEVEL_PIXELS) ** 0.5:.1f} px is the least",
        )


def _within_heights(digits: Detections, options: DetectOptions) -> NDArray[np.bool]:
    heights = (digits.boxes[:, 3] - digits.boxes[:, 1]).astype(np.float64)
    low, high = options.min_digit_height_px or 0.0, options.max_digit_height_px or np.inf
    return np.asarray((heights >= low) & (heights <= high))
