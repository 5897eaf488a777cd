"""How text comes onto a surface: painted, cut from metal, raised, engraved, outlined, worn."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from training.data.scenes import Image
from training.samplers.synthetic.lines import Ink, Line, Region, ink_of
from training.samplers.synthetic.painting import (
    Colour,
    blend,
    blurred,
    jittered,
    lighten,
    lightness,
    noise,
    shifted,
)

_INKS = (
    (18, 18, 20), (18, 18, 20), (40, 34, 32), (245, 245, 242), (245, 245, 242), (176, 138, 72), (200, 170, 110),
    (170, 30, 32), (28, 52, 120), (150, 152, 156), (92, 62, 40), (40, 84, 60), (222, 186, 60), (72, 74, 80),
)  # fmt: skip


@dataclass(frozen=True)
class Lettering:
    """The look of a line; lengths in heights of a digit.

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
    """Return the look of a line in an ink; `flat` is what is printed or enamelled."""
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


def paint_lines(picture: Image, lines: Sequence[Line], look: Lettering, rng: np.random.Generator) -> None:
    """Paints lines of one style onto a picture."""
    height = lines[0].style.height
    ink, region = ink_of(lines, picture.shape[:2], 0.25 * height)
    if not ink.size:
        return
    if look.wear:
        grain = noise(rng, ink.shape, (height / 8 + 1, height / 8 + 1))
        ink = ink * np.clip((grain + 1.9 - 4 * look.wear) * 2, 0, 1)
    paint = look.colour
    if look.gloss:
        slope = np.linspace(look.gloss, -look.gloss, ink.shape[0], dtype=np.float32)
        paint = np.clip(look.colour + slope[:, None, None], 0, 255)
    x, y = look.light[0] * look.depth * height, look.light[1] * look.depth * height
    _KINDS[look.kind](picture, region, ink, paint, (x, y))


def _painted(picture: Image, region: Region, ink: Ink, paint: Colour, _: tuple[float, float]) -> None:
    blend(picture, region, ink, paint)


def _mounted(picture: Image, region: Region, ink: Ink, paint: Colour, away: tuple[float, float]) -> None:
    """Stands off the wall: its shadow lies beside it."""
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
    """Return a rim of the opposite lightness around the ink."""
    size = 2 * max(1, round(float(np.hypot(*away)) / 3)) + 1
    rim = cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    opposite = np.full(
        3, 235 if lightness(np.mean(paint, axis=tuple(range(np.ndim(paint) - 1)))) < 128 else 25
    )
    blend(picture, region, np.asarray(rim, np.float32), opposite.astype(np.float32))
    blend(picture, region, ink, paint)


def _solid(picture: Image, region: Region, ink: Ink, paint: Colour, away: tuple[float, float]) -> None:
    """Thick letters whose sides are seen."""
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
