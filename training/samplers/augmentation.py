"""Random changes of training images: photometric, geometric, and mixup with random erasing.

Photometric changes are those of light, colour and sharpness that street photographs show; geometric ones move boxes
too.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.results.detections import FloatArray
from training.data.scenes import Image

_Pixels = NDArray[np.float32]


def vary_appearance(patch: Image, rng: np.random.Generator) -> Image:
    """Return a copy of an RGB uint8 patch as another camera, hour or wall would show it; never mirrored."""
    pixels = patch.astype(np.float32)
    pixels = _colours(pixels, rng)
    pixels = _light(pixels, rng)
    pixels = _sharpness(pixels, rng)
    if rng.random() < 0.4:
        pixels += rng.normal(0, rng.uniform(1, 10), pixels.shape).astype(np.float32)
    varied = np.clip(pixels, 0, 255).astype(np.uint8)
    return _compressed(varied, int(rng.integers(25, 80))) if rng.random() < 0.1 else varied


def vary_light(patch: Image, rng: np.random.Generator) -> Image:
    """Return a copy of an RGB uint8 patch as another hour or wall would show it to the same camera."""
    pixels = _light(_colours(patch.astype(np.float32), rng), rng)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _compressed(image: Image, quality: int) -> Image:
    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def _colours(pixels: _Pixels, rng: np.random.Generator) -> _Pixels:
    if rng.random() < 0.12:
        pixels = 255 - pixels
    if rng.random() < 0.1:
        pixels = pixels[..., rng.permutation(3)]
    if rng.random() < 0.1:
        pixels = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
    return pixels * np.exp(rng.normal(0, 0.08, 3)).astype(np.float32)


def _light(pixels: _Pixels, rng: np.random.Generator) -> _Pixels:
    mean = pixels.mean()
    pixels = (
        (pixels - mean) * np.float32(np.exp(rng.normal(-0.05, 0.3))) + mean + np.float32(rng.normal(0, 25))
    )
    if rng.random() < 0.15:  # a shadow's edge or a slope of light
        height, width, _ = pixels.shape
        direction = rng.normal(size=2)
        y, x = np.mgrid[0:height, 0:width]
        ramp = (x / width - 0.5) * direction[0] + (y / height - 0.5) * direction[1]
        ramp = np.tanh(ramp * rng.uniform(1, 20))
        pixels = pixels * (1 + rng.uniform(0, 0.4) * ramp[..., None]).astype(np.float32)
    return pixels


def _sharpness(pixels: _Pixels, rng: np.random.Generator) -> _Pixels:
    chance = rng.random()
    if chance < 0.25:
        return np.asarray(cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.4, 1.3)), np.float32)
    if chance < 0.4:  # a far camera: fewer pixels, enlarged again
        height, width, _ = pixels.shape
        factor = rng.uniform(1.3, 2.2)
        small = cv2.resize(pixels, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    if chance < 0.47:  # along the way of a moving camera
        kernel = np.zeros((5, 5), np.float32)
        kernel[2, :] = 0.2
        return np.asarray(cv2.filter2D(pixels, -1, kernel if rng.random() < 0.5 else kernel.T), np.float32)
    return pixels


@dataclass(frozen=True)
class Distortion:
    """Random geometric changes of patches and windows.

    Attributes:
        angle: standard deviation of the rotation, degrees.
        shear: standard deviation of the shear.
        stretch: standard deviation of the log of the horizontal stretch.
    """

    angle: float = 4.0
    shear: float = 0.06
    stretch: float = 0.08


def distortion(variation: Distortion, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a (2, 2) matrix near the identity: a little rotation, shear and stretch."""
    angle = np.radians(rng.normal(0, variation.angle))
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.exp(rng.normal(0, variation.stretch) / 2)
    return np.asarray(
        rotation @ np.array([[stretch, rng.normal(0, variation.shear)], [0, 1 / stretch]]), np.float64
    )


def warp_boxes(
    boxes: FloatArray, matrix: NDArray[np.float64], centre: NDArray[np.floating], goal: NDArray[np.floating]
) -> FloatArray:
    """(N, 4) xyxy boxes as they lie in the patch; a rotated one is that of the ellipse that filled the old one."""
    centres = ((boxes[:, :2] + boxes[:, 2:]) / 2 - centre) @ matrix.T + goal
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    half = np.sqrt(half**2 @ (matrix**2).T)
    return np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)


_PIXELS_PER_RECTANGLE = 1800


@dataclass(frozen=True)
class MixupErasing:
    """Mixup (Zhang et al. 2018) and random erasing (Zhong et al. 2020) of a batch's images, not of their targets.

    Attributes:
        mixup_fraction: fraction of the images that are blended with another of the batch.
        mixup_weight: weight of the other image at most, 0..1.
        erasing_fraction: fraction of the images with erased rectangles, about one for each 42 px square of an image.
        sides: the least and the greatest side of a rectangle, px.
    """

    mixup_fraction: float = 0.0
    mixup_weight: float = 0.3
    erasing_fraction: float = 0.0
    sides: tuple[int, int] = (3, 11)

    def apply(self, images: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the changed (B, H, W, 3) images; the same shape, a new array."""
        if not (self.mixup_fraction or self.erasing_fraction):
            return images
        blended = rng.random(len(images)) < self.mixup_fraction
        weights = (rng.uniform(0, self.mixup_weight, len(images)) * blended).astype(np.float32)
        weights = weights[:, None, None, None]
        others = images[rng.permutation(len(images))]
        changed = np.asarray(images * (1 - weights) + others * weights, np.float32)
        for index in np.flatnonzero(rng.random(len(images)) < self.erasing_fraction):
            self._erase(changed[index], rng)
        return changed

    def _erase(self, image: FloatArray, rng: np.random.Generator) -> None:
        """Fill rectangles with a random colour each."""
        least, greatest = self.sides
        for _ in range(max(1, image.shape[0] * image.shape[1] // _PIXELS_PER_RECTANGLE)):
            sides = rng.integers(least, greatest + 1, 2)
            top, left = rng.integers(0, np.array(image.shape[:2]) - sides + 1)
            image[top : top + sides[0], left : left + sides[1]] = rng.uniform(0, 255, 3)


STRONG_DISTORTION = Distortion(angle=8.0, shear=0.12, stretch=0.13)
STRONG_MIXUP_ERASING = MixupErasing(mixup_fraction=0.3, erasing_fraction=0.2)
"""For long training on thousands of pictures, against overfitting."""
