"""Contact sheets: misses and false alarms of a detector, the worst first; and samples of labels."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from detector.images.decode import decode_image, read_image_file
from detector.results.boxes import clip, intersections
from detector.results.detections import Detections, FloatArray, ImageDetections, IntArray
from training.data.scenes import Scene
from training.evaluation.figures import PhotoFigures, SceneObservations
from training.evaluation.metrics import match
from training.evaluation.sequences import agreement

TRUE, SEEN = "lime", "orangered"
IOU_THRESHOLD = 0.3

_COLUMNS = 8
_MOST_CELLS = 40
_CONTEXT = 3.0
"""The side of what a cell shows, in heights of its digit."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One digit to show with its context.

    Attributes:
        path: the image.
        box: (4,) xyxy of the digit, pixels of the image.
        truth: the true digits of the image, or none.
        seen: the digits detected in it.
        title: what to write above.
        badness: the larger, the worse.
    """

    path: Path
    box: FloatArray
    truth: Scene | None
    seen: Detections
    title: str
    badness: float


def misses(observed: SceneObservations) -> Figure:
    """Return true digits that no detection hits at IoU 0.3, the tallest first: those should have been easy."""
    cells: list[Cell] = []
    for scene, result in zip(observed.scenes, observed.results, strict=True):
        hit = match(result.digits, scene, (IOU_THRESHOLD,))[0]
        for i in np.setdiff1d(np.arange(len(scene.labels)), hit):
            box = scene.boxes[i]
            height = float(box[3] - box[1])
            title = f"{scene.labels[i]}, {height:.0f} px"
            cells.append(Cell(scene.path, box, scene, result.digits, title, height))
    return _worst("true digits that were missed, the tallest first", cells)


def missed_numbers(observed: SceneObservations) -> Figure:
    """Return true numbers that are not reported, the largest first, with the numbers that were read instead."""
    cells: list[Cell] = []
    for scene, numbers, result in zip(observed.scenes, observed.numbers, observed.results, strict=True):
        for index in np.flatnonzero(~agreement(numbers, result.numbers).any(axis=1)).tolist():
            number = numbers[index]
            box = np.array(number.box, np.float32)
            side = float(max(box[2:] - box[:2]))
            around = np.array([*(box[:2] + box[2:] - side) / 2, *(box[:2] + box[2:] + side) / 2], np.float32)
            title = f"{number.digits}: {_read_there(result, box)}"
            cells.append(Cell(scene.path, around, None, result.digits, title, float(box[3] - box[1])))
    return _worst("true numbers that were not read, and what was read instead, the largest first", cells)


def _read_there(result: ImageDetections, box: FloatArray) -> str:
    """Return the numbers that touch a box."""
    boxes = np.array([number.box for number in result.numbers], np.float32).reshape(-1, 4)
    touching = np.flatnonzero(intersections(box[None], boxes)[0])
    return " ".join(result.numbers[i].text for i in touching) or "nothing"


def false_alarms(observed: SceneObservations, photos: PhotoFigures | None) -> Figure:
    """Return detections that hit no true digit at IoU 0.3, in labelled images and in photographs, the surest first."""
    cells: list[Cell] = []
    for scene, result in zip(observed.scenes, observed.results, strict=True):
        hit = match(result.digits, scene, (IOU_THRESHOLD,))[0]
        cells += _alarms(scene.path, scene, result.digits, np.flatnonzero(hit < 0))
    if photos:
        for path, result in zip(photos.paths, photos.results, strict=True):
            cells += _alarms(path, None, result.digits, range(len(result.digits)))
    return _worst("detections that hit no true digit, the surest first", cells)


def labelled(scenes: Sequence[Scene]) -> Figure:
    """Return true digits as they are labelled, up to four of each drawn at random, the digits in order."""
    rng = np.random.default_rng(0)
    digits = [(scene, i) for scene in scenes for i in range(len(scene.labels))]
    rng.shuffle(digits)
    cells: list[Cell] = []
    for digit in range(10):
        alike = [(scene, i) for scene, i in digits if scene.labels[i] == digit]
        for scene, i in alike[: _MOST_CELLS // 10]:
            height = float(scene.boxes[i, 3] - scene.boxes[i, 1])
            title = f"{digit}, {height:.0f} px"
            cells.append(Cell(scene.path, scene.boxes[i], scene, Detections.empty(), title, 0))
    return _sheet(f"{len(cells)} of {len(digits):,} labelled digits", cells)


def _alarms(path: Path, truth: Scene | None, digits: Detections, indices: Iterable[int]) -> list[Cell]:
    return [
        Cell(
            path=path,
            box=digits.boxes[i],
            truth=truth,
            seen=digits,
            title=f"{digits.labels[i]}, {digits.scores[i]:.0%}",
            badness=float(digits.scores[i]),
        )
        for i in indices
    ]


def _worst(title: str, cells: Sequence[Cell]) -> Figure:
    worst = sorted(cells, key=lambda cell: -cell.badness)[:_MOST_CELLS]
    return _sheet(f"{title} ({len(worst)} of {len(cells)}); green: true digits, red: detected", worst)


def _sheet(title: str, cells: Sequence[Cell]) -> Figure:
    rows = max(1, -(-len(cells) // _COLUMNS))
    figure = Figure(figsize=(1.6 * _COLUMNS, 0.5 + 1.9 * rows), layout="constrained")
    figure.suptitle(title)
    grid = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, cell in zip(grid, cells, strict=False):
        _draw(axes, cell)
    return figure


def _draw(axes: Axes, cell: Cell) -> None:
    """Draw the digit in the middle of its context, with every box that reaches into that."""
    centre = (cell.box[:2] + cell.box[2:]) / 2
    half = _CONTEXT / 2 * max(float(cell.box[3] - cell.box[1]), 1.0)
    view = np.concatenate([centre - half, centre + half])[None]
    pixels = decode_image(read_image_file(cell.path))
    left, top, right, bottom = clip(view, pixels.shape[1], pixels.shape[0])[0].round().astype(int).tolist()
    axes.imshow(pixels[top:bottom, left:right], extent=(left, right, bottom, top), interpolation="nearest")
    if cell.truth is not None:
        _outline(axes, cell.truth.boxes, cell.truth.labels, view, TRUE)
    _outline(axes, cell.seen.boxes, cell.seen.labels, view, SEEN)
    axes.set_xlim(view[0, 0], view[0, 2])
    axes.set_ylim(view[0, 3], view[0, 1])
    axes.set_title(cell.title, fontsize=8)


def _outline(axes: Axes, boxes: FloatArray, labels: IntArray, view: FloatArray, colour: str) -> None:
    """Draw boxes with their labels, above the true ones and below the others."""
    edge, side = (1, "bottom") if colour == TRUE else (3, "top")
    for i in np.flatnonzero(intersections(boxes, view)[:, 0]):
        box = boxes[i].tolist()
        size = (box[2] - box[0], box[3] - box[1])
        axes.add_patch(Rectangle((box[0], box[1]), *size, fill=False, edgecolor=colour, lw=1))
        axes.text(box[0], box[edge], str(labels[i]), color=colour, fontsize=8, va=side, clip_on=True)
