"""Text laid out on a plane: where each glyph goes, what ink it leaves, and the outline of each digit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.samplers.synthetic.fonts import Glyph, Points, font_glyphs

Ink = NDArray[np.float32]
"""(H, W), 0 where there is none to 1."""

Region = tuple[slice, slice]


@dataclass(frozen=True)
class LineStyle:
    """The setting of a line of text; lengths are in heights of a digit unless they say px.

    Attributes:
        font: the font's file.
        height: of a digit, px.
        detail: height in px at which glyphs are drawn before they are scaled.
        squeeze: horizontal scale; below 1 is condensed.
        slant: shear to the right per unit of height.
        tracking: additional space between glyphs.
        step: how much lower each glyph stands than the one before.
        stacked: glyphs stand under one another.
        turn: standard deviation of each glyph's own rotation, radians.
        weight: strokes grow by this on each side; 0 or more.
    """

    font: Path
    height: float
    detail: int = 64
    squeeze: float = 1.0
    slant: float = 0.0
    tracking: float = 0.0
    step: float = 0.0
    stacked: bool = False
    turn: float = 0.0
    weight: float = 0.0


@dataclass(frozen=True, eq=False)
class PlacedGlyph:
    """A character on the plane.

    Attributes:
        character: what it is.
        glyph: its ink.
        matrix: (2, 3), from the glyph's own lengths to px of the plane.
        run: counts the runs of digits in the line; digits that follow one another without a space share it.
    """

    character: str
    glyph: Glyph
    matrix: Points
    run: int = 0

    def outline(self) -> Points:
        """(K, 2) the hull of the ink, px of the plane."""
        return np.asarray(self.glyph.outline @ self.matrix[:, :2].T + self.matrix[:, 2], np.float64)


@dataclass(frozen=True, eq=False)
class Line:
    """Glyphs that were set together.

    Attributes:
        glyphs: in reading order.
        style: how they were set.
        box: (4,) xyxy of all their ink, px.
    """

    glyphs: tuple[PlacedGlyph, ...]
    style: LineStyle
    box: Points

    def moved(self, by: Points) -> "Line":
        """Return the line `by` (x, y) px further."""
        shift = np.array([[0, 0, by[0]], [0, 0, by[1]]])
        glyphs = tuple(replace(placed, matrix=placed.matrix + shift) for placed in self.glyphs)
        return Line(glyphs, self.style, self.box + np.tile(by, 2))

    def centred(self, at: Points) -> "Line":
        """Return the line with the middle of its box at `at` (x, y) px."""
        return self.moved(np.asarray(at, np.float64) - (self.box[:2] + self.box[2:]) / 2)


def set_line(text: str, style: LineStyle, rng: np.random.Generator) -> Line:
    """Return the text with its first pen position at (0, 0); characters that the font lacks are left out.

    Raises:
        ValueError: if the font has none of the characters.
    """
    glyphs = font_glyphs(style.font, style.detail)
    pen = np.zeros(2)
    placed, run = [], 0
    for character, before in zip(text, " " + text, strict=False):
        run += not before.isdigit()
        if character == " ":
            pen = pen + np.array([0.3 * style.squeeze, 0])
            continue
        glyph = glyphs.get(character)
        if glyph is None:
            continue
        matrix = style.height * _place(glyph, style, pen, rng)
        placed.append(PlacedGlyph(character, glyph, matrix, run))
        if style.stacked:
            pen = pen + np.array([0, 1.15 + style.tracking])
        else:
            pen = pen + np.array([glyph.advance * style.squeeze + style.tracking, style.step])
    if not placed:
        raise ValueError(f"{style.font} has none of the characters of {text!r}")
    points = np.concatenate([glyph.outline() for glyph in placed])
    margin = style.weight * style.height
    return Line(
        tuple(placed), style, np.concatenate([points.min(axis=0) - margin, points.max(axis=0) + margin])
    )


def ink_of(lines: Sequence[Line], shape: tuple[int, int], margin: float) -> tuple[Ink, Region]:
    """Return the ink of lines of one style within the plane of `shape` (height, width) px.

    Args:
        lines: at least one.
        shape: of the plane.
        margin: room around the ink for shadows and the like, px.

    Returns:
        the ink of a region, and that region as slices of rows and columns of the plane; empty if it is outside.
    """
    low = np.min([line.box[:2] for line in lines], axis=0) - margin
    high = np.max([line.box[2:] for line in lines], axis=0) + margin
    left, top = (int(v) for v in np.clip(np.floor(low), 0, (shape[1], shape[0])))
    right, bottom = (int(v) for v in np.clip(np.ceil(high), (left, top), (shape[1], shape[0])))
    canvas = np.zeros((bottom - top, right - left), np.uint8)
    for line in lines:
        for placed in line.glyphs:
            _stamp(canvas, placed, line.style, (left, top))
    return (canvas * np.float32(1 / 255)), (slice(top, bottom), slice(left, right))


def _place(glyph: Glyph, style: LineStyle, pen: Points, rng: np.random.Generator) -> Points:
    """(2, 3) from the glyph's lengths to the plane's, both in heights of a digit."""
    angle = rng.normal(0, style.turn)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shape = turn @ np.array([[style.squeeze, -style.slant], [0, 1]])
    middle = np.array([glyph.advance / 2, -0.5])
    upright = middle * (style.squeeze, 1)
    corner = pen + upright - shape @ middle
    if style.stacked:
        corner = corner - (glyph.advance / 2 * style.squeeze, 0)
    return np.concatenate([shape, corner[:, None]], axis=1)


def _stamp(canvas: NDArray[np.uint8], placed: PlacedGlyph, style: LineStyle, corner: tuple[int, int]) -> None:
    """Add one glyph's ink to a canvas whose top left pixel is `corner` of the plane."""
    glyph, matrix = placed.glyph, placed.matrix
    area = float(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0])
    shrinking = 1.2 / (glyph.pixel * math.sqrt(max(1e-9, area)))
    level = min(max(0, math.floor(math.log2(max(1.0, shrinking)))), len(glyph.masks) - 1)
    mask, pixel = glyph.masks[level], glyph.pixel * 2**level
    grown = round(style.weight / pixel)
    if grown:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grown + 1, 2 * grown + 1))
        mask = np.asarray(cv2.dilate(np.pad(mask, grown), kernel), np.uint8)
    rim = grown * pixel
    x, y = (glyph.origin[0] - rim, glyph.origin[1] - rim)
    (a, b, c), (d, e, f) = matrix.tolist()
    c, f = a * x + b * y + c - corner[0], d * x + e * y + f - corner[1]
    a, b, d, e = a * pixel, b * pixel, d * pixel, e * pixel
    high, wide = mask.shape
    left, right = _span(c, a * wide, b * high, canvas.shape[1])
    top, bottom = _span(f, d * wide, e * high, canvas.shape[0])
    if right <= left or bottom <= top:
        return
    # cv2 maps pixel centres, half a pixel from the edges
    across, down = c - left + (a + b) / 2 - 0.5, f - top + (d + e) / 2 - 0.5
    affine = np.array([[a, b, across], [d, e, down]])
    ink = cv2.warpAffine(mask, affine, (right - left, bottom - top))
    window = canvas[top:bottom, left:right]
    np.maximum(window, ink, out=window)


def _span(start: float, first: float, second: float, limit: int) -> tuple[int, int]:
    """Return the part of 0..limit along one axis that a parallelogram with these two sides covers."""
    low = start + min(0.0, first) + min(0.0, second)
    high = start + max(0.0, first) + max(0.0, second)
    return max(0, math.floor(low)), min(limit, math.ceil(high))
