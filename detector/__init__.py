"""House-number digits in street images: found, read, and spelled into numbers.

>>> from detector import DigitDetector
>>> result = DigitDetector.load().detect(open("street.jpg", "rb").read())
>>> [number.text for number in result.numbers]

Importing this package is cheap: TensorFlow is imported when a network is loaded.
"""

from detector.detections import Detection, Detections, HouseNumber, ImageDetections
from detector.digit_detector import DigitDetector
from detector.errors import DetectorError
from detector.interface import DetectOptions, ImageDetector, ModelInfo

__all__ = [
    "DetectOptions",
    "Detection",
    "Detections",
    "DetectorError",
    "DigitDetector",
    "HouseNumber",
    "ImageDetections",
    "ImageDetector",
    "ModelInfo",
]
