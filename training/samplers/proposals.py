"""A detector's proposals in many images: the windows that a refiner has to tell apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from detector.pipeline.detector import DigitDetector
from detector.results.boxes import iou
from detector.results.detections import FloatArray
from detector.results.interface import DetectOptions
from detector.system.files import write_whole
from detector.system.progress_bar import progress_bar
from training.data.scenes import LabelledImage

_OPTIONS = DetectOptions(score_threshold=0.05, max_detections=100)
_HIT_IOU = 0.4


@dataclass(frozen=True, eq=False)
class Proposals:
    """N proposed boxes.

    Attributes:
        images: (N,) int64, the index of the image that each is in.
        boxes: (N, 4) float32 xyxy px.
        hits: (N,) bool, whether it overlaps a true digit by an IoU of 0.4 and more.
    """

    images: NDArray[np.int64]
    boxes: FloatArray
    hits: NDArray[np.bool]

    def __len__(self) -> int:
        return len(self.boxes)

    def select(self, chosen: NDArray[np.bool]) -> "Proposals":
        """Return the proposals of a (N,) mask."""
        return Proposals(self.images[chosen], self.boxes[chosen], self.hits[chosen])


def propose(
    detector: DigitDetector,
    images: Sequence[LabelledImage],
    kept_in: Path,
    options: DetectOptions = _OPTIONS,
) -> Proposals:
    """Return the detections of `detector` in every image, read from `kept_in` if they are there.

    Args:
        detector: the FCN alone, to learn from what it proposes.
        images: labelled; those without digits have no hits.
        kept_in: a safetensors file, written when the last image is done.
        options: a low threshold by default.
    """
    if kept_in.exists():
        try:
            arrays = load_file(kept_in)
            return Proposals(arrays["images"], arrays["boxes"], arrays["hits"])
        except (SafetensorError, KeyError, OSError):
            kept_in.unlink()
    indices, boxes = [np.empty(0, np.int64)], [np.empty((0, 4), np.float32)]
    hits: list[NDArray[np.bool]] = [np.empty(0, bool)]
    for index, image in enumerate(progress_bar(images, f"proposals: {kept_in.stem}", unit="image")):
        found = detector.detect(image.pixels, options).digits.boxes
        indices.append(np.full(len(found), index, np.int64))
        boxes.append(found)
        overlapping = iou(found, image.boxes) >= _HIT_IOU
        hits.append(np.asarray(overlapping.any(axis=1)))
    proposals = Proposals(np.concatenate(indices), np.concatenate(boxes), np.concatenate(hits))
    write_whole(kept_in, save({"images": proposals.images, "boxes": proposals.boxes, "hits": proposals.hits}))
    return proposals
