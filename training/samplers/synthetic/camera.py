"""From the painted plane to the picture: the camera's view, and the boxes of the digits in it."""

from collections.abc import Sequence

import cv2
import numpy as np

from detector.results.detections import FloatArray, IntArray
from training.data.scenes import Image
from training.samplers.synthetic.fonts import Points
from training.samplers.synthetic.layout import SyntheticConfig
from training.samplers.synthetic.lines import Line, PlacedGlyph

_LARGEST_ANGLE = 25.0
_OBLIQUE = 2.5
"""Factor of the angles where a scene is seen from the side, or from below."""
_LARGEST_TILT = 0.36
"""Foreshortens to 0.46, as a wall does at an angle of 63 degrees."""

_LEAST_SEEN = 0.6
"""Part of a digit's box that must lie in the picture for it to be labelled."""


def random_view(
    plane: Points, size: tuple[int, int], rng: np.random.Generator, config: SyntheticConfig
) -> Points:
    """(3, 3) from px of the plane to px of the picture: turned, sheared, seen from one side.

    Args:
        plane: its (width, height), px.
        size: of the picture, (width, height) px.
        rng: all that is random comes from it.
        config: how far the camera may stand askew.
    """
    askew = _OBLIQUE if rng.random() < config.oblique else 1.0
    angle = np.radians(np.clip(rng.normal(0, askew * config.angle), -_LARGEST_ANGLE, _LARGEST_ANGLE))
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    tilt = np.clip(rng.normal(0, 1, 2) * askew * config.perspective, -_LARGEST_TILT, _LARGEST_TILT)
    seen = np.eye(3)
    seen[0, 1] = rng.normal(0, config.perspective / 2)
    seen[1, 0] = rng.normal(0, config.perspective / 2)
    seen[0, 0], seen[1, 1] = 1 - 1.5 * np.abs(tilt)
    seen[2, :2] = 2 * tilt / plane
    return np.asarray(translation(np.array(size) / 2) @ seen @ turn @ translation(-plane / 2), np.float64)


def translation(by: Points) -> Points:
    """(3, 3) that moves points by (x, y)."""
    return np.array([[1, 0, by[0]], [0, 1, by[1]], [0, 0, 1]], np.float64)


def photographed(picture: Image, view: Points, size: tuple[int, int]) -> Image:
    """Return the plane seen through the view, `size` (width, height) px; its edge is continued where it ends."""
    matrix = translation(np.full(2, -0.5)) @ view @ translation(np.full(2, 0.5))  # cv2 maps pixel centres
    return np.asarray(cv2.warpPerspective(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def holds(line: Line, view: Points, size: tuple[int, int]) -> bool:
    """Return whether all of a line's ink is in the picture."""
    points = np.concatenate([_seen(glyph.outline(), view) for glyph in line.glyphs])
    return bool((points > -1).all() and (points < np.array(size) + 1).all())


def digit_boxes(
    lines: Sequence[Line], view: Points, size: tuple[int, int], rng: np.random.Generator
) -> tuple[FloatArray, IntArray, IntArray]:
    """Boxes (N, 4) xyxy px, labels (N,) and numbers (N,) of the digits that the picture shows, as a person draws them.

    Digits with the same value of the third array belong to one number.

    A person leaves a few percent of room, the same above and below all digits of a line, and draws a thin 1 wider
    than its ink. Nobody draws a box around a smear of one pixel.
    """
    boxes, labels, runs = [np.empty((0, 4))], [], []
    for index, line in enumerate(lines):
        digits = [placed for placed in line.glyphs if placed.character.isdigit()]
        if digits:
            boxes.append(_loosened(np.stack([_box(placed, line, view) for placed in digits]), rng))
            labels += [int(placed.character) for placed in digits]
            runs += [(index, placed.run) for placed in digits]
    edges = np.concatenate(boxes)
    inside = np.clip(edges, 0, np.tile(size, 2)).astype(np.float32)
    seen = (_areas(inside) > _LEAST_SEEN * _areas(edges)) & (inside[:, 2:] - inside[:, :2] > 1).all(axis=1)
    order = {run: number for number, run in enumerate(dict.fromkeys(runs))}
    numbers = np.array([order[run] for run in runs], np.int32)
    return inside[seen], np.array(labels, np.int32)[seen], numbers[seen]


def _seen(points: Points, view: Points) -> Points:
    projected = points @ view[:, :2].T + view[:, 2]
    return np.asarray(projected[:, :2] / projected[:, 2:], np.float64)


def _box(placed: PlacedGlyph, line: Line, view: Points) -> Points:
    outline = _seen(placed.outline(), view)
    grown = line.style.weight * line.style.height
    return np.concatenate([outline.min(axis=0) - grown, outline.max(axis=0) + grown])


def _loosened(boxes: Points, rng: np.random.Generator) -> Points:
    heights = boxes[:, 3] - boxes[:, 1]
    above, below = rng.uniform(-0.01, 0.05, 2)
    sides = rng.uniform(-0.01, 0.05, (2, len(boxes)))
    narrow = np.clip(rng.uniform(0.2, 0.32) - (boxes[:, 2] - boxes[:, 0]) / heights, 0, None)
    room = np.stack(
        [
            -sides[0] - narrow / 2,
            np.full(len(boxes), -above),
            sides[1] + narrow / 2,
            np.full(len(boxes), below),
        ],
        axis=1,
    )
    return np.asarray(boxes + room * heights[:, None], np.float64)


def _areas(boxes: Points | FloatArray) -> Points:
    return np.asarray(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), np.float64)
