"""Changes of light, colour and sharpness that street photographs show; geometry is the caller's."""

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
_Pixels = NDArray[np.float32]


def vary_appearance(patch: Image, rng: np.random.Generator) -> Image:
    """A copy of an RGB uint8 patch as another camera, hour or wall would show it; never mirrored."""
    pixels = patch.astype(np.float32)
    pixels = _colours(pixels, rng)
    pixels = _light(pixels, rng)
    pixels = _sharpness(pixels, rng)
    if rng.random() < 0.4:
        pixels += rng.normal(0, rng.uniform(1, 10), pixels.shape).astype(np.float32)
    varied = np.clip(pixels, 0, 255).astype(np.uint8)
    return _compressed(varied, int(rng.integers(25, 80))) if rng.random() < 0.1 else varied


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
