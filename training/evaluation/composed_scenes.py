"""Images composed for one question each: does the size of an image matter, are large plates and signs read?

Numbers are pasted into photographs of about a megapixel; plates and signs are rendered with fonts that training does
not use.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.images.decode import decode_image, read_image_file
from detector.results.detections import ImageDetections
from detector.system.progress_bar import progress_bar
from training.data.scenes import Scene
from training.evaluation.figures import MeasurableDetector, PastedFigures, RenderedFigures, SceneObservations
from training.evaluation.metrics import PrecisionRecall, judge, precision_recall
from training.samplers.synthetic import stand_in_set

IOU_THRESHOLD = 0.3

_IMAGES = 100

_PHOTO_PIXELS = 1_000_000

_SEED = 0

_Image = NDArray[np.uint8]


def measure_pasted(
    detector: MeasurableDetector, observed: SceneObservations, photos: Sequence[Path], progress: bool
) -> PastedFigures | None:
    """Paste up to 100 images, unscaled, at random positions of photographs enlarged to about a megapixel.

    Images, photographs and positions are drawn at random, the same ones every time.

    Args:
        detector: what to measure, at default settings.
        observed: the images as they are, and what was found in them.
        photos: digit-free photographs.
        progress: whether to show a progress bar.

    Returns:
        None if no image is smaller than the photographs.
    """
    alone: list[tuple[Scene, ImageDetections]] = []
    pasted: list[tuple[Scene, ImageDetections]] = []
    pictures = _draw(observed, photos)
    with progress_bar(pictures, "pasted into photographs", total=_IMAGES, disable=not progress) as bar:
        for index, scene, picture in bar:
            alone.append((observed.scenes[index], observed.results[index]))
            pasted.append((scene, detector.detect(picture)))
    if not pasted:
        return None
    return PastedFigures(len(pasted), _figures(alone), _figures(pasted))


def _draw(observed: SceneObservations, photos: Sequence[Path]) -> Iterator[tuple[int, Scene, bytes]]:
    """Yield indices of scenes, their truth in the frame of the picture they are pasted into, and that picture."""
    rng = np.random.default_rng(_SEED)
    drawn = 0
    for index in rng.permutation(len(observed.scenes)).tolist():
        photo = _enlarged(decode_image(read_image_file(photos[int(rng.integers(len(photos)))])))
        scene = observed.scenes[index]
        patch = decode_image(read_image_file(scene.path))
        room = np.array(photo.shape[:2]) - patch.shape[:2]
        if (room < 0).any():
            continue
        y, x = (int(offset) for offset in rng.integers(0, room + 1))
        photo[y : y + patch.shape[0], x : x + patch.shape[1]] = patch
        content = cv2.imencode(".bmp", cv2.cvtColor(photo, cv2.COLOR_RGB2BGR))[1].tobytes()
        yield index, replace(scene, boxes=scene.boxes + np.array([x, y, x, y], np.float32)), content
        drawn += 1
        if drawn == _IMAGES:
            return


def _enlarged(photo: _Image) -> _Image:
    height, width = photo.shape[:2]
    factor = max(1.0, (_PHOTO_PIXELS / (width * height)) ** 0.5)
    size = (round(width * factor), round(height * factor))
    return np.array(cv2.resize(photo, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def _figures(pairs: Sequence[tuple[Scene, ImageDetections]]) -> PrecisionRecall:
    scenes, results = zip(*pairs, strict=True)
    return precision_recall(judge(scenes, [result.digits for result in results], (IOU_THRESHOLD,)))[0]


_RENDERED_SEED = 0


def measure_rendered(
    detector: MeasurableDetector, count: int, photos: Sequence[Path], progress: bool
) -> RenderedFigures:
    """Search the number of each of `count` rendered pictures, plates and signs in turn.

    The pictures are the same ones whenever the same fonts are installed.

    Args:
        detector: what to measure, at default settings.
        count: how many pictures.
        photos: digit-free photographs to hang them on; may be empty.
        progress: whether to show a progress bar.
    """
    walls = [decode_image(read_image_file(path)) for path in photos]
    pictures = stand_in_set(_RENDERED_SEED, count, walls)
    found, spurious = [], 0
    for scene, number in progress_bar(pictures, "rendered plates and signs", disable=not progress):
        encoded = cv2.imencode(".png", scene.pixels[..., ::-1])[1].tobytes()
        texts = [seen.text for seen in detector.detect(encoded).numbers]
        found.append(number in texts)
        spurious += len(texts) - found[-1]
    return RenderedFigures(len(found[::2]), sum(found[::2]), len(found[1::2]), sum(found[1::2]), spurious)
