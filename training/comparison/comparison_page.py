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
from detector.results.detections import Detections, ImageDetections
from detector.system.files import whole_file
from training.comparison.compare import hits_of_images
from training.data.scenes import Scene
from training.evaluation.figures import Evaluation

PAGE = "index.html"
MOST = 100
"""Images on a page; those with the largest differences come first."""

_SIDE = 640
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.4 system-ui, sans-serif; }
body { margin: 1rem; }
table { border-collapse: collapse; }
pre { overflow-x: auto; }
section { border-top: 1px solid #8888; margin-top: 1rem; }
.models { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 0.5rem; }
figure { margin: 0; max-width: 40rem; }
img { max-width: 100%; }
h2 { font-size: 1rem; overflow-wrap: anywhere; }
"""


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
    folder: Path, names: Sequence[str], table: str, found: Sequence[Difference]
) -> Path:
    """Write index.html to `folder`, which is made if need be; an earlier page is replaced.

    Args:
        folder: where it goes.
        names: of the models.
        table: text to show above the images.
        found: the images.

    Returns:
        The page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / PAGE) as file:
        for part in _parts(names, table, found):
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


def _parts(names: Sequence[str], table: str, found: Sequence[Difference]) -> Iterator[str]:
    more = f" The {MOST} with the largest differences are shown." if len(found) > MOST else ""
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Models compared</title><style>{_STYLE}</style></head><body>\n<h1>Models compared</h1>\n"
        f"<pre>{escape(table)}</pre>\n"
        f"<p>The models differ on {len(found)} images, in digits that are right or false (IoU 0.5) or in the "
        f"numbers read.{more}</p>\n"
    )
    for image in found[:MOST]:
        yield from _section(names, image)
    yield "</body></html>\n"


def _section(names: Sequence[str], image: Difference) -> Iterator[str]:
    pixels = decode_image(read_image_file(image.path))
    height, width = pixels.shape[:2]
    yield f'<section><h2>{escape(str(image.path))}</h2><div class="models">\n'
    if image.truth:
        scores = np.ones(len(image.truth.labels), np.float32)
        boxes = Detections(image.truth.boxes, image.truth.labels, scores)
        truth = ImageDetections(width, height, boxes, (), "truth", "")
        yield _figure(pixels, truth, f"truth: {image.truth.number}")
    for name, result, hits in zip(names, image.results, image.hits, strict=True):
        numbers = ", ".join(number.text for number in result.numbers) or "no number"
        yield _figure(pixels, result, f"{name}: {numbers}; {hits} right, {len(result.digits) - hits} false")
    yield "</div></section>\n"


def _figure(pixels: NDArray[np.uint8], found: ImageDetections, caption: str) -> str:
    drawn = annotate(pixels, found)
    scale = _SIDE / max(drawn.shape[:2])
    if scale < 1:
        drawn = np.asarray(
            cv2.resize(drawn, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
        )
    data = b64encode(encode_image(drawn, ".jpg")).decode()
    text = escape(caption)
    return f'<figure><img alt="{text}" src="data:image/jpeg;base64,{data}"><figcaption>{text}</figcaption></figure>\n'
