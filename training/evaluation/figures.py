"""The figures of an evaluation, and the observations behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detector.pipeline.cascade import CascadeOutput
from detector.results.detections import Detections, ImageDetections, IntArray
from detector.results.interface import DetectOptions
from training.data.scenes import Scene
from training.evaluation.metrics import GroupRecall, Judgement, NumberFigures, PrecisionRecall
from training.evaluation.reliability import ScoredDigits
from training.evaluation.sequences import SequenceFigures, TrueNumber


class MeasurableDetector(Protocol):
    """A detector that can be measured: `DigitDetector`, or anything that does the same."""

    @property
    def has_gate(self) -> bool:
        """True if a gate chooses the windows that the FCN reads."""
        ...

    def detect(self, image: bytes, options: DetectOptions | None = None) -> ImageDetections:
        """Find the digits of one encoded image."""
        ...

    def run_networks(self, pixels: NDArray[np.uint8], options: DetectOptions | None = None) -> CascadeOutput:
        """Run the networks on (H, W, 3) uint8 RGB pixels."""
        ...

    def decide(
        self, output: CascadeOutput, width: int, height: int, options: DetectOptions | None = None
    ) -> ImageDetections:
        """Choose digits and numbers from what the networks gave for an image of this size, px."""
        ...

    def classify_crops(self, crops: NDArray[np.uint8], refine: bool = True) -> IntArray:
        """(N,) int32: the digit in each of (N, 32, 32, 3) uint8 RGB crops, with or without the refiner."""
        ...


@dataclass(frozen=True, eq=False)
class CropFigures:
    """Reading of official crops.

    Attributes:
        source: the file of crops.
        confusion: (10, 10) int64 counts; rows are the true digits.
        wrong: (N,) which of the crops are read wrongly.
        fcn_error: the fraction that the first network alone reads wrongly, 0..1.
    """

    source: Path
    confusion: NDArray[np.int64]
    wrong: NDArray[np.bool]
    fcn_error: float

    @property
    def count(self) -> int:
        """The number of crops."""
        return int(self.confusion.sum())

    @property
    def error(self) -> float:
        """The fraction of them that is read wrongly, 0..1."""
        return 1 - float(np.trace(self.confusion)) / self.count


@dataclass(frozen=True, eq=False)
class ReliabilityFigures:
    """Reliability of scores: eight in ten digits of score 0.8 should hit a true one, at IoU 0.3.

    Attributes:
        raw: candidates with the networks' own scores.
        calibrated: the same candidates with the scores that are returned.
        returned: the digits that are returned by default.
    """

    raw: ScoredDigits
    calibrated: ScoredDigits
    returned: ScoredDigits


@dataclass(frozen=True, eq=False)
class SceneObservations:
    """All detections in the whole images.

    Attributes:
        scenes: the truth, boxes clipped to the images.
        results: what the detector returns by default, one for each scene.
        candidates: the best 100 detections of score 0.01 and more, one for each scene.
        judged: the default detections against the truth, at IoU 0.5 and 0.3.
        judged_candidates: the candidates against the truth, at COCO's thresholds, 0.5 first.
        numbers: the true numbers of each scene.
    """

    scenes: Sequence[Scene]
    results: Sequence[ImageDetections]
    candidates: Sequence[Detections]
    judged: Judgement
    judged_candidates: Judgement
    numbers: Sequence[Sequence[TrueNumber]]


SMALL_PX = 16.0
"""Digits below this height reach the network's range on one level alone, so they are counted apart."""


@dataclass(frozen=True)
class GateFigures:
    """Figures of the same images without the gate, and the fraction of digits that the gate lets through.

    Attributes:
        f1_50: harmonic mean of precision and recall at IoU 0.5, without the gate.
        f1_30: the same at IoU 0.3.
        sequence_accuracy: fraction of the images read wholly right, left to right, without the gate.
        digits: found without the gate.
        kept: of these, found with it, 0..1: label equal, IoU at least 0.5.
        small_digits: of these, less than 16 px high.
        small_kept: and of those found with the gate, 0..1; 1 if there are none.
    """

    f1_50: float
    f1_30: float
    sequence_accuracy: float
    digits: int
    kept: float
    small_digits: int
    small_kept: float


@dataclass(frozen=True, eq=False)
class SceneFigures:
    """Detection in whole images.

    Attributes:
        source: the folder of images.
        at_50: precision and recall of the default detections at IoU 0.5.
        at_30: the same at IoU 0.3.
        average_precision: (10 COCO thresholds, 10 digits) float64; NaN for a digit that does not occur.
        recall_by_height: at IoU 0.3, the default detections.
        recall_by_digit: likewise.
        numbers: whole numbers.
        sequences: numbers found and reported, for images of any count of numbers.
        reliability: what scores mean.
        observations: the detections that all this comes from.
        gate: the same without the detector's gate; None if it has none.
    """

    source: Path
    at_50: PrecisionRecall
    at_30: PrecisionRecall
    average_precision: NDArray[np.float64]
    recall_by_height: Sequence[GroupRecall]
    recall_by_digit: Sequence[GroupRecall]
    numbers: NumberFigures
    sequences: SequenceFigures
    reliability: ReliabilityFigures
    observations: SceneObservations
    gate: GateFigures | None = None

    @property
    def ap_50(self) -> float:
        """AP at IoU 0.5, mean over the digits that occur."""
        return float(np.nanmean(self.average_precision[0]))

    @property
    def mean_ap(self) -> float:
        """mAP@[.5:.95]: AP, mean over COCO's ten thresholds and the digits that occur."""
        return float(np.nanmean(self.average_precision))

    @property
    def blank(self) -> Sequence[ImageDetections]:
        """The results of the images that show no digit."""
        pairs = zip(self.observations.scenes, self.observations.results, strict=True)
        return [result for scene, result in pairs if not len(scene.labels)]

    @property
    def blank_false_digits(self) -> int:
        """Digits found in the images that show none."""
        return sum(len(result.digits) for result in self.blank)


@dataclass(frozen=True, eq=False)
class PhotoFigures:
    """False digits in photographs that show none.

    Attributes:
        source: the folder of photographs.
        paths: the photographs.
        results: what the detector returns by default, one for each.
    """

    source: Path
    paths: Sequence[Path]
    results: Sequence[ImageDetections]

    @property
    def megapixels(self) -> float:
        """All photographs together."""
        return sum(result.width_px * result.height_px for result in self.results) / 1e6

    @property
    def false_digits(self) -> int:
        """All digits found: each is false."""
        return sum(len(result.digits) for result in self.results)

    @property
    def false_numbers(self) -> int:
        """All numbers found."""
        return sum(len(result.numbers) for result in self.results)

    @property
    def false_per_mp(self) -> float:
        """False digits per megapixel."""
        return self.false_digits / self.megapixels


@dataclass(frozen=True)
class PastedFigures:
    """The same images alone and, unscaled, inside photographs of about a megapixel.

    Attributes:
        images: how many.
        alone: precision and recall at IoU 0.3 of the images as they are.
        pasted: the same of them inside photographs; false digits on the photograph count.
    """

    images: int
    alone: PrecisionRecall
    pasted: PrecisionRecall


@dataclass(frozen=True)
class RenderedFigures:
    """Rendered plates and signs, each with one number.

    Attributes:
        plates: pictures of a number alone.
        plates_found: of these, how many whose number is among those reported.
        signs: pictures of a number among words.
        signs_found: likewise.
        spurious: numbers reported that are not the picture's, all together.
    """

    plates: int
    plates_found: int
    signs: int
    signs_found: int
    spurious: int


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All figures of one detector on one split; None where the data is not there.

    Attributes:
        split: "train", "val", "test", "extra", or "all" of a folder of one's own labels.
        crops: reading of crops.
        scenes: detection in whole images.
        photos: false digits.
        pasted: whether the size of the image matters.
        rendered: plates and signs; None if not asked for.
        missing: the files and folders that are not there.
    """

    split: str
    crops: CropFigures | None
    scenes: SceneFigures | None
    photos: PhotoFigures | None
    pasted: PastedFigures | None
    rendered: RenderedFigures | None
    missing: Sequence[Path]
