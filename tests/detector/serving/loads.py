"""Detectors that a serving process can load by name; each says as its version which process it is in."""

import os
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.pipeline.call import CancellationToken
from detector.results.detections import ImageDetections
from detector.results.errors import ModelError
from detector.results.interface import DetectOptions, ModelInfo
from tests.detector.serving.harness import SlowDetector

STORY = "DETECTOR_TEST_STORY"
"""Names an environment variable with the path of a file: the name of the model, which `told` loads."""


class Steady(SlowDetector):
    """Takes a moment for each image; its version is the number of its process."""

    def __init__(self, name: str = "steady", moment_s: float = 0.02) -> None:
        super().__init__(opened=True)
        self._name, self._moment_s = name, moment_s

    def detect(
        self, image: NDArray[np.uint8], options: DetectOptions, cancellation: CancellationToken
    ) -> ImageDetections:
        time.sleep(self._moment_s)
        return super().detect(image, options, cancellation)

    def info(self) -> ModelInfo:
        return ModelInfo(self._name, str(os.getpid()), "0" * 64, "none", 0)


ENDLESS = 99
"""Images of this width are never done, see `Stalling`."""


class Stalling(Steady):
    """Works on some images for as long as somebody waits for them."""

    def detect(
        self, image: NDArray[np.uint8], options: DetectOptions, cancellation: CancellationToken
    ) -> ImageDetections:
        while image.shape[1] == ENDLESS:
            self.seen.append(ENDLESS)
            cancellation.raise_if_cancelled()
            time.sleep(0.1)
        return super().detect(image, options, cancellation)


def stalling() -> Stalling:
    return Stalling()


def steady() -> Steady:
    return Steady()


def endless() -> Steady:
    """Its images are never done."""
    return Steady(moment_s=600)


def slowly() -> Steady:
    time.sleep(2)
    return Steady()


def never() -> Steady:
    """Is never loaded."""
    time.sleep(600)
    raise AssertionError


def told() -> Steady:
    """The model whose name is in a file; "broken" is one that cannot be used, "deadly" kills who loads it."""
    name = Path(os.environ[STORY]).read_text(encoding="utf-8")
    if name == "broken":
        raise ModelError("it is broken")
    if name == "deadly":
        os.abort()
    return Steady(name)
