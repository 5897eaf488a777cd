"""The background of numbers: walls, and clutter that is no number.

Clutter is door frames, cables, railings, slots, crosses, arrows, bells and frames.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from training.data.scenes import Image
from training.samplers.synthetic.fonts import Points
from training.samplers.synthetic.lines import Ink
from training.samplers.synthetic.painting import Colour, jittered, lighten, noise, ramp

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


_COLOURS = (
    (24, 24, 26), (40, 36, 34), (236, 236, 232), (210, 204, 190), (110, 106, 102), (150, 40, 36), (40, 60, 110),
    (60, 84, 62), (100, 70, 48), (176, 140, 78),
)  # fmt: skip

_TWIGS = ((62, 50, 42), (96, 82, 70), (38, 34, 30), (84, 96, 60), (120, 108, 96))


def paint_bands(picture: Image, keep: Points, unit: float, rng: np.random.Generator) -> None:
    """Paint wide bands outside the box `keep`: a door frame, another wall, a window, the sky."""
    height, width = picture.shape[:2]
    edges = (keep[0], keep[1], width - keep[2], height - keep[3])
    side = int(rng.integers(4))
    room = edges[side]
    if room < 0.3 * unit:
        return
    depth = round(rng.uniform(0.1, 0.95) * room)
    boxes = (
        (0, 0, depth, height),
        (0, 0, width, depth),
        (width - depth, 0, width, height),
        (0, height - depth, width, height),
    )
    left, top, right, bottom = boxes[side]
    band = picture[top:bottom, left:right]
    if band.size:
        band[:] = _colour(rng).astype(np.uint8)
        if rng.random() < 0.5:
            cv2.rectangle(
                picture, (left, top), (right - 1, bottom - 1), _colour(rng).tolist(), max(1, round(unit / 16))
            )


def paint_things(
    picture: Image, keep: list[Points], unit: float, count: int, rng: np.random.Generator
) -> None:
    """Paint up to `count` things of a digit's size that do not touch the boxes `keep`."""
    height, width = picture.shape[:2]
    for _ in range(count):
        size = unit * np.exp(rng.uniform(np.log(0.5), np.log(1.4)))
        half = np.array([size * rng.uniform(0.3, 1.2), size]) / 2
        middle = rng.uniform(0, 1, 2) * (width, height)
        box = np.concatenate([middle - half, middle + half])
        if not any(_overlap(box, other) for other in keep):
            _THINGS[int(rng.integers(len(_THINGS)))](picture, box, _colour(rng), rng)


def paint_cables(picture: Image, unit: float, rng: np.random.Generator) -> None:
    """Paint one to three thin lines right across, over whatever is there."""
    height, width = picture.shape[:2]
    for _ in range(rng.integers(1, 4)):
        start, end = rng.uniform(-0.2, 1.2, 2) * height
        xs = np.linspace(0, width, 9)
        sag = np.sin(np.linspace(0, np.pi, 9)) * rng.uniform(0, 0.5) * unit
        points = np.stack([xs, np.linspace(start, end, 9) + sag], axis=1)
        if rng.random() < 0.4:
            points = points[:, ::-1]
        cv2.polylines(
            picture, [np.round(points * 16).astype(np.int32)], False, _colour(rng).tolist(),
            max(1, round(unit * rng.uniform(0, 0.06))), cv2.LINE_AA, 4,
        )  # fmt: skip


def paint_branches(picture: Image, unit: float, rng: np.random.Generator) -> None:
    """Crooked twigs of one colour over whatever is there."""
    height, width = picture.shape[:2]
    colour = jittered(_TWIGS[int(rng.integers(len(_TWIGS)))], rng).tolist()
    for _ in range(rng.integers(2, 9)):
        turns = np.cumsum(rng.normal(0, 0.35, 7)) + rng.uniform(0, 2 * np.pi)
        steps = np.stack([np.cos(turns), np.sin(turns)], axis=1) * rng.uniform(0.2, 0.8) * unit
        points = rng.uniform(0, 1, 2) * (width, height) + np.cumsum(steps, axis=0)
        thickness = max(1, round(unit * rng.uniform(0, 0.05)))
        cv2.polylines(
            picture, [np.round(points * 16).astype(np.int32)], False, colour, thickness, cv2.LINE_AA, 4
        )


def shadow(shape: tuple[int, int], rng: np.random.Generator) -> Ink:
    """(H, W) factors of a hard or soft shadow with one straight edge."""
    angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(-0.4, 0.4)
    rows = np.linspace(-0.5, 0.5, shape[0], dtype=np.float32)[:, None] * np.float32(np.sin(angle))
    columns = np.linspace(-0.5, 0.5, shape[1], dtype=np.float32)[None] * np.float32(np.cos(angle))
    lit = np.clip((rows + columns - np.float32(offset)) * np.float32(rng.uniform(3, 60)) + 0.5, 0, 1)
    return np.asarray(1 - np.float32(rng.uniform(0.2, 0.6)) * lit, np.float32)


def _colour(rng: np.random.Generator) -> Colour:
    return jittered(_COLOURS[int(rng.integers(len(_COLOURS)))], rng)


def _overlap(a: Points, b: Points) -> bool:
    return bool((a[:2] < b[2:]).all() and (b[:2] < a[2:]).all())


def _corners(box: Points) -> tuple[tuple[int, int], tuple[int, int]]:
    return (round(box[0]), round(box[1])), (round(box[2]), round(box[3]))


def _stroke(box: Points, rng: np.random.Generator) -> int:
    return max(1, round(float(box[3] - box[1]) * rng.uniform(0.06, 0.2)))


def _bars(picture: Image, box: Points, colour: Colour, rng: np.random.Generator) -> None:
    """Upright strokes as of a railing: the commonest false 1s."""
    gap = (box[3] - box[1]) * rng.uniform(0.25, 0.7)
    width = _stroke(box, rng)
    if rng.random() < 0.6:  # longer than any digit
        box = box + np.array([0, -1, 0, 1]) * gap * rng.uniform(0.5, 6)
    for index in range(rng.integers(1, 6)):
        x = round(box[0] + index * gap)
        cv2.line(picture, (x, round(box[1])), (x, round(box[3])), colour.tolist(), width, cv2.LINE_AA)


def _cross(picture: Image, box: Points, colour: Colour, rng: np.random.Generator) -> None:
    (left, top), (right, bottom) = _corners(box)
    width = _stroke(box, rng)
    if rng.random() < 0.5:
        lines = (((left, top), (right, bottom)), ((left, bottom), (right, top)))
    else:
        x, y = (left + right) // 2, (top + bottom) // 2
        lines = (((x, top), (x, bottom)), ((left, y), (right, y)))
    for start, end in lines:
        cv2.line(picture, start, end, colour.tolist(), width, cv2.LINE_AA)


def _arrow(picture: Image, box: Points, colour: Colour, rng: np.random.Generator) -> None:
    start, end = _corners(box)
    if rng.random() < 0.7:  # level
        start, end = (start[0], end[1]), (end[0], end[1])
    if rng.random() < 0.5:
        start, end = end, start
    cv2.arrowedLine(picture, start, end, colour.tolist(), _stroke(box, rng), cv2.LINE_AA, 0, 0.4)


def _bell(picture: Image, box: Points, colour: Colour, rng: np.random.Generator) -> None:
    """Return a disc in a disc, as bells, locks and lamps are."""
    (left, top), (right, bottom) = _corners(box)
    centre, radius = ((left + right) // 2, (top + bottom) // 2), max(2, (bottom - top) // 2)
    cv2.circle(picture, centre, radius, colour.tolist(), cv2.FILLED, cv2.LINE_AA)
    inner = max(1, round(radius * rng.uniform(0.2, 0.7)))
    cv2.circle(picture, centre, inner, _colour(rng).tolist(), cv2.FILLED, cv2.LINE_AA)


def _frame(picture: Image, box: Points, colour: Colour, rng: np.random.Generator) -> None:
    wider = np.array([0, 0, (box[3] - box[1]) * rng.uniform(0.5, 3), 0])
    cv2.rectangle(picture, *_corners(box + wider), colour.tolist(), _stroke(box, rng))


def _slot(picture: Image, box: Points, colour: Colour, rng: np.random.Generator) -> None:
    """Return a flat dark rectangle with a lid: a letter box, a vent, a hinge."""
    height = box[3] - box[1]
    flat = np.array(
        [box[0], box[1], box[0] + height * rng.uniform(0.8, 3), box[1] + height * rng.uniform(0.2, 0.6)]
    )
    cv2.rectangle(picture, *_corners(flat), colour.tolist(), cv2.FILLED)
    (left, top), (right, _) = _corners(flat)
    cv2.line(picture, (left, top), (right, top), (210, 210, 208), max(1, round(height / 20)), cv2.LINE_AA)


def _post(picture: Image, box: Points, colour: Colour, _: np.random.Generator) -> None:
    """Return a solid upright: a 1 without a foot or a flag."""
    cv2.rectangle(picture, *_corners(box), colour.tolist(), cv2.FILLED)


_THINGS: tuple[Callable[[Image, Points, Colour, np.random.Generator], None], ...] = (
    _bars, _bars, _cross, _arrow, _bell, _frame, _slot, _post,
)  # fmt: skip
