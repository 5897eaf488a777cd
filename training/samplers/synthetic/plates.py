"""Plates and tiles under numbers: enamel, plastic, brass, slate; with borders, screws and a shadow."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.scenes import Image
from training.samplers.synthetic.fonts import Points
from training.samplers.synthetic.lines import Ink
from training.samplers.synthetic.painting import Colour, blend, blurred, jittered, noise, ramp, shifted

_SCHEMES = (
    ((26, 52, 128), (240, 240, 238)), ((26, 52, 128), (240, 240, 238)), ((20, 36, 84), (235, 235, 230)),
    ((44, 80, 150), (240, 240, 240)), ((240, 240, 236), (26, 44, 116)), ((240, 240, 236), (22, 22, 24)),
    ((236, 232, 218), (22, 22, 24)), ((238, 238, 234), (170, 28, 30)), ((24, 24, 26), (240, 240, 238)),
    ((24, 24, 26), (190, 156, 92)), ((226, 190, 60), (24, 24, 24)), ((30, 84, 58), (240, 240, 236)),
    ((150, 30, 32), (240, 240, 238)), ((186, 150, 84), (28, 24, 20)), ((176, 178, 182), (30, 30, 34)),
    ((96, 64, 42), (214, 180, 112)), ((70, 74, 80), (235, 235, 235)), ((214, 206, 186), (40, 60, 120)),
)  # fmt: skip
"""Faces and the inks upon them."""

_ANGLES = np.linspace(0, 2 * np.pi, 80, endpoint=False)


@dataclass(frozen=True, eq=False)
class Plate:
    """A kind of plate; lengths in heights of a digit.

    Attributes:
        face: its colour.
        ink: the colour of what is written and of the border.
        roundness: exponent of the superellipse that it is: 2 an ellipse, 60 a rectangle.
        notch: radius of quarter circles cut from the corners; 0 for none.
        border: width of a line near the edge; 0 for none.
        inset: how far that line is from the edge.
        screws: how many: 0, 2 or 4.
        gloss: strength of a reflection, 0..255.
        relief: strength of the shadow, 0..1.
    """

    face: Colour
    ink: Colour
    roundness: float
    notch: float
    border: float
    inset: float
    screws: int
    gloss: float
    relief: float


def choose_plate(rng: np.random.Generator) -> Plate:
    """Draw any plate, blue and white enamel more often than others."""
    face, ink = _SCHEMES[int(rng.integers(len(_SCHEMES)))]
    rectangular = rng.random() < 0.88
    return Plate(
        face=jittered(face, rng),
        ink=jittered(ink, rng, 6),
        roundness=float(np.exp(rng.uniform(np.log(8), np.log(80))))
        if rectangular
        else float(rng.uniform(2, 3)),
        notch=float(rng.uniform(0.12, 0.25)) if rectangular and rng.random() < 0.15 else 0.0,
        border=float(rng.uniform(0.02, 0.07)) if rng.random() < 0.5 else 0.0,
        inset=float(rng.uniform(0.05, 0.14)),
        screws=int(rng.choice((0, 2, 4), p=(0.6, 0.25, 0.15))),
        gloss=float(rng.uniform(0, 30)),
        relief=float(rng.uniform(0, 0.6)),
    )


def plate_box(box: Points, plate: Plate, unit: float, rng: np.random.Generator) -> Points:
    """(4,) xyxy px of a plate around a box of ink; an ellipse must be larger to hold it."""
    room = rng.uniform((0.2, 0.14), (0.8, 0.5)) * unit + (plate.border > 0) * (plate.inset + 0.04) * unit
    half = (box[2:] - box[:2]) / 2
    if plate.roundness < 4:
        half = half * 1.3
    middle = (box[:2] + box[2:]) / 2 + rng.normal(0, 0.04, 2) * unit
    return np.concatenate([middle - half - room, middle + half + room])


def paint_plate(
    picture: Image,
    box: Points,
    plate: Plate,
    unit: float,
    light: tuple[float, float],
    rng: np.random.Generator,
) -> None:
    """Paint a plate that fills the box; `light` points away from the source."""
    margin = 0.15 * unit + 2
    shape = picture.shape[:2]
    left, top = (max(0, int(v)) for v in box[:2] - margin)
    right, bottom = (min(side, int(v)) for side, v in zip(shape[::-1], box[2:] + margin, strict=True))
    if right - left < 4 or bottom - top < 4:
        return
    region = (slice(top, bottom), slice(left, right))
    local = box - (left, top, left, top)
    ink = _filled((bottom - top, right - left), local, plate, unit)
    if plate.relief:
        reach = 0.08 * unit
        shadow = blurred(shifted(ink, light[0] * reach, light[1] * reach), reach / 2)
        blend(picture, region, shadow * np.float32(plate.relief), np.zeros(3, np.float32))
    shine = ramp(rng, ink.shape) * np.float32(plate.gloss) + noise(rng, ink.shape, (unit / 2, unit / 2)) * 2
    face = np.clip(plate.face + shine[..., None], 0, 255).astype(np.float32)
    blend(picture, region, ink, face)
    if plate.border:
        _paint_border(picture[region], local, plate, unit)
    if plate.screws:
        _paint_screws(picture[region], local, plate, unit)


def _outline(box: Points, roundness: float) -> Points:
    """(80, 2) corners of a superellipse in a box."""
    half, middle = (box[2:] - box[:2]) / 2, (box[:2] + box[2:]) / 2
    circle = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
    reach = (np.abs(circle) ** roundness).sum(axis=1, keepdims=True) ** (-1 / roundness)
    return np.asarray(middle + half * circle * reach, np.float64)


def _fixed(points: Points) -> NDArray[np.int32]:
    """Return points for cv2's drawing with 4 fractional bits."""
    return np.asarray(np.round((points - 0.5) * 16), np.int32)


def _filled(shape: tuple[int, int], box: Points, plate: Plate, unit: float) -> Ink:
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [_fixed(_outline(box, plate.roundness))], 255, cv2.LINE_AA, 4)
    if plate.notch:
        for x in (box[0], box[2]):
            for y in (box[1], box[3]):
                centre = _fixed(np.array([x, y]))
                cv2.circle(
                    mask, centre.tolist(), round(16 * plate.notch * unit), 0, cv2.FILLED, cv2.LINE_AA, 4
                )
    return np.asarray(mask * np.float32(1 / 255), np.float32)


def _paint_border(view: Image, box: Points, plate: Plate, unit: float) -> None:
    inset = max(plate.inset, plate.notch) * unit
    inner = box + np.array([inset, inset, -inset, -inset])
    points = _fixed(_outline(inner, plate.roundness))
    width = max(1, round(plate.border * unit))
    cv2.polylines(view, [points], True, plate.ink.tolist(), width, cv2.LINE_AA, 4)


def _paint_screws(view: Image, box: Points, plate: Plate, unit: float) -> None:
    """Two at the sides or four in the corners."""
    inset = (plate.inset + 0.07) * unit
    xs, ys = (box[0] + inset, box[2] - inset), (box[1] + inset, box[3] - inset)
    middle = (box[1] + box[3]) / 2
    screws = [(x, y) for x in xs for y in (ys if plate.screws == 4 else (middle,))]
    radius = max(1, round(0.05 * unit))
    for x, y in screws:
        cv2.circle(view, (round(x), round(y)), radius, (60, 58, 56), cv2.FILLED, cv2.LINE_AA)
        if radius > 1:
            cv2.circle(
                view, (round(x) - 1, round(y) - 1), radius - 1, (170, 168, 164), cv2.FILLED, cv2.LINE_AA
            )
