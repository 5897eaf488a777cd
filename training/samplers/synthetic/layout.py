"""The layout of a scene: the number, words around it, plates beneath; and the settings of scenes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training.samplers.synthetic.fonts import Points, stroke_width
from training.samplers.synthetic.lines import Line, LineStyle, set_line
from training.samplers.synthetic.plates import Plate, choose_plate, plate_box
from training.samplers.synthetic.words import lone_letters, phrase, telephone


@dataclass(frozen=True)
class SyntheticConfig:
    """Sizes in px of the picture, parts and chances 0..1.

    Attributes:
        sides: shortest and longest side of a picture.
        heights: least and greatest height of the number's digits, log-uniform.
        lengths: chances of numbers of 1, 2, 3 ... digits.
        digit_free: part of the scenes without any digit.
        detail: height in px at which glyphs are drawn before they are scaled to their size.
        plates: chance of a plate.
        tiles: chance that the plate is one tile for each digit.
        words: chance of words around the number.
        signs: chance that plate and words, if there, make one sign.
        telephones: chance that a line of words is a telephone number; its digits are labelled.
        clutter: chance of things that look a little like digits.
        angle: standard deviation of the rotation, degrees; never above 25.
        perspective: standard deviation of how much one side looks larger than the other.
        oblique: part of the scenes that are seen far from the front: angle and perspective are 2.5 times as large.
        tonal: chance that lettering without a plate has nearly the wall's own colour, so that light alone shows it.
        lists: chance that several numbers stand in one line ("215; 216; 217").
        occluders: chance of branches or cables before the number.
        rim: part of the picture that is painted beyond each edge, for the warp to bring in.
    """

    sides: tuple[int, int] = (90, 220)
    heights: tuple[float, float] = (13.0, 70.0)
    lengths: tuple[float, ...] = (0.10, 0.32, 0.42, 0.14, 0.02)
    digit_free: float = 0.15
    detail: int = 64
    plates: float = 0.5
    tiles: float = 0.12
    words: float = 0.35
    signs: float = 0.5
    telephones: float = 0.05
    clutter: float = 0.4
    angle: float = 4.0
    perspective: float = 0.08
    oblique: float = 0.3
    tonal: float = 0.2
    lists: float = 0.06
    occluders: float = 0.1
    rim: float = 0.12


_THINNEST = 0.05
"""Stroke, in heights of a digit, below which a number could not be read from where it is photographed."""


@dataclass(frozen=True, eq=False)
class Layout:
    """A scene before it is painted; px of the plane.

    Attributes:
        main: the number, or the words that replace it.
        words: lines around it.
        plate: what lies beneath, if anything does.
        plate_boxes: (4,) each: one plate, or one tile for each glyph.
        is_sign: the plate carries the words too.
    """

    main: Line
    words: tuple[Line, ...]
    plate: Plate | None
    plate_boxes: tuple[Points, ...]
    is_sign: bool


def lay_out(
    text: str, rng: np.random.Generator, fonts: Sequence[Path], config: SyntheticConfig
) -> tuple[Layout, tuple[int, int]]:
    """Set the text and its company.

    Returns:
        the layout about the point (0, 0), the middle of the main line, and the (width, height) of the picture.
    """
    main = _main_line(text, rng, fonts, config)
    unit = main.style.height
    plate = choose_plate(rng) if rng.random() < config.plates else None
    has_words = bool(rng.random() < config.words)
    is_sign = plate is not None and has_words and bool(rng.random() < config.signs)
    boxes: tuple[Points, ...] = ()
    if plate is not None and not is_sign:
        tiles = len(main.glyphs) > 1 and rng.random() < config.tiles
        boxes = _tiles(main, unit, rng) if tiles else (plate_box(main.box, plate, unit, rng),)
    words = _words(_union([main.box, *boxes]), main.style, rng, fonts, config) if has_words else ()
    if plate is not None and is_sign:
        boxes = (plate_box(_union([main.box, *(line.box for line in words)]), plate, unit, rng),)
    layout = Layout(main, words, plate, boxes, is_sign)
    return layout, _picture_size(layout, rng, config)


def moved(layout: Layout, by: Points) -> Layout:
    """Return the layout `by` (x, y) px further."""
    words = tuple(line.moved(by) for line in layout.words)
    boxes = tuple(box + np.tile(by, 2) for box in layout.plate_boxes)
    return replace(layout, main=layout.main.moved(by), words=words, plate_boxes=boxes)


def _main_line(text: str, rng: np.random.Generator, fonts: Sequence[Path], config: SyntheticConfig) -> Line:
    """Return the line about (0, 0), made smaller where it would not fit into the largest picture."""
    height = float(np.exp(rng.uniform(*np.log(config.heights))))
    style = _main_style(fonts, height, rng, config)
    line = set_line(text, style, rng)
    excess = float((line.box[2:] - line.box[:2]).max()) / (0.8 * config.sides[1])
    if excess > 1:
        line = set_line(text, replace(style, height=height / excess), rng)
    return line.centred(np.zeros(2))


def _main_style(
    fonts: Sequence[Path], height: float, rng: np.random.Generator, config: SyntheticConfig
) -> LineStyle:
    font = fonts[int(rng.integers(len(fonts)))]
    bolder = rng.uniform(0, 0.05) if rng.random() < 0.4 else 0.0
    chance = rng.random()
    return LineStyle(
        font=font,
        height=height,
        detail=config.detail,
        squeeze=_squeeze(rng),
        slant=float(rng.normal(0, 0.1)) if rng.random() < 0.2 else 0.0,
        tracking=_tracking(rng),
        step=float(rng.uniform(-0.4, 0.5)) if chance < 0.07 else 0.0,
        stacked=bool(0.07 < chance < 0.10),
        turn=float(rng.uniform(0, 0.08)) if rng.random() < 0.15 else 0.0,
        weight=max(bolder, (_THINNEST - stroke_width(font)) / 2),
    )


def _squeeze(rng: np.random.Generator) -> float:
    """Mostly as the type designer meant it; else anything from condensed to extended."""
    if rng.random() < 0.6:
        return float(np.clip(np.exp(rng.normal(-0.1, 0.18)), 0.55, 1.5))
    return float(np.exp(rng.uniform(np.log(0.55), np.log(1.8))))


def _tracking(rng: np.random.Generator) -> float:
    """Mostly that of the font; else letters set far apart, as on walls, or touching."""
    chance = rng.random()
    if chance < 0.25:
        return float(rng.uniform(0.08, 0.6))
    return float(rng.uniform(-0.06, 0) if chance < 0.33 else rng.normal(0.03, 0.04))


def _words(
    around: Points, main: LineStyle, rng: np.random.Generator, fonts: Sequence[Path], config: SyntheticConfig
) -> tuple[Line, ...]:
    """Set one to three lines above, below or beside a box."""
    font = main.font if rng.random() < 0.5 else fonts[int(rng.integers(len(fonts)))]
    style = replace(
        main,
        font=font,
        height=main.height * float(np.exp(rng.uniform(np.log(0.25), np.log(1.1)))),
        step=0.0,
        stacked=False,
        turn=0.0,
        weight=max(0.0, (_THINNEST - stroke_width(font)) / 2),
        tracking=float(max(-0.02, rng.normal(0.02, 0.04))),
    )
    occupied, lines = around, []
    for _ in range(rng.integers(1, 4)):
        line = set_line(_text(rng, config), style, rng)
        excess = float(line.box[2] - line.box[0]) / (1.1 * config.sides[1])
        if excess > 1:
            continue
        line = _beside(line, occupied, rng)
        lines.append(line)
        occupied = _union([occupied, line.box])
    return tuple(lines)


def _text(rng: np.random.Generator, config: SyntheticConfig) -> str:
    chance = rng.random()
    if chance < config.telephones:
        return telephone(rng)
    return lone_letters(rng) if chance > 0.9 else phrase(rng)


def _beside(line: Line, occupied: Points, rng: np.random.Generator) -> Line:
    """Return the line next to a box: mostly above or below it, in the middle or flush with it."""
    gap = line.style.height * rng.uniform(0.3, 1.0)
    half = (line.box[2:] - line.box[:2]) / 2
    middle = (occupied[:2] + occupied[2:]) / 2
    side = rng.choice(4, p=(0.4, 0.4, 0.1, 0.1))
    if side < 2:
        flush = (middle[0], occupied[0] + half[0], occupied[2] - half[0])[
            int(rng.choice(3, p=(0.6, 0.3, 0.1)))
        ]
        y = occupied[1] - gap - half[1] if side == 0 else occupied[3] + gap + half[1]
        return line.centred(np.array([flush, y]))
    x = occupied[0] - gap - half[0] if side == 2 else occupied[2] + gap + half[0]
    return line.centred(np.array([x, middle[1]]))


def _tiles(main: Line, unit: float, rng: np.random.Generator) -> tuple[Points, ...]:
    """Return a tile of one size behind each glyph, cut back where neighbours would overlap."""
    boxes = np.array([(*g.outline().min(axis=0), *g.outline().max(axis=0)) for g in main.glyphs])
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=0) / 2 + rng.uniform(0.06, 0.2, 2) * unit
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    along = 1 if main.style.stacked else 0
    half[along] = min(half[along], 0.49 * float(np.diff(middles[:, along]).min()))
    if half[along] < 0.1 * unit:
        return ()
    return tuple(np.concatenate([middle - half, middle + half]) for middle in middles)


def _picture_size(layout: Layout, rng: np.random.Generator, config: SyntheticConfig) -> tuple[int, int]:
    """Large enough for the main line, and on signs for the words too; else any size that is allowed."""
    needed = _union([layout.main.box, *(layout.plate_boxes if layout.is_sign else ())])
    least = np.maximum((needed[2:] - needed[:2]) * 1.15 + 4, config.sides[0])
    least = np.minimum(least, config.sides[1])
    width, height = (int(rng.uniform(low, config.sides[1])) for low in least)
    return width, height


def _union(boxes: Sequence[Points]) -> Points:
    edges = np.stack(boxes)
    return np.concatenate([edges[:, :2].min(axis=0), edges[:, 2:].max(axis=0)])
