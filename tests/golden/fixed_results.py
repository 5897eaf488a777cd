"""Results that no network found, so that new weights change nothing of what is written from them."""

from collections.abc import Generator, Iterable

import numpy as np
from numpy.typing import NDArray

from detector.images.decode import decode_image
from detector.models.model_files import Manifest
from detector.models.operating_point import Calibration, OperatingPoint, Thresholds
from detector.results.detections import Detections, HouseNumber, ImageDetections
from detector.results.errors import DetectorError
from detector.results.interface import AnyEncoded, DetectOptions, ImageProgress, ModelInfo

FOUND = ImageDetections(
    width_px=64,
    height_px=48,
    digits=Detections(
        boxes=np.array([[8.125, 10, 19.3333, 32.5], [21, 10.5, 31.875, 33], [40, 2, 52, 20]], np.float32),
        labels=np.array([7, 5, 0], np.int32),
        scores=np.array([0.98765432, 0.875, 0.61], np.float32),
    ),
    numbers=(
        HouseNumber("75", 0.86420, (8.125, 10.0, 31.875, 33.0), (0, 1)),
        HouseNumber("0", 0.61, (40.0, 2.0, 52.0, 20.0), (2,)),
    ),
    model_name="fixed",
    model_version="1.2.3",
    stage_seconds={"decode": 0.001, "network": 0.25},
)
"""Two digits of one number, and one that stands alone; no value has few bits or few decimals throughout."""

MANIFEST = Manifest(
    name="fixed",
    version="1.2.3",
    sha256="0123456789abcdef" * 4,
    training_data="none",
    operating_point=OperatingPoint(
        0.4, Calibration((0.0, 0.5, 1.0), (0.01, 0.625, 0.99)), Thresholds(0.7, 0.4, 0.8)
    ),
)


class FixedDetector:
    """Finds `FOUND` in every image that can be decoded."""

    def detect(
        self, image: bytes | NDArray[np.uint8], options: DetectOptions | None = None, *_: object
    ) -> ImageDetections:
        if isinstance(image, bytes):
            decode_image(image)
        return FOUND

    def detect_many(
        self,
        images: Iterable[AnyEncoded],
        options: DetectOptions | None = None,
        progress: ImageProgress | None = None,
    ) -> Generator[tuple[AnyEncoded, ImageDetections | DetectorError]]:
        for image in images:
            try:
                yield image, self.detect(image() if callable(image) else image)
            except DetectorError as error:
                yield image, error

    def info(self) -> ModelInfo:
        return ModelInfo(MANIFEST.name, MANIFEST.version, MANIFEST.sha256, MANIFEST.training_data, 0)
