"""The images on which models differ, as one page for the browser that needs nothing but itself."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.images.decode import decode_image, read_image_file
from detector.images.draw import annotate, encode_image
from detector.pages.page import Page
from detector.results.detections import Detections, ImageDetections
from detector.system.files import whole_file
from training.comparison.compare import Row, comparison_cells, hits_of_images
from training.data.scenes import Scene
from training.evaluation.figures import Evaluation

PAGE = "index.html"
MOST = 100
"""Images on a page; those with the largest differences come first."""

_SIDE = 640


@dataclass(frozen=True)
class Difference:
    """An image on which models differ.

    Attributes:
        path: the image.
        truth: what is in it; None for a photograph without digits.
        results: what each model finds.
        hits: how many of that hit a true digit at IoU 0.5.
    """

    path: Path
    truth: Scene | None
    results: tuple[ImageDetections, ...]
    hits: tuple[int, ...]

    @property
    def gain(self) -> float:
        """F1 at IoU 0.5 of the last model in this image, less that of the first."""
        return self._f1(-1) - self._f1(0)

    def _f1(self, model: int) -> float:
        counted = len(self.results[model].digits) + (len(self.truth.labels) if self.truth else 0)
        return 2 * self.hits[model] / counted if counted else 1.0


def differences(evaluations: Sequence[Evaluation]) -> list[Difference]:
    """Return the images whose hits, false digits or numbers differ between models, largest difference first."""
    found = [image for image in _images(evaluations) if len(set(_outcomes(image))) > 1]
    return sorted(found, key=lambda image: -abs(image.gain))


def write_comparison_page(
    folder: Path, names: Sequence[str], rows: Sequence[Row], verdict: str, found: Sequence[Difference]
) -> Path:
    """Write index.html to `folder`, which is made if need be; an earlier page is replaced.

    Args:
        folder: where it goes.
        names: of the models.
        rows: their figures.
        verdict: which is better, and why.
        found: the images.

    Returns:
        The page.
    """
    page = Page.of_package(__package__)
    more = f" The {MOST} with the largest differences are shown." if len(found) > MOST else ""
    text = page.render(
        policy=escape(page.policy(images="data:")),
        verdict=escape(verdict),
        deciding="\n".join(_table(names, [row for row in rows if None not in row.intervals])),
        others="\n".join(_table(names, [row for row in rows if None in row.intervals])),
        count=f"They differ on {len(found)} images, in digits that are right or false (IoU 0.5) or in the numbers "
        f"read.{more}",
        images="\0",
    )
    head, tail = text.split("\0")
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / PAGE) as file:
        for part in (head, *(_difference(names, image) for image in found[:MOST]), tail):
            file.write(part.encode(errors="backslashreplace"))
    return folder / PAGE


def _images(evaluations: Sequence[Evaluation]) -> Iterator[Difference]:
    first = evaluations[0]
    if first.scenes:
        scenes = [evaluation.scenes for evaluation in evaluations if evaluation.scenes]
        hits = np.stack([hits_of_images(figures)[0] for figures in scenes], axis=1)
        results = zip(*(figures.observations.results for figures in scenes), strict=True)
        for scene, found, counts in zip(first.scenes.observations.scenes, results, hits, strict=True):
            yield Difference(scene.path, scene, found, tuple(int(count) for count in counts))
    if first.photos:
        photos = [evaluation.photos.results for evaluation in evaluations if evaluation.photos]
        for path, found in zip(first.photos.paths, zip(*photos, strict=True), strict=True):
            yield Difference(path, None, found, (0,) * len(found))


def _outcomes(image: Difference) -> list[tuple[int, int, tuple[str, ...]]]:
    return [
        (hits, len(result.digits), tuple(number.text for number in result.numbers))
        for hits, result in zip(image.hits, image.results, strict=True)
    ]


def _table(names: Sequence[str], rows: Sequence[Row]) -> Iterator[str]:
    header, *cells = comparison_cells(names, rows)
    columns = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    yield f"<thead><tr>{columns}</tr></thead><tbody>"
    for row, (name, *values) in zip(rows, cells, strict=True):
        yield f'<tr><th scope="row">{escape(name)}</th>{"".join(_values(row, values))}</tr>'
    yield "</tbody>"


def _values(row: Row, values: Sequence[str]) -> Iterator[str]:
    """Yield the cells of a figure; a difference that chance does not explain stands out."""
    yield f"<td>{values[0]}</td>"
    for index, interval in enumerate(row.intervals):
        apart = interval is not None and not interval.low <= 0 <= interval.high
        value, difference, ends = values[1 + 3 * index : 4 + 3 * index]
        mark = ' class="apart"' if apart else ""
        yield f"<td>{value}</td><td{mark}>{difference}</td><td>{ends}</td>"


def _difference(names: Sequence[str], image: Difference) -> str:
    pixels = decode_image(read_image_file(image.path))
    figures = []
    if image.truth:
        scores = np.ones(len(image.truth.labels), np.float32)
        boxes = Detections(image.truth.boxes, image.truth.labels, scores)
        height, width = pixels.shape[:2]
        truth = ImageDetections(width, height, boxes, (), "truth", "")
        figures.append(_figure(pixels, truth, "truth", [image.truth.number], ""))
    for name, result, hits in zip(names, image.results, image.hits, strict=True):
        numbers = [number.text for number in result.numbers]
        counts = f"{hits} right, {len(result.digits) - hits} false"
        figures.append(_figure(pixels, result, name, numbers, counts))
    name = escape(str(image.path))
    return f'<section class="difference"><h3>{name}</h3><div class="models">\n{"".join(figures)}</div></section>\n'


def _figure(
    pixels: NDArray[np.uint8], found: ImageDetections, name: str, numbers: Sequence[str], counts: str
) -> str:
    """Return a picture with what one model found in it, or what is in it."""
    source = b64encode(encode_image(_small(annotate(pixels, found)), ".jpg")).decode()
    plates = "".join(f'<span class="plate">{escape(number)}</span>' for number in numbers) or "no number"
    alternative = escape(f"{name}: {', '.join(numbers) or 'no number'}")
    return (
        f'<figure><div class="media"><img alt="{alternative}" src="data:image/jpeg;base64,{source}"></div>'
        f"<figcaption><b>{escape(name)}</b><p>{plates}<span>{counts}</span></p></figcaption></figure>\n"
    )


def _small(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = _SIDE / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
