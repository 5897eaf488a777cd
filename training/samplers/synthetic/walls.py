"""Walls behind numbers: painted, rough, brick, wooden, metal, and photographs."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from training.data.scenes import Image
from training.samplers.synthetic.lines import Ink
from training.samplers.synthetic.painting import jittered, lighten, noise, ramp

_PAINTS = (
    (226, 222, 210), (242, 242, 238), (205, 196, 176), (168, 164, 156), (120, 118, 114), (84, 84, 88),
    (222, 200, 148), (214, 176, 92), (196, 128, 96), (158, 84, 66), (112, 60, 52), (142, 160, 174),
    (84, 104, 134), (118, 140, 112), (72, 92, 74), (186, 176, 160), (52, 46, 44), (150, 132, 112),
)  # fmt: skip
_BRICKS = ((150, 82, 62), (128, 70, 56), (176, 112, 84), (120, 92, 80), (198, 178, 150), (96, 64, 58))
_MORTARS = ((190, 182, 170), (150, 144, 136), (110, 104, 98), (216, 210, 200))
_WOODS = ((120, 78, 46), (92, 58, 38), (158, 110, 66), (70, 48, 38), (190, 160, 120), (96, 92, 86))


def paint_wall(
    rng: np.random.Generator, shape: tuple[int, int], unit: float, photos: Sequence[Image]
) -> Image:
    """Return a wall of `shape` (height, width) px on which a digit is `unit` px high; photographs are used if given."""
    if photos and rng.random() < 0.3:
        return _photograph(rng, shape, photos)
    walls: tuple[Callable[[np.random.Generator, tuple[int, int], float], Image], ...]
    walls = (_painted, _painted, _rough, _bricks, _planks, _brushed)
    return walls[int(rng.integers(len(walls)))](rng, shape, unit)


def _plain(
    rng: np.random.Generator, shape: tuple[int, int], colours: Sequence[tuple[int, int, int]]
) -> Image:
    colour = jittered(colours[int(rng.integers(len(colours)))], rng)
    return np.broadcast_to(colour.astype(np.uint8), (*shape, 3)).copy()


def _textured(picture: Image, by: Ink) -> Image:
    lighten(picture, (slice(None), slice(None)), by)
    return picture


def _painted(rng: np.random.Generator, shape: tuple[int, int], unit: float) -> Image:
    stains = noise(rng, shape, (unit, unit)) * np.float32(rng.uniform(0, 5))
    grain = noise(rng, shape, (1.5, 1.5)) * np.float32(rng.uniform(0, 4))
    light = ramp(rng, shape) * np.float32(rng.uniform(0, 25))
    return _textured(_plain(rng, shape, _PAINTS), stains + grain + light)


def _rough(rng: np.random.Generator, shape: tuple[int, int], unit: float) -> Image:
    """Stucco, stone or concrete: bumps lit from above."""
    size = unit * rng.uniform(0.04, 0.16) + 0.8
    bumps = noise(rng, shape, (size, size))
    lit = bumps - np.roll(bumps, max(1, round(size / 2)), axis=0)
    stains = noise(rng, shape, (unit, unit)) * np.float32(rng.uniform(0, 8))
    return _textured(_plain(rng, shape, _PAINTS), lit * np.float32(rng.uniform(4, 16)) + stains)


def _bricks(rng: np.random.Generator, shape: tuple[int, int], unit: float) -> Image:
    picture = _plain(rng, shape, _MORTARS)
    high = unit * np.exp(rng.uniform(np.log(0.15), np.log(1.1)))
    wide = high * rng.uniform(2.2, 3.4)
    gap = max(1.0, high * rng.uniform(0.08, 0.16))
    colour = _BRICKS[int(rng.integers(len(_BRICKS)))]
    offset = rng.uniform(-1, 0, 2) * (wide, high)
    mixture = np.stack([jittered(colour, rng, 12) for _ in range(12)]).tolist()
    for row, top in enumerate(np.arange(offset[1], shape[0], high)):
        for left in np.arange(offset[0] - wide / 2 * (row % 2), shape[1], wide):
            corner = (round(left), round(top))
            end = (round(left + wide - gap) - 1, round(top + high - gap) - 1)
            cv2.rectangle(picture, corner, end, mixture[int(rng.integers(12))], cv2.FILLED)
    return _textured(picture, noise(rng, shape, (1.5, 1.5)) * np.float32(rng.uniform(2, 10)))


def _planks(rng: np.random.Generator, shape: tuple[int, int], unit: float) -> Image:
    """Wood: streaks along the planks, dark joints between them."""
    upright = bool(rng.random() < 0.4)
    across, along = (shape[1], shape[0]) if upright else shape
    grain = noise(rng, (across, along), (1.2, unit)) * np.float32(rng.uniform(2, 9))
    streaks = noise(rng, (across, along), (unit / 5 + 1, unit * 4)) * np.float32(rng.uniform(2, 9))
    by = grain + streaks
    plank = unit * rng.uniform(0.6, 4)
    for joint in np.arange(rng.uniform(0, plank), across, plank):
        by[int(joint) : int(joint) + max(1, int(unit / 20))] -= rng.uniform(20, 60)
    colours = _WOODS if rng.random() < 0.75 else _PAINTS
    return _textured(_plain(rng, shape, colours), by.T if upright else by)


def _brushed(rng: np.random.Generator, shape: tuple[int, int], unit: float) -> Image:
    """Metal, glass or lacquer: a soft reflection, fine strokes."""
    strokes = noise(rng, shape, (1, unit)) * np.float32(rng.uniform(0, 4))
    reflection = np.sin(ramp(rng, shape) * np.float32(rng.uniform(1, 5)) + np.float32(rng.uniform(0, 6)))
    return _textured(_plain(rng, shape, _PAINTS), strokes + reflection * np.float32(rng.uniform(3, 25)))


def _photograph(rng: np.random.Generator, shape: tuple[int, int], photos: Sequence[Image]) -> Image:
    """Return a piece of a photograph at any scale, often paler than it was, as what lies behind a number is."""
    photo = photos[int(rng.integers(len(photos)))]
    limit = min(photo.shape[0] / shape[0], photo.shape[1] / shape[1])
    zoom = limit * rng.uniform(0.25, 1)
    high, wide = max(2, int(shape[0] * zoom)), max(2, int(shape[1] * zoom))
    top = int(rng.integers(max(1, photo.shape[0] - high + 1)))
    left = int(rng.integers(max(1, photo.shape[1] - wide + 1)))
    piece = photo[top : top + high, left : left + wide]
    way = cv2.INTER_AREA if zoom > 1 else cv2.INTER_LINEAR
    piece = np.asarray(cv2.resize(piece, shape[::-1], interpolation=way), np.uint8)
    if rng.random() < 0.6:
        kept = rng.uniform(0.25, 0.9)
        mean = piece.mean(axis=(0, 1)) * (1 - kept)
        piece = np.asarray(cv2.convertScaleAbs(piece, alpha=kept), np.uint8) + mean.astype(np.uint8)
    return piece
