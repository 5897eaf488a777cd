"""The settings of rendered scenes."""

from dataclasses import dataclass


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
