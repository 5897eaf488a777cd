"""The detector: image -> pyramid -> network -> boxes -> numbers."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from detector.images.decode import decode_image
from detector.images.image_sources import ImageSource, load_pixels
from detector.models.backend import Network
from detector.models.model_files import EMBEDDED, Manifest
from detector.models.operating_point import OperatingPoint, Thresholds
from detector.models.runtimes import OPENVINO, load_networks
from detector.pipeline.call import Call, CancellationToken
from detector.pipeline.cascade import Cascade, CascadeOutput
from detector.pipeline.fusion import select_digits
from detector.pipeline.numbers import group_numbers
from detector.pipeline.options import DetectorConfig, Settings
from detector.pipeline.score_map import Candidates
from detector.results.detections import ImageDetections, IntArray
from detector.results.errors import DetectorError, ImageTypeError
from detector.results.interface import DetectOptions, ImageProgress, ModelInfo
from detector.system.prefetch import ordered_prefetch

AnySource = TypeVar("AnySource", bound=ImageSource)


class DigitDetector:
    """Finds and reads house-number digits; stateless between calls, so any thread may call it.

    Args:
        fcn: the network that proposes.
        manifest: what is known of the weights.
        config: defaults.
        refiner: the network that refines; without it what the first proposes counts.
        gate: the network that chooses the windows that the first reads; without it that reads all.
        operating_point: of these networks together; the default if nobody chose one for them.
        runtime: what computes the networks, see `detector.models.runtimes`; for `info` alone.
    """

    def __init__(
        self,
        fcn: Network,
        manifest: Manifest,
        config: DetectorConfig | None = None,
        refiner: Network | None = None,
        gate: Network | None = None,
        operating_point: OperatingPoint | None = None,
        runtime: str = "",
    ) -> None:
        point = operating_point or OperatingPoint()
        self._cascade = Cascade(fcn, refiner, gate, point)
        self._manifest = manifest
        self._config = (config or DetectorConfig()).with_thresholds(point.thresholds)
        self._runtime = runtime

    @classmethod
    def load(
        cls,
        model_dir: Path | None = None,
        config: DetectorConfig | None = None,
        runtime: str = OPENVINO,
        threads: int | None = None,
    ) -> DigitDetector:
        """Load and verify the model in `model_dir`, or the embedded one.

        Args:
            model_dir: the model's folder.
            config: defaults.
            runtime: what computes the networks, one of `detector.models.runtimes.RUNTIMES`.
            threads: how many threads compute at a time; None for one per core.

        Raises:
            ModelError: if a file is missing, damaged, or not what the manifest says.
            InvalidOptionError, MissingLibraryError: see `detector.models.runtimes.load_networks`.
        """
        found = load_networks(model_dir or EMBEDDED, runtime, threads)
        point = found.manifest.operating_point
        return cls(found.fcn, found.manifest, config, found.refiner, found.gate, point, found.runtime)

    def detect(
        self,
        image: bytes | NDArray[np.uint8],
        options: DetectOptions | None = None,
        cancellation: CancellationToken | None = None,
        progress: ImageProgress | None = None,
    ) -> ImageDetections:
        """Find the digits of one image and the numbers that they spell.

        Args:
            image: an encoded image, see `decode_image` for the formats, or decoded pixels, (H, W, 3) uint8 RGB.
            options: what the caller asks for instead of the defaults.
            cancellation: ends the work early, between two calls of a network; None to carry it through.
            progress: called with the fraction of the image that is done, 0..1, after each batch of gate and FCN; the
                refiner comes last, after 1.

        Returns:
            Digits, best score first, and numbers; boxes in pixels of the image as it is displayed.

        Raises:
            ImageEmptyError, ImageUndecodableError, ImageTooLargeError, ImageTypeError: if the image is at fault.
            InvalidOptionError: if so small digits cannot be looked for in so large an image.
            CallCancelledError, DeadlineExceededError: if `cancellation` says so.
        """
        settings = self._config.settings(options or DetectOptions())
        call = Call(cancellation, progress)
        with call.stage("decode"):
            pixels = (
                decode_image(image, self._config.max_pixels) if isinstance(image, bytes) else _checked(image)
            )
        height, width = pixels.shape[:2]
        return self._decide(self._cascade.run(pixels, settings, call), width, height, settings, call)

    def candidates(self, pixels: NDArray[np.uint8], options: DetectOptions | None = None) -> Candidates:
        """Everything that may be a digit with what else it may be, before it is decided what is returned.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            options: as for `detect`; a low score threshold lets faint digits through. The gate is not asked.

        Raises:
            InvalidOptionError: if so small digits cannot be looked for in so large an image.
        """
        settings = replace(self._config.settings(options or DetectOptions()), exhaustive=True)
        return self._cascade.combine(self._cascade.run(_checked(pixels), settings, Call()))

    def run_networks(self, pixels: NDArray[np.uint8], options: DetectOptions | None = None) -> CascadeOutput:
        """Run the networks alone: what `decide` needs. Take and raise what `candidates` does."""
        return self._cascade.run(_checked(pixels), self._config.settings(options or DetectOptions()), Call())

    def decide(
        self, output: CascadeOutput, width: int, height: int, options: DetectOptions | None = None
    ) -> ImageDetections:
        """Make digits and numbers of what the networks say: `detect` is `run_networks`, then this.

        Args:
            output: of this detector, or of another one with the same networks, at scores as low as are asked for.
            width: of the image, px.
            height: of the image, px.
            options: as for `detect`.
        """
        settings = self._config.settings(options or DetectOptions())
        proposed = self._cascade.proposed(output, settings.least_score)
        return self._decide(proposed, width, height, settings, Call())

    def detect_many(
        self,
        images: Iterable[AnySource],
        options: DetectOptions | None = None,
        progress: ImageProgress | None = None,
    ) -> Generator[tuple[AnySource, ImageDetections | DetectorError]]:
        """Find the digits of many images; the next ones are read and decoded while the network runs on one.

        Memory is bounded: `images` is read, in a thread, a few images and about 64 MB of pixels ahead. So it may be
        a generator, and one without end.

        Args:
            images: for each the path of its file, its encoded bytes (or what gives them when it is called), or
                decoded pixels, (H, W, 3) uint8 RGB.
            options: what to ask for instead of the defaults.
            progress: called with the fraction of the current image that is done, as for `detect`.

        Yields:
            Each image as it was given, in order, with what `detect` returns for it, or the error that it raises: a bad
            image does not end the others.
        """
        most = self._config.max_pixels
        with closing(
            ordered_prefetch(images, lambda image, reserve: load_pixels(image, most, reserve))
        ) as loaded:
            for image, pixels in loaded:
                found = self._detect_or_error(pixels, options, progress)
                del pixels  # the caller may need the memory
                yield image, found

    def _detect_or_error(
        self,
        pixels: NDArray[np.uint8] | DetectorError,
        options: DetectOptions | None,
        progress: ImageProgress | None,
    ) -> ImageDetections | DetectorError:
        try:
            if isinstance(pixels, DetectorError):
                return pixels
            return self.detect(pixels, options, progress=progress)
        except DetectorError as error:
            return error

    def classify_crops(self, crops: NDArray[np.uint8], refine: bool = True, batch: int = 256) -> IntArray:
        """Return the digit in each of (N, 32, 32, 3) uint8 RGB crops, which it fills: (N,) int32, the best of the ten.

        Args:
            crops: such as the official ones of SVHN.
            refine: whether the refiner's scores count; they weigh less than in images.
            batch: how many go through a network together.
        """
        parts = [
            self._cascade.read_crops(crops[start : start + batch], refine).argmax(axis=1)
            for start in range(0, len(crops), batch)
        ]
        return np.concatenate([np.empty(0, np.int32), *parts], dtype=np.int32)

    @property
    def has_gate(self) -> bool:
        """Return whether a gate chooses the windows that the FCN reads."""
        return self._cascade.gate is not None

    @property
    def manifest(self) -> Manifest:
        """The manifest of the weights."""
        return self._manifest

    def info(self) -> ModelInfo:
        """Return the model, its limits and its defaults."""
        config, manifest = self._config, self._manifest
        thresholds = config.thresholds or Thresholds()
        return ModelInfo(
            name=manifest.name,
            version=manifest.version,
            sha256=manifest.sha256,
            training_data=manifest.training_data,
            parameter_count=self._cascade.parameter_count,
            max_pixels=config.max_pixels,
            runtime=self._runtime,
            defaults=config.defaults(),
            high_threshold=thresholds.high,
            low_threshold=thresholds.low,
            isolated_threshold=thresholds.isolated,
            min_digit_height_px=config.min_digit_height_px,
        )

    def _decide(
        self, output: CascadeOutput, width: int, height: int, settings: Settings, call: Call
    ) -> ImageDetections:
        with call.stage("merge"):
            digits = select_digits(self._cascade.combine(output), settings, width, height)
        with call.stage("numbers"):
            numbers = group_numbers(digits)
        return ImageDetections(
            width, height, digits, numbers, self._manifest.name, self._manifest.version, call.seconds
        )


def _checked(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if not isinstance(pixels, np.ndarray):
        raise ImageTypeError(
            f"{type(pixels).__name__} is no image: give bytes, or (H, W, 3) uint8 RGB as a NumPy array"
        )
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise ImageTypeError(f"pixels must be (H, W, 3) uint8 RGB, got {pixels.dtype} {pixels.shape}")
    return pixels
