"""The fonts of this machine in which digits can be read, and their glyphs as masks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path
from string import ascii_letters, digits

import cv2
import matplotlib
import numpy as np
from matplotlib.font_manager import findSystemFonts
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from training.errors import DataError

Mask = NDArray[np.uint8]
Points = NDArray[np.float64]

_CHARACTERS = digits + ascii_letters + "-/.,'&#+°"
_REFERENCES = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSerif.ttf", "STIXGeneral.ttf")
_SUFFIXES = {".otf", ".ttf", ".woff2"}
_FILES_OF_A_FAMILY = 8
_TRIAL_HEIGHT = 40
"""Of the digits that tell whether a font is legible, px."""
_UNENCODED = chr(0x10FFFD)
"""A private-use character that no font has: it shows how a font draws what it lacks."""


@dataclass(frozen=True, eq=False)
class Glyph:
    """One character's ink; lengths in heights of the font's 0, x to the right of the pen, y down from the baseline.

    Attributes:
        masks: ink 0..255 uint8 (h, w), each half the size of the one before, to be sampled without aliasing.
        pixel: length of a pixel of `masks[0]`.
        origin: (2,) where the top left corner of the masks lies.
        outline: (K, 2) the convex hull of the ink.
        advance: how far the pen moves.
    """

    masks: tuple[Mask, ...]
    pixel: float
    origin: Points
    outline: Points
    advance: float


@cache
def find_fonts(folder: Path | None = None) -> tuple[Path, ...]:
    """Font files that write all ten digits legibly, and letters too.

    Symbol fonts and old-style figures (digits of unequal height) are left out; of a family with very many files
    a few are taken. The order is the same whenever the same fonts are there.

    Args:
        folder: a folder with OTF, TTF or WOFF2 files, as `fetch_fonts` makes one; None for the system's fonts and
            matplotlib's own.

    Raises:
        DataError: if the folder holds no such font.
    """
    found = _files_in(folder) if folder else [*_bundled().glob("*.ttf"), *map(Path, findSystemFonts())]
    paths = {path.name: path for path in sorted(found)}
    families = _families(paths.values())
    readable = ([path for path in family if _is_legible(path)] for family in families)
    fonts = tuple(path for family in readable for path in _spread(family))
    if not fonts:
        raise DataError(
            f"{folder}: no fonts with legible digits; digit-detector-train fonts --out DIR fetches some"
        )
    return fonts


def split_fonts(fonts: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Split fonts to train on from fonts to measure on: every fifth family is kept for measuring.

    A family goes by its files' names, so near copies of a face under another name may be on both sides. Where there
    is only one family, it serves for both.
    """
    families = _families(fonts)
    measured = [path for family in families[::5] for path in family]
    training = [path for family in families for path in family if path not in measured]
    return training or measured, measured


@lru_cache(maxsize=1200)
def font_glyphs(path: Path, height: int) -> dict[str, Glyph]:
    """Return the glyphs of a font, drawn so that its 0 is about `height` px high; characters it lacks are not in it."""
    font = _font(path, height)
    top, bottom = font.getbbox("0", anchor="ls")[1::2]
    missing = _ink(font, _UNENCODED)
    glyphs = {}
    for character in _CHARACTERS:
        ink = _ink(font, character)
        if ink is not None and (missing is None or not np.array_equal(ink[0], missing[0])):
            glyphs[character] = _glyph(*ink, 1 / (bottom - top), font.getlength(character))
    return glyphs


@cache
def stroke_width(path: Path) -> float:
    """Return the greatest width of the 0's stroke, in its heights: 0.02 in hairline fonts, 0.2 in bold ones."""
    ink = _ink(_font(path, _TRIAL_HEIGHT), "0")
    if ink is None:
        return 0.0
    solid = np.asarray(ink[0] > 127, np.uint8)
    widest = 2 * float(cv2.distanceTransform(solid, cv2.DIST_L2, 5).max()) - 1
    return widest / (len(ink[0]) - 4)


def _files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES]


def _bundled() -> Path:
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def _families(paths: Iterable[Path]) -> list[list[Path]]:
    """Group files whose names are the same up to a hyphen, in the order of their names."""
    ordered = sorted(paths, key=lambda path: (_family(path), path.name))
    return [list(group) for _, group in groupby(ordered, key=_family)]


def _family(path: Path) -> str:
    return path.stem.partition("-")[0].lower()


def _spread(family: list[Path]) -> list[Path]:
    chosen = np.linspace(0, len(family) - 1, min(len(family), _FILES_OF_A_FAMILY)).round()
    return [family[int(i)] for i in chosen]


def _font(path: Path, height: int) -> ImageFont.FreeTypeFont:
    """Return the font at the size that makes its 0 `height` px high.

    Raises:
        OSError: if it is no scalable font.
        ValueError: if it draws nothing for 0.
    """
    trial = ImageFont.truetype(path, 100, layout_engine=ImageFont.Layout.BASIC)
    left, top, right, bottom = trial.getbbox("0", anchor="ls")
    if bottom - top < 10 or right - left < 5:
        raise ValueError(f"{path}: no glyph for 0")
    return trial.font_variant(size=min(4 * height, round(100 * height / (bottom - top))))


def _ink(font: ImageFont.FreeTypeFont, character: str) -> tuple[Mask, tuple[int, int]] | None:
    """Return a character's mask with a clear rim of 2 px, and its corner's offset from the pen; None if blank."""
    left, top, right, bottom = (round(edge) for edge in font.getbbox(character, anchor="ls"))
    if right <= left or bottom <= top:
        return None
    image = Image.new("L", (right - left + 4, bottom - top + 4))
    ImageDraw.Draw(image).text((2 - left, 2 - top), character, fill=255, font=font, anchor="ls")
    mask = np.asarray(image, np.uint8)
    return (mask, (left - 2, top - 2)) if (mask > 127).any() else None


def _glyph(mask: Mask, corner: tuple[int, int], pixel: float, advance: float) -> Glyph:
    masks = [mask]
    while min(masks[-1].shape) >= 6 and max(masks[-1].shape) > 12:
        masks.append(_halved(masks[-1]))
    rows, columns = np.nonzero(mask > 127)
    pixels = np.stack([columns, rows], axis=1)
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    squares = (pixels[:, None] + corners).reshape(-1, 2).astype(np.float32)
    outline = cv2.convexHull(squares)[:, 0]
    origin = np.asarray(corner, np.float64)
    return Glyph(tuple(masks), pixel, origin * pixel, (outline + origin) * pixel, advance * pixel)


def _halved(mask: Mask) -> Mask:
    """Half the size exactly: an odd last row or column is padded, so that both masks keep one frame."""
    height, width = mask.shape
    even = np.pad(mask, ((0, height % 2), (0, width % 2)))
    return np.asarray(cv2.resize(even, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def _is_legible(path: Path) -> bool:
    """Return whether the font has letters and its digits look like digits of equal height."""
    try:
        font = _font(path, _TRIAL_HEIGHT)
        missing = _ink(font, _UNENCODED)
        inks = [_ink(font, character) for character in digits + "AQRagt"]
    except (OSError, ValueError):
        return False
    drawn = [ink for ink in inks if ink is not None]
    if len(drawn) < len(inks) or any(missing and np.array_equal(mask, missing[0]) for mask, _ in drawn):
        return False
    edges = np.array([(top, top + len(mask)) for mask, (_, top) in drawn[:10]])
    if np.ptp(edges, axis=0).max() > 0.13 * _TRIAL_HEIGHT:
        return False
    likeness = _references() @ _proofs([mask for mask, _ in drawn[:10]]).T
    return int((likeness.max(axis=1).argmax(axis=0) == np.arange(10)).sum()) >= 8


def _proofs(masks: Sequence[Mask]) -> NDArray[np.float32]:
    """(10, 256) the digits' ink stretched to one size, blurred, of mean 0 and length 1."""
    small = [cv2.resize(mask[2:-2, 2:-2], (16, 16), interpolation=cv2.INTER_AREA) for mask in masks]
    rows = np.stack([cv2.GaussianBlur(mask, (0, 0), 1).ravel() for mask in small]).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    return np.asarray(rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-6), np.float32)


@cache
def _references() -> NDArray[np.float32]:
    """(10, fonts, 256) the proofs of fonts that are always there."""
    fonts = [_font(_bundled() / name, _TRIAL_HEIGHT) for name in _REFERENCES]
    inks = [[_ink(font, digit) for digit in digits] for font in fonts]
    return np.stack([_proofs([ink[0] for ink in row if ink is not None]) for row in inks], axis=1)
