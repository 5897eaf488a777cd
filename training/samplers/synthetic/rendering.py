"""Scenes rendered whole: wall, plate, number, words, things, light, and the view of a camera that stands askew.

A stand-in set of large, clean pictures measures a detector where photographs of plates and signs are not at hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from detector.results.detections import IntArray
from detector.system.progress_bar import progress_bar
from training.data.scenes import Image, LabelledImage
from training.samplers.synthetic.background import (
    paint_bands,
    paint_branches,
    paint_cables,
    paint_things,
    paint_wall,
    shadow,
)
from training.samplers.synthetic.camera import digit_boxes, holds, photographed, random_view, translation
from training.samplers.synthetic.fonts import Points, find_fonts, split_fonts
from training.samplers.synthetic.layout import Layout, SyntheticConfig, lay_out, moved
from training.samplers.synthetic.lines import Line
from training.samplers.synthetic.painting import (
    Colour,
    choose_colour,
    choose_lettering,
    faded,
    paint_lines,
    tonal_colour,
)
from training.samplers.synthetic.plates import paint_plate
from training.samplers.synthetic.words import decorated, house_number, lone_letters, number_list, phrase


@dataclass(frozen=True, eq=False)
class RenderedScene(LabelledImage):
    """A scene that knows which digits spell a number.

    Attributes:
        numbers: (N,) int32; digits with the same value belong to one number, left to right.
    """

    numbers: IntArray


class SyntheticScenes:
    """An endless supply of scenes; the same state of the generator gives the same scene.

    Args:
        photos: photographs without digits to hang numbers on, RGB uint8; may be empty.
        fonts: what to write with; None for those of this machine that are not kept for measuring.
        config: what the scenes are like.
    """

    def __init__(
        self,
        photos: Sequence[Image] = (),
        fonts: Sequence[Path] | None = None,
        config: SyntheticConfig | None = None,
    ) -> None:
        self._photos = photos
        self._fonts = split_fonts(find_fonts())[0] if fonts is None else fonts
        self._config = config or SyntheticConfig()

    def scene(self, rng: np.random.Generator) -> RenderedScene:
        """Return a scene; one without digits has boxes (0, 4) and labels (0,)."""
        return render_scene(rng, self._photos, self._fonts, self._config)


def render_scenes(
    count: int, photos: Sequence[Image], seed: int, fonts: Path | None = None, digit_free: float = 0.5
) -> list[LabelledImage]:
    """Render scenes of which some show words and no digit: a detector takes letters for digits.

    Args:
        count: how many; the first ones are the same however many there are.
        photos: photographs without digits to hang them on, RGB uint8; may be empty.
        seed: of the generator.
        fonts: a folder of fonts; None for those of this machine. Those that are kept for measuring are left out.
        digit_free: fraction of the scenes that show no digit.
    """
    scenes = SyntheticScenes(
        photos, split_fonts(find_fonts(fonts))[0], SyntheticConfig(digit_free=digit_free)
    )
    numbers = progress_bar(range(count), "rendering", unit="scene")
    return [scenes.scene(np.random.default_rng([seed, number])) for number in numbers]


def render_scene(
    rng: np.random.Generator,
    photos: Sequence[Image],
    fonts: Sequence[Path],
    config: SyntheticConfig = SyntheticConfig(),  # noqa: B008 - frozen
) -> RenderedScene:
    """Return a house number, or words instead, as it might hang in a street; a pure function of the generator.

    Args:
        rng: all that is random comes from it.
        photos: photographs without digits, RGB uint8 (H, W, 3); may be empty.
        fonts: font files as `find_fonts` gives them, at least one.
        config: sizes and chances.

    Returns:
        The picture, tight boxes of every digit's ink (xyxy px, a few percent loose) and the digits.
    """
    if rng.random() < config.digit_free:
        text = phrase(rng, 2) if rng.random() < 0.85 else lone_letters(rng)
    elif rng.random() < config.lists:
        text = number_list(rng, config.lengths)
    else:
        text = decorated(house_number(rng, config.lengths), rng)
    return render_text(text, rng, photos, fonts, config)


def render_text(
    text: str,
    rng: np.random.Generator,
    photos: Sequence[Image],
    fonts: Sequence[Path],
    config: SyntheticConfig,
) -> RenderedScene:
    """Return a scene with a given text in it; every digit of it and of the words around is labelled."""
    layout, size = lay_out(text, rng, fonts, config)
    rim = np.ceil(np.array(size) * config.rim)
    plane = np.array(size) + 2 * rim
    layout = moved(layout, rim + _place(layout, size, rng))
    picture = _paint(layout, (int(plane[1]), int(plane[0])), rng, photos, config)
    view = random_view(plane, size, rng, config)
    if not holds(layout.main, view, size):
        view = translation(-rim)
    boxes, labels, numbers = digit_boxes([layout.main, *layout.words], view, size, rng)
    return RenderedScene(photographed(picture, view, size), boxes, labels, numbers)


def _place(layout: Layout, size: tuple[int, int], rng: np.random.Generator) -> Points:
    """Return the position of the main line's middle in the picture; a whole sign is shown if it fits."""
    box = layout.plate_boxes[0] if layout.is_sign else layout.main.box
    low, high = 2 - box[:2], np.array(size) - 2 - box[2:]
    if (low > high).any():
        low, high = 2 - layout.main.box[:2], np.array(size) - 2 - layout.main.box[2:]
    return np.asarray(rng.uniform(np.minimum(low, high), np.maximum(low, high)), np.float64)


def _paint(
    layout: Layout,
    shape: tuple[int, int],
    rng: np.random.Generator,
    photos: Sequence[Image],
    config: SyntheticConfig,
) -> Image:
    unit = layout.main.style.height
    picture = paint_wall(rng, shape, unit, photos)
    angle = rng.normal(np.pi / 4, 0.6)
    light = (float(np.cos(angle)), float(np.sin(angle)))
    keep = [box + unit * np.array([-0.2, -0.1, 0.2, 0.1]) for box in (layout.main.box, *layout.plate_boxes)]
    if rng.random() < 0.35:
        edges = np.stack(keep)
        paint_bands(picture, np.concatenate([edges[:, :2].min(0), edges[:, 2:].max(0)]), unit, rng)
    if rng.random() < config.clutter:
        words = [line.box for line in layout.words]
        paint_things(picture, [*keep, *words], unit, int(rng.integers(1, 6)), rng)
    if layout.plate is not None:
        for box in layout.plate_boxes:
            paint_plate(picture, box, layout.plate, unit, light, rng)
    _write(picture, layout, light, rng, config)
    if rng.random() < config.occluders:
        (paint_cables if rng.random() < 0.5 else paint_branches)(picture, unit, rng)
    if rng.random() < 0.25:
        picture = np.asarray(
            cv2.multiply(picture, cv2.merge([shadow(shape, rng)] * 3), dtype=cv2.CV_8U), np.uint8
        )
    return faded(picture, float(rng.uniform(0, 0.8))) if rng.random() < 0.6 else picture


def _write(
    picture: Image,
    layout: Layout,
    light: tuple[float, float],
    rng: np.random.Generator,
    config: SyntheticConfig,
) -> None:
    """Paint the lines; on a plate in its ink, on a wall in one that can be read there."""
    plate = layout.plate if layout.plate_boxes else None
    if layout.words:
        inside = plate if layout.is_sign else None
        colour = inside.ink if inside else choose_colour(rng, _under(picture, layout.words[0]), 45)
        paint_lines(picture, layout.words, choose_lettering(rng, colour, inside is not None, light), rng)
    if plate is not None and rng.random() < 0.85:
        colour = plate.ink
    elif plate is None and rng.random() < config.tonal:
        colour = tonal_colour(rng, _under(picture, layout.main))
    else:
        colour = choose_colour(rng, _under(picture, layout.main), rng.uniform(35, 90))
    paint_lines(picture, [layout.main], choose_lettering(rng, colour, plate is not None, light), rng)


def _under(picture: Image, line: Line) -> Colour:
    """Return the mean colour where a line will stand."""
    height, width = picture.shape[:2]
    left, top = (int(v) for v in np.clip(line.box[:2], 0, (width - 1, height - 1)))
    right, bottom = (int(v) for v in np.ceil(np.clip(line.box[2:], (left + 1, top + 1), (width, height))))
    return np.asarray(picture[top:bottom:2, left:right:2].mean(axis=(0, 1)), np.float32)


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
    """Return a picture of 300 to 900 px a side, hardly blurred, that shows one number and no other digit.

    Args:
        rng: all that is random comes from it.
        photos: photographs without digits for the background, RGB uint8; may be empty.
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
    """Render plates and signs in turn, each with its number; the same for the same seed and fonts.

    Args:
        seed: of the generator.
        count: how many pictures.
        photos: photographs without digits for the background, RGB uint8.
        fonts: font files; None for those of this machine that training leaves out.
    """
    chosen = split_fonts(find_fonts())[1] if fonts is None else fonts
    rng = np.random.default_rng(seed)
    return [render_plate_or_sign(rng, photos, chosen, (PLATES, SIGNS)[i % 2]) for i in range(count)]
