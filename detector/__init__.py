"""House-number digits in street images: found, read, and spelled into numbers.

>>> import detector
>>> reader = detector.load()
>>> reader("house.jpg").text

Importing this package is cheap: each name is imported when it is first used, and a network's library when a network
is loaded. So a client starts at once, and a server can be stopped from its first moment on.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detector.pipeline.detector import DigitDetector
    from detector.reader.image_result import ImageResult
    from detector.reader.reader import Client, Reader, load
    from detector.results.detections import Detection, Detections, HouseNumber, ImageDetections
    from detector.results.errors import DetectorError
    from detector.results.interface import DetectOptions, ImageDetector, ModelInfo

__version__ = "0.3.0"

__all__ = [
    "Client",
    "DetectOptions",
    "Detection",
    "Detections",
    "DetectorError",
    "DigitDetector",
    "HouseNumber",
    "ImageDetections",
    "ImageDetector",
    "ImageResult",
    "ModelInfo",
    "Reader",
    "load",
]

_HOMES = {
    "results.detections": ("Detection", "Detections", "HouseNumber", "ImageDetections"),
    "pipeline.detector": ("DigitDetector",),
    "reader.image_result": ("ImageResult",),
    "reader.reader": ("Client", "Reader", "load"),
    "results.errors": ("DetectorError",),
    "results.interface": ("DetectOptions", "ImageDetector", "ModelInfo"),
}


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
