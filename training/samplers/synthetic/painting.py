"""Paint: the brushes that every painter uses, and lettering: painted, mounted, raised, engraved, outlined, solid.

A picture is (H, W, 3) uint8 RGB.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.scenes import Image
from training.samplers.synthetic.lines import Ink, Line, Region, ink_of

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
    """Cover a region with paint, a colour or an (H, W, 3) picture, as far as there is ink."""
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
    """Blur; return the ink as it is where the deviation is below a third of a pixel."""
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


_INKS = (
    (18, 18, 20), (18, 18, 20), (40, 34, 32), (245, 245, 242), (245, 245, 242), (176, 138, 72), (200, 170, 110),
    (170, 30, 32), (28, 52, 120), (150, 152, 156), (92, 62, 40), (40, 84, 60), (222, 186, 60), (72, 74, 80),
)  # fmt: skip


@dataclass(frozen=True)
class Lettering:
    """The appearance of a line; lengths in heights of a digit.

    Attributes:
        kind: one of "painted", "mounted", "raised", "engraved", "outlined", "solid".
        colour: of the ink.
        depth: how far shadows, lights and sides reach.
        light: (x, y) where from, as a unit vector away from the source.
        gloss: how much lighter the upper part is than the lower, 0..255.
        wear: part of the ink that has flaked off.
    """

    kind: str
    colour: Colour
    depth: float
    light: tuple[float, float]
    gloss: float
    wear: float


def choose_colour(rng: np.random.Generator, surface: Colour, contrast: float) -> Colour:
    """Return an ink that differs from the surface in lightness by `contrast` or, failing that, black or white."""
    for _ in range(8):
        colour = jittered(_INKS[int(rng.integers(len(_INKS)))], rng)
        if abs(lightness(colour) - lightness(surface)) > contrast:
            return colour
    return jittered((20, 20, 20) if lightness(surface) > 110 else (240, 240, 240), rng)


def tonal_colour(rng: np.random.Generator, surface: Colour) -> Colour:
    """Return an ink a little lighter or darker than the surface, and greyer: metal, or the wall's own paint."""
    step = rng.uniform(12, 40) * (1 if rng.random() < 0.5 else -1)
    grey = np.float32(lightness(surface))
    colour = (
        surface + (grey - surface) * np.float32(rng.uniform(0, 1)) + np.float32(step) + rng.normal(0, 3, 3)
    )
    return np.asarray(np.clip(colour, 0, 255), np.float32)


def choose_lettering(
    rng: np.random.Generator, colour: Colour, flat: bool, light: tuple[float, float]
) -> Lettering:
    """Return the appearance of a line in an ink; `flat` is what is printed or enamelled."""
    chances = (0.78, 0.04, 0.1, 0.03, 0.05, 0.0) if flat else (0.3, 0.3, 0.11, 0.07, 0.06, 0.16)
    kinds = ("painted", "mounted", "raised", "engraved", "outlined", "solid")
    kind = kinds[int(rng.choice(len(kinds), p=chances))]
    return Lettering(
        kind=kind,
        colour=colour,
        depth=float(np.exp(rng.uniform(np.log(0.03), np.log(0.22)))),
        light=light,
        gloss=float(rng.uniform(-40, 40)) if rng.random() < 0.25 else 0.0,
        wear=float(rng.uniform(0.04, 0.2)) if rng.random() < 0.1 else 0.0,
    )


def paint_lines(
    picture: Image, lines: Sequence[Line], lettering: Lettering, rng: np.random.Generator
) -> None:
    """Paint lines of one style onto a picture."""
    height = lines[0].style.height
    ink, region = ink_of(lines, picture.shape[:2], 0.25 * height)
    if not ink.size:
        return
    if lettering.wear:
        grain = noise(rng, ink.shape, (height / 8 + 1, height / 8 + 1))
        ink = ink * np.clip((grain + 1.9 - 4 * lettering.wear) * 2, 0, 1)
    paint = lettering.colour
    if lettering.gloss:
        slope = np.linspace(lettering.gloss, -lettering.gloss, ink.shape[0], dtype=np.float32)
        paint = np.clip(lettering.colour + slope[:, None, None], 0, 255)
    x, y = lettering.light[0] * lettering.depth * height, lettering.light[1] * lettering.depth * height
    _KINDS[lettering.kind](picture, region, ink, paint, (x, y))


def _painted(picture: Image, region: Region, ink: Ink, paint: Colour, _: tuple[float, float]) -> None:
    blend(picture, region, ink, paint)


def _mounted(picture: Image, region: Region, ink: Ink, paint: Colour, away: tuple[float, float]) -> None:
    """Paint what stands off the wall: its shadow lies beside it."""
    shadow = blurred(shifted(ink, 1.3 * away[0], 1.3 * away[1]), 0.4 * float(np.hypot(*away)))
    blend(picture, region, shadow * np.float32(0.55), np.zeros(3, np.float32))
    blend(picture, region, ink, paint)
    edge = ink - shifted(ink, away[0] / 3, away[1] / 3)
    lighten(picture, region, np.clip(edge, 0, 1) * np.float32(40))


def _raised(picture: Image, region: Region, ink: Ink, paint: Colour, away: tuple[float, float]) -> None:
    blend(picture, region, ink * np.float32(0.8), paint)
    _bevel(picture, region, ink, away, 70)


def _engraved(picture: Image, region: Region, ink: Ink, paint: Colour, away: tuple[float, float]) -> None:
    blend(picture, region, ink * np.float32(0.75), paint)
    _bevel(picture, region, ink, away, -60)


def _bevel(picture: Image, region: Region, ink: Ink, away: tuple[float, float], light: float) -> None:
    x, y = away[0] / 2, away[1] / 2
    edge = blurred(shifted(ink, -x, -y) - shifted(ink, x, y), 0.5)
    lighten(picture, region, edge * np.float32(light))


def _outlined(picture: Image, region: Region, ink: Ink, paint: Colour, away: tuple[float, float]) -> None:
    """Paint a rim of the opposite lightness around the ink."""
    size = 2 * max(1, round(float(np.hypot(*away)) / 3)) + 1
    rim = cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    opposite = np.full(
        3, 235 if lightness(np.mean(paint, axis=tuple(range(np.ndim(paint) - 1)))) < 128 else 25
    )
    blend(picture, region, np.asarray(rim, np.float32), opposite.astype(np.float32))
    blend(picture, region, ink, paint)


def _solid(picture: Image, region: Region, ink: Ink, paint: Colour, away: tuple[float, float]) -> None:
    """Paint thick letters whose sides are visible."""
    sides = ink
    for part in (0.33, 0.66, 1.0):
        sides = np.maximum(sides, shifted(ink, away[0] * part, away[1] * part))
    shadow = shifted(blurred(sides, 1), away[0], away[1])
    blend(picture, region, shadow * np.float32(0.35), np.zeros(3, np.float32))
    blend(picture, region, sides, np.asarray(paint * np.float32(0.5), np.float32))
    blend(picture, region, ink, paint)


_KINDS = {
    "painted": _painted,
    "mounted": _mounted,
    "raised": _raised,
    "engraved": _engraved,
    "outlined": _outlined,
    "solid": _solid,
}
