"""Evaluation of a detector on the parts of a data folder: crops, whole images, digit-free photographs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.images.decode import decode_image, read_image_file
from detector.models.operating_point import Calibration
from detector.results.boxes import clip, iou
from detector.results.detections import Detections, ImageDetections, IntArray
from detector.results.errors import InvalidRequestError
from detector.results.interface import DetectOptions
from detector.system.progress_bar import progress_bar
from training.data.labels.folder import LabelOptions, labels_are_own, read_labels
from training.data.photographs import list_photographs
from training.data.scenes import Scene
from training.data.svhn import cut_crops, official_parts, read_crops, read_scenes
from training.errors import DataError
from training.evaluation.composed_scenes import measure_pasted, measure_rendered
from training.evaluation.figures import (
    SMALL_PX,
    CropFigures,
    Evaluation,
    GateFigures,
    MeasurableDetector,
    PhotoFigures,
    ReliabilityFigures,
    SceneFigures,
    SceneObservations,
)
from training.evaluation.metrics import (
    COCO_IOU_THRESHOLDS,
    Judgement,
    average_precision,
    judge,
    number_figures,
    number_marks,
    precision_recall,
    recall_by_digit,
    recall_by_height,
    sequence_accuracy,
)
from training.evaluation.reliability import ScoredDigits
from training.evaluation.sequences import TrueNumber, sequence_figures, true_numbers, whole_numbers

CANDIDATE_OPTIONS = DetectOptions(score_threshold=0.01, max_detections=100)
"""Options for average precision: COCO takes every candidate."""

IOU_THRESHOLD = 0.3
"""A digit that overlaps a true one so much is found; official boxes are too uneven to ask for more."""

_WITHOUT_GATE = DetectOptions(exhaustive=True)
_SAME_IOU = 0.5

_CROPS = 1024
"""So many make a step of the progress bar; whole batches of the detector's."""

HEIGHT_EDGES_PX = (12, 16, 24, 32, 48, 64, 96)


def evaluate(
    detector: MeasurableDetector,
    data_dir: Path,
    split: str | None = None,
    progress: bool = True,
    rendered: int = 0,
    options: LabelOptions | None = None,
    calibration: Calibration | None = None,
) -> Evaluation:
    """Measure every figure that the data allows.

    Args:
        detector: what to measure.
        data_dir: a folder with `svhn/` and `backgrounds/` as officially laid out, of which any part may be missing;
            or one of one's own labels, in any format that `training.data.labels` reads.
        split: of SVHN "train", "test" (if None) or "extra"; of one's own labels one that the folder has, or all of it.
        progress: whether to show progress bars on stderr.
        rendered: also measure on so many rendered plates and signs.
        options: how labels of one's own are read.
        calibration: of the detector's scores, to compare them with the networks' own; None if they are those.

    Raises:
        DataError: if nothing is there to measure on, or a part is damaged.
    """
    options, calibration = options or LabelOptions(), calibration or Calibration()
    if labels_are_own(data_dir, options):
        return _evaluate_own(detector, data_dir, split, progress, rendered, options, calibration)
    split = split or "test"
    parts = official_parts(data_dir, split)
    crops, labels, photos = parts
    missing = [path for path in parts if not path.exists()]
    if len(missing) == 3:
        raise DataError(f"nothing to measure on: missing are {', '.join(map(str, missing))}")
    crop_figures = None if crops in missing else _measure_crops(detector, *read_crops(crops), crops, progress)
    scene_figures = (
        None if labels in missing else _measure_official(detector, labels.parent, calibration, progress)
    )
    photo_figures = None if photos in missing else _measure_photos(detector, photos, progress)
    pasted = None
    if scene_figures and photo_figures:
        pasted = measure_pasted(detector, scene_figures.observations, photo_figures.paths, progress)
    walls = photo_figures.paths if photo_figures else []
    plates = measure_rendered(detector, rendered, walls, progress) if rendered else None
    return Evaluation(split, crop_figures, scene_figures, photo_figures, pasted, plates, missing)


def _evaluate_own(
    detector: MeasurableDetector,
    data_dir: Path,
    split: str | None,
    progress: bool,
    rendered: int,
    options: LabelOptions,
    calibration: Calibration,
) -> Evaluation:
    """Return the figures that labels alone allow: whole images, and crops that are cut from them."""
    scenes = measured_scenes(data_dir, split, options, progress)
    numbers = true_numbers(scenes, data_dir)
    scene_figures = _measure_scenes(detector, scenes, numbers, data_dir, calibration, progress)
    crop_figures = _measure_crops(detector, *cut_crops(scenes, progress), data_dir, progress)
    plates = measure_rendered(detector, rendered, [], progress) if rendered else None
    return Evaluation(split or "all", crop_figures, scene_figures, None, None, plates, [])


def measured_scenes(
    data_dir: Path, split: str | None, options: LabelOptions, progress: bool = True
) -> Sequence[Scene]:
    """Return the images of a split of one's own labels, or of all splits if None, each once.

    Raises:
        DataError: if labels have problems, or the split has no images.
    """
    labels = read_labels(data_dir, options, progress)
    scenes = labels.measured(split)
    if split is None and len(scenes) < len(labels.scenes):
        print(
            f"measured once: {len(labels.scenes) - len(scenes):,} images of which an earlier split has a copy"
        )
    if not scenes:
        raise DataError(
            f"{data_dir} has no images of {split!r}; it has {', '.join(labels.splits) or 'none at all'}"
        )
    return scenes


def _measure_crops(
    detector: MeasurableDetector, images: NDArray[np.uint8], labels: IntArray, path: Path, progress: bool
) -> CropFigures:
    if not len(labels):
        raise DataError(f"{path} holds no crops")
    confusion = np.zeros((10, 10), np.int64)
    read = _classified(detector, images, True, progress)
    np.add.at(confusion, (labels, read), 1)
    fcn_error = float(np.mean(_classified(detector, images, False, progress) != labels))
    return CropFigures(path, confusion, read != labels, fcn_error)


def _classified(
    detector: MeasurableDetector, images: NDArray[np.uint8], refine: bool, progress: bool
) -> IntArray:
    """Return the digit of each crop, with or without the refiner."""
    name = "crops" if refine else "crops, FCN alone"
    starts = progress_bar(range(0, len(images), _CROPS), name, unit="batch", disable=not progress)
    return np.concatenate(
        [detector.classify_crops(images[start : start + _CROPS], refine=refine) for start in starts]
    )


def _measure_official(
    detector: MeasurableDetector, folder: Path, calibration: Calibration, progress: bool
) -> SceneFigures:
    scenes = read_scenes(folder, progress)
    return _measure_scenes(detector, scenes, whole_numbers(scenes), folder, calibration, progress)


def _measure_scenes(
    detector: MeasurableDetector,
    scenes: Sequence[Scene],
    numbers: Sequence[Sequence[TrueNumber]],
    folder: Path,
    calibration: Calibration,
    progress: bool,
) -> SceneFigures:
    if not sum(len(scene.labels) for scene in scenes):
        raise DataError(f"{folder} holds no labelled digits")
    shown = progress_bar(scenes, f"images of {folder.name}", disable=not progress)
    observed = [_detect_with_candidates(detector, scene.path) for scene in shown]
    results, candidates = [result for result, _ in observed], [found for _, found in observed]
    digits = [result.digits for result in results]
    clipped = [
        replace(s, boxes=clip(s.boxes, r.width_px, r.height_px)) for s, r in zip(scenes, results, strict=True)
    ]
    judged = judge(clipped, digits, (0.5, IOU_THRESHOLD))
    judged_candidates = judge(clipped, candidates, COCO_IOU_THRESHOLDS)
    at_50, at_30 = precision_recall(judged)
    read = [result.numbers for result in results]
    return SceneFigures(
        source=folder,
        at_50=at_50,
        at_30=at_30,
        average_precision=average_precision(judged_candidates),
        recall_by_height=recall_by_height(judged, HEIGHT_EDGES_PX, threshold=1),
        recall_by_digit=recall_by_digit(judged, threshold=1),
        numbers=number_figures(number_marks(scenes, digits, read, numbers)),
        sequences=sequence_figures(numbers, read),
        reliability=_reliability(clipped, candidates, judged, calibration),
        observations=SceneObservations(clipped, results, candidates, judged, judged_candidates, numbers),
        gate=_measure_gate(detector, clipped, results, progress) if detector.has_gate else None,
    )


def _reliability(
    scenes: Sequence[Scene], candidates: Sequence[Detections], judged: Judgement, calibration: Calibration
) -> ReliabilityFigures:
    """Return the reliability of scores; `judged` is of the digits returned by default, at IoU 0.3 in its second row."""
    all_of_them = judge(scenes, candidates, (IOU_THRESHOLD,))
    right = all_of_them.hits[0]
    return ReliabilityFigures(
        raw=ScoredDigits(calibration.inverse(all_of_them.scores), right),
        calibrated=ScoredDigits(all_of_them.scores.astype(np.float64), right),
        returned=ScoredDigits(judged.scores.astype(np.float64), judged.hits[1]),
    )


def _measure_gate(
    detector: MeasurableDetector, scenes: Sequence[Scene], gated: Sequence[ImageDetections], progress: bool
) -> GateFigures:
    """Compare what a detector finds with its gate, one result for each scene, and without."""
    shown = progress_bar(scenes, "the same, gate off", disable=not progress)
    results = [_detect(detector, scene.path, _WITHOUT_GATE) for scene in shown]
    digits = [result.digits for result in results]
    at_50, at_30 = precision_recall(judge(scenes, digits, (0.5, IOU_THRESHOLD)))
    kept = np.concatenate([_kept(every, found) for every, found in zip(results, gated, strict=True)])
    small = np.concatenate([found.boxes[:, 3] - found.boxes[:, 1] for found in digits]) < SMALL_PX
    return GateFigures(
        f1_50=at_50.f1,
        f1_30=at_30.f1,
        sequence_accuracy=sequence_accuracy(scenes, digits),
        digits=len(kept),
        kept=float(kept.mean()) if len(kept) else 1.0,
        small_digits=int(small.sum()),
        small_kept=float(kept[small].mean()) if small.any() else 1.0,
    )


def _kept(every: ImageDetections, gated: ImageDetections) -> NDArray[np.bool]:
    """(N,) which of the digits found without the gate are found with it, too."""
    same_label = every.digits.labels[:, None] == gated.digits.labels[None, :]
    overlapping = iou(every.digits.boxes, gated.digits.boxes) >= _SAME_IOU
    return np.asarray((same_label & overlapping).any(axis=1))


def _measure_photos(detector: MeasurableDetector, folder: Path, progress: bool) -> PhotoFigures:
    paths = list_photographs(folder)
    shown = progress_bar(paths, "digit-free photographs", disable=not progress)
    return PhotoFigures(folder, paths, [_detect(detector, path) for path in shown])


def _detect_with_candidates(detector: MeasurableDetector, path: Path) -> tuple[ImageDetections, Detections]:
    """Run the networks once; choose the digits that are returned by default, and the candidates."""
    try:
        pixels = decode_image(read_image_file(path))
        output = detector.run_networks(pixels, CANDIDATE_OPTIONS)
    except InvalidRequestError as error:
        raise DataError(f"{path}: {error}") from error
    height, width = pixels.shape[:2]
    candidates = detector.decide(output, width, height, CANDIDATE_OPTIONS).digits
    return detector.decide(output, width, height), candidates


def _detect(
    detector: MeasurableDetector, path: Path, options: DetectOptions | None = None
) -> ImageDetections:
    try:
        return detector.detect(read_image_file(path), options)
    except InvalidRequestError as error:
        raise DataError(f"{path}: {error}") from error
