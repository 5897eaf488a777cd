"""Which digits a model finds: the gate must let those through, and what the model finds beside the labelled ones."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from detector.pipeline.detector import DigitDetector
from detector.results.boxes import iou
from detector.results.detections import FloatArray, IntArray
from detector.results.interface import DetectOptions
from training.data.detector_data import SceneImages
from training.data.scenes import LabelledImage, Scene
from training.gate.sampler import FOUND, MISSED
from training.samplers.proposals import Proposals, propose

_FOUND_IOU = 0.3


class Marker:
    """Labels digits as found or missed by a model.

    Args:
        detector: the model.
        kept_in: a folder for what it finds, for the next start.
    """

    def __init__(self, detector: DigitDetector, kept_in: Path) -> None:
        self._detector, self._kept_in = detector, kept_in

    def scenes(self, scenes: Sequence[Scene], name: str) -> SceneImages:
        """Labelled photographs; what is found beside the labelled digits, mostly digits too, is found as well."""
        images = SceneImages(scenes)
        found = self._find(images, name)
        marked = []
        for index, scene in enumerate(scenes):
            here = found.select(found.images == index)
            more = here.boxes[~here.hits]
            labels = np.append(_labels(scene.boxes, here.boxes), np.full(len(more), FOUND))
            marked.append(
                replace(scene, boxes=np.concatenate([scene.boxes, more]), labels=np.asarray(labels, np.int32))
            )
        return SceneImages(marked)

    def rendered(self, images: Sequence[LabelledImage], name: str) -> list[LabelledImage]:
        """Return rendered scenes: what is found beside their digits is no digit."""
        found = self._find(images, name)
        return [
            replace(image, labels=_labels(image.boxes, found.boxes[found.images == index]))
            for index, image in enumerate(images)
        ]

    def _find(self, images: Sequence[LabelledImage], name: str) -> Proposals:
        everywhere = DetectOptions(exhaustive=True)
        return propose(self._detector, images, self._kept_in / f"{name}.safetensors", everywhere)


def _labels(boxes: FloatArray, found: FloatArray) -> IntArray:
    hit = (iou(boxes, found) >= _FOUND_IOU).any(axis=1)
    return np.where(hit, FOUND, MISSED).astype(np.int32)
