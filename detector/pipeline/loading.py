"""Loading a detector, and the proof that its model works here: it finds in a built-in image what it should.

A hash proves that the weights are those that were trained; this proves that this machine computes with them what
the training machine did. Other processors round otherwise, so digits are compared, not scores: computing the whole
network in bfloat16 instead of float32 moves scores by less than 0.01 and leaves boxes at IoU 0.9 and more, measured
on all samples at scores of 0.4 and more; the tolerances are several times that.
"""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from detector.models.model_files import EMBEDDED, write_manifest
from detector.models.runtimes import OPENVINO, TENSORFLOW
from detector.pipeline.detector import DigitDetector
from detector.pipeline.options import DetectorConfig
from detector.results.boxes import iou
from detector.results.detections import Detections
from detector.results.errors import ModelError
from detector.results.interface import DetectOptions

IMAGE = "svhn_train_1345.png"
"""The built-in image: small, with three different digits, and nothing else that could be one."""

_FORMER_IMAGE = "svhn_train_981.png"
"""The image of manifests up to version 2026.11-1."""

_SCORE = 0.5
"""Digits from here on are recorded: a score is at most the label's probability, so no other label is as likely."""

_SCORE_TOLERANCE = 0.05

_LEAST_IOU = 0.7


def load_checked(
    model_dir: Path | None = None, runtime: str = OPENVINO, config: DetectorConfig | None = None
) -> DigitDetector:
    """Load the model in `model_dir`, or the embedded one, and check that it works here; so it is warm, too.

    Args:
        model_dir: the model's folder.
        runtime: what computes it, see `detector.models.runtimes`.
        config: defaults and limits.

    Raises:
        ModelError: if a file is missing or damaged, or the model does not find what its manifest records.
        InvalidOptionError: if the runtime, see `detector.models.runtimes`, is not there.
    """
    detector = DigitDetector.load(model_dir, config, runtime)
    try:
        check(detector)
    except ModelError as error:
        raise ModelError(f"{model_dir or EMBEDDED}: {error}") from error
    return detector


def record_self_check(model_dir: Path) -> None:
    """Write into the manifest of a model what it finds in the built-in image.

    Raises:
        ModelError: if a file is missing, damaged, or not what the manifest says.
    """
    detector = DigitDetector.load(model_dir, runtime=TENSORFLOW)
    found = _find(detector, IMAGE, _SCORE)
    record = {
        "image": IMAGE,
        "sha256": _sha256(IMAGE),
        "digits": [{"label": digit.label, "box": [round(edge, 2) for edge in digit.box]} for digit in found],
    }
    write_manifest(model_dir, replace(detector.manifest, self_check=record))


def check(detector: DigitDetector) -> None:
    """Has the detector find the digits of the built-in image.

    Raises:
        ModelError: if they are not what its manifest records.
    """
    record = detector.manifest.self_check
    if not record:
        raise ModelError("the manifest records no self check: scripts/record_self_check.py writes one")
    image, expected = _recorded(record)
    found = _find(detector, image, _SCORE - _SCORE_TOLERANCE)
    sure = found.select(found.scores >= _SCORE + _SCORE_TOLERANCE)
    if not (_all_among(expected, found) and _all_among(sure, expected)):
        raise ModelError(
            f"in the built-in image {image} it finds {_text(sure)}, its manifest records {_text(expected)}: "
            "it does not work on this machine as it did where it was made"
        )


def _recorded(record: dict[str, Any]) -> tuple[str, Detections]:
    """Return the image and the digits that are recorded for it."""
    image = record.get("image")
    if image not in (IMAGE, _FORMER_IMAGE) or record.get("sha256") != _sha256(image):
        raise ModelError(
            f"the manifest's self check is of another image than the built-in {IMAGE}: "
            "scripts/record_self_check.py makes it anew"
        )
    try:
        digits = record["digits"]
        boxes = np.array([digit["box"] for digit in digits], np.float64).reshape(-1, 4)
        labels = np.array([digit["label"] for digit in digits], np.int32)
        found = Detections(np.clip(boxes, -1e6, 1e6), labels, np.ones(len(labels)))  # type: ignore[arg-type]
    except KeyError as error:
        raise ModelError(f"the manifest's self check is damaged: the field {error} is missing") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"the manifest's self check is damaged: {error}") from error
    return image, found


def _find(detector: DigitDetector, image: str, score: float) -> Detections:
    return detector.detect(_content(image), DetectOptions(score_threshold=score)).digits


def _sha256(image: str) -> str:
    return hashlib.sha256(_content(image)).hexdigest()


def _all_among(digits: Detections, others: Detections) -> bool:
    """Return whether each of `digits` is among `others`: the same label, in the same place."""
    same_label = digits.labels[:, None] == others.labels[None, :]
    same_place = iou(digits.boxes, others.boxes) >= _LEAST_IOU
    return bool((same_label & same_place).any(axis=1).all())


def _text(digits: Detections) -> str:
    places = (f"{digit.label} at {[round(edge) for edge in digit.box]}" for digit in list(digits)[:10])
    return ", ".join(places) or "nothing"


def _content(image: str) -> bytes:
    return (Path(__file__).parents[1] / "samples" / image).read_bytes()
