"""Large, clean pictures with a known number, for measuring where photographs of plates and signs are not at hand.

They are written with fonts that training does not see (`split_fonts`), but by the same renderer: they tell whether
a detector reads large digits and leaves words alone, not how it does on real photographs.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from training.appearance import Image
from training.patches import LabelledImage
from training.synthetic.config import SyntheticConfig
from training.synthetic.fonts import find_fonts, split_fonts
from training.synthetic.scenes import render_text
from training.synthetic.words import house_number

PLATES = SyntheticConfig(
    sides=(300, 900), heights=(60.0, 260.0), detail=200, plates=1.0, words=0.0, telephones=0.0, clutter=0.15, angle=2.0,
    perspective=0.03,
)  # fmt: skip
"""A number on a plate or on tiles."""

SIGNS = replace(PLATES, heights=(50.0, 180.0), words=1.0, signs=1.0, tiles=0.0)
"""A number among words on a plate."""


def render_plate_or_sign(
    rng: np.random.Generator, photos: Sequence[Image], fonts: Sequence[Path], config: SyntheticConfig
) -> tuple[LabelledImage, str]:
    """A picture of 300 to 900 px a side, hardly blurred, that shows one number and no other digit.

    Args:
        rng: all that is random comes from it.
        photos: photographs without digits for the surroundings, RGB uint8; may be empty.
        fonts: font files, at least one.
        config: `PLATES` or `SIGNS`.

    Returns:
        The picture with its digits' boxes, and the number.
    """
    number = house_number(rng, config.lengths)
    scene = render_text(number, rng, photos, fonts, config)
    pixels = cv2.GaussianBlur(scene.pixels, (0, 0), rng.uniform(0.4, 1.2))
    grain = rng.normal(0, rng.uniform(0.5, 4), pixels.shape)
    noisy = np.clip(pixels + grain, 0, 255).astype(np.uint8)
    return replace(scene, pixels=noisy), number


def stand_in_set(
    seed: int, count: int, photos: Sequence[Image] = (), fonts: Sequence[Path] | None = None
) -> list[tuple[LabelledImage, str]]:
    """Plates and signs in turn, each with its number; the same for the same seed and fonts.

    Args:
        seed: of the generator.
        count: how many pictures.
        photos: photographs without digits for the surroundings, RGB uint8.
        fonts: font files; None for those of this machine that training leaves out.
    """
    chosen = split_fonts(find_fonts())[1] if fonts is None else fonts
    rng = np.random.default_rng(seed)
    return [render_plate_or_sign(rng, photos, chosen, (PLATES, SIGNS)[i % 2]) for i in range(count)]
