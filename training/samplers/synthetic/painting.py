"""Brushes: everything that is painted goes through these few functions; a picture is RGB uint8 (H, W, 3)."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.scenes import Image
from training.samplers.synthetic.lines import Ink, Region

Colour = NDArray[np.float32]
"""(3,) RGB, 0..255."""

_NOISE_SIDE = 384


def jittered(colour: tuple[int, int, int], rng: np.random.Generator, spread: float = 10) -> Colour:
    """Return a colour near a given one."""
    varied = np.array(colour) * np.exp(rng.normal(0, spread / 100)) + rng.normal(0, spread / 2, 3)
    return np.asarray(np.clip(varied, 0, 255), np.float32)


def lightness(colour: Colour) -> float:
    """0..255, as the eye weighs red, green and blue."""
    return float(colour @ np.array([0.3, 0.59, 0.11], np.float32))


def noise(rng: np.random.Generator, shape: tuple[int, int], grain: tuple[float, float]) -> Ink:
    """(H, W) smooth noise of mean 0 and deviation about 1, its grain `(high, wide)` px."""
    bank = _noise_bank()
    height, width = (
        int(min(_NOISE_SIDE, max(2, np.ceil(side / g) + 1))) for side, g in zip(shape, grain, strict=True)
    )
    top, left = rng.integers(_NOISE_SIDE - height + 1), rng.integers(_NOISE_SIDE - width + 1)
    piece = bank[top : top + height, left : left + width]
    return np.asarray(cv2.resize(piece, shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def blend(picture: Image, region: Region, ink: Ink, paint: Colour | NDArray[np.float32]) -> None:
    """Covers a region with paint, a colour or an (H, W, 3) picture, as far as there is ink."""
    covered = picture[region].astype(np.float32)
    covered += ink[..., None] * (paint - covered)
    picture[region] = np.clip(covered, 0, 255).astype(np.uint8)


def lighten(picture: Image, region: Region, by: Ink) -> None:
    """Add `by` (H, W), -255..255, to a region."""
    picture[region] = cv2.add(picture[region], cv2.merge([by, by, by]), dtype=cv2.CV_8U)


def faded(picture: Image, by: float) -> Image:
    """Return the picture with its colours weakened by 0 to 1, as haze, dirt and cheap cameras weaken them."""
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.addWeighted(picture, 1 - by, grey, by, 0), np.uint8)


def shifted(ink: Ink, x: float, y: float) -> Ink:
    """Return the ink moved by fractions of pixels; what leaves is lost."""
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float64)
    return np.asarray(cv2.warpAffine(ink, matrix, (ink.shape[1], ink.shape[0])), np.float32)


def blurred(ink: Ink, deviation: float) -> Ink:
    """Softened; as it is where the deviation is below a third of a pixel."""
    return np.asarray(cv2.GaussianBlur(ink, (0, 0), deviation), np.float32) if deviation > 0.33 else ink


def ramp(rng: np.random.Generator, shape: tuple[int, int]) -> Ink:
    """(H, W) a slope of -1..1 across the picture in any direction."""
    angle = rng.uniform(0, 2 * np.pi)
    rows = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None] * np.float32(np.sin(angle))
    columns = np.linspace(-1, 1, shape[1], dtype=np.float32)[None] * np.float32(np.cos(angle))
    return np.asarray((rows + columns) / 1.4, np.float32)


@cache
def _noise_bank() -> Ink:
    white = np.random.default_rng(0).normal(size=(_NOISE_SIDE, _NOISE_SIDE)).astype(np.float32)
    soft = cv2.GaussianBlur(white, (0, 0), 0.6)
    return np.asarray(soft / soft.std(), np.float32)
