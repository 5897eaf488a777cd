"""A detector's proposals in many images: the windows that a refiner has to tell apart."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from detector.pipeline.detector import DigitDetector
from detector.results.boxes import iou
from detector.results.detections import FloatArray
from detector.results.interface import DetectOptions
from detector.system.files import write_whole
from detector.system.progress_bar import progress_bar
from training.data.detector_data import DetectorData
from training.data.scenes import LabelledImage
from training.samplers.synthetic.fonts import find_fonts

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


def data_key(data: DetectorData, seed: int, rendered: int, fonts: Path | None = None) -> str:
    """Return a hash of all that proposals depend on beside the detector.

    Args:
        data: whose images are searched.
        seed: of the rendered scenes, and of what validates.
        rendered: how many scenes are rendered.
        fonts: the folder of the fonts that they are rendered in; None for those of this machine.
    """
    known = hashlib.sha256(_encoded("\n".join(data.files)))
    faces = list(map(str, find_fonts(fonts))) if rendered else []
    known.update(_encoded(f"\n{len(data.sources.photos)} {seed} {rendered} {faces}\n"))
    for scene in (*data.learned, *data.validation):
        known.update(_encoded(f"{scene.path.name} {len(scene.labels)}\n"))
        known.update(scene.boxes.tobytes() + scene.labels.tobytes())
    return known.hexdigest()


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogateescape")  # names of files may be of any bytes


def propose(
    detector: DigitDetector,
    images: Sequence[LabelledImage],
    kept_in: Path,
    key: str,
    options: DetectOptions = _OPTIONS,
) -> Proposals:
    """Return the detections of `detector` in every image, read from `kept_in` if they are there.

    Args:
        detector: the FCN alone, to learn from what it proposes.
        images: labelled; those without digits have no hits.
        kept_in: a safetensors file, written when the last image is done.
        key: of the images; a file that was written with another one is made anew.
        options: a low threshold by default.
    """
    if (kept := _read(kept_in, key)) is not None:
        return kept
    indices, boxes = [np.empty(0, np.int64)], [np.empty((0, 4), np.float32)]
    hits: list[NDArray[np.bool]] = [np.empty(0, bool)]
    for index, image in enumerate(progress_bar(images, f"proposals: {kept_in.stem}", unit="image")):
        found = detector.detect(image.pixels, options).digits.boxes
        indices.append(np.full(len(found), index, np.int64))
        boxes.append(found)
        overlapping = iou(found, image.boxes) >= _HIT_IOU
        hits.append(np.asarray(overlapping.any(axis=1)))
    proposals = Proposals(np.concatenate(indices), np.concatenate(boxes), np.concatenate(hits))
    arrays: dict[str, NDArray[Any]] = {
        "images": proposals.images,
        "boxes": proposals.boxes,
        "hits": proposals.hits,
    }
    write_whole(kept_in, save(arrays, {"key": key}))
    return proposals


def _read(kept_in: Path, key: str) -> Proposals | None:
    """Return the proposals of a file; None if it is not there, damaged, or of other images."""
    try:
        with safe_open(kept_in, "np") as file:
            if (file.metadata() or {}).get("key") != key:
                return None
            return Proposals(*(file.get_tensor(name) for name in ("images", "boxes", "hits")))
    except (SafetensorError, OSError):
        return None
