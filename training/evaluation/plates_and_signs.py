"""Large plates, and signs with words around the number: rendered, with fonts that training does not use."""

from collections.abc import Sequence
from pathlib import Path

import cv2
from tqdm import tqdm

from detector.images import decode_image, read_image_file
from training.evaluation.figures import MeasurableDetector, RenderedFigures
from training.synthetic import stand_in_set

_SEED = 0


def measure_rendered(
    detector: MeasurableDetector, count: int, photos: Sequence[Path], progress: bool
) -> RenderedFigures:
    """Looks for the number of each of `count` rendered pictures, plates and signs in turn.

    The pictures are the same ones whenever the same fonts are installed.

    Args:
        detector: what to measure, at default settings.
        count: how many pictures.
        photos: digit-free photographs to hang them on; may be empty.
        progress: whether to show a progress bar.
    """
    walls = [decode_image(read_image_file(path)) for path in photos]
    pictures = stand_in_set(_SEED, count, walls)
    found, spurious = [], 0
    for scene, number in tqdm(pictures, "rendered plates and signs", disable=not progress):
        encoded = cv2.imencode(".png", scene.pixels[..., ::-1])[1].tobytes()
        texts = [seen.text for seen in detector.detect(encoded).numbers]
        found.append(number in texts)
        spurious += len(texts) - found[-1]
    return RenderedFigures(len(found[::2]), sum(found[::2]), len(found[1::2]), sum(found[1::2]), spurious)
