"""Measures a detector on what a data folder holds: crops, whole images, digit-free photographs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from detector.images.decode import read_image_file
from detector.results.boxes import clip
from detector.results.detections import ImageDetections, IntArray
from detector.results.errors import InvalidRequestError
from detector.results.interface import DetectOptions
from training.data.labels.folder import LabelOptions, labels_are_own, read_labels
from training.data.scenes import Scene
from training.data.svhn import cut_crops, read_crops, read_scenes
from training.errors import DataError
from training.evaluation.composed_scenes import measure_pasted, measure_rendered
from training.evaluation.evaluation_report import format_table, to_json
from training.evaluation.figures import (
    CropFigures,
    Evaluation,
    MeasurableDetector,
    PhotoFigures,
    SceneFigures,
    SceneObservations,
)
from training.evaluation.metrics import (
    COCO_IOU_THRESHOLDS,
    average_precision,
    judge,
    number_figures,
    precision_recall,
    recall_by_digit,
    recall_by_height,
)

__all__ = ["Evaluation", "MeasurableDetector", "evaluate", "format_table", "to_json"]

CANDIDATE_OPTIONS = DetectOptions(score_threshold=0.01, max_detections=100)
"""Options for average precision: COCO takes every candidate."""

HEIGHT_EDGES_PX = (12, 16, 24, 32, 48, 64, 96)
_PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})


def evaluate(
    detector: MeasurableDetector,
    data_dir: Path,
    split: str | None = None,
    progress: bool = True,
    rendered: int = 0,
    options: LabelOptions | None = None,
) -> Evaluation:
    """Works out every figure that the data allows.

    Args:
        detector: what to measure.
        data_dir: a folder with `svhn/` and `backgrounds/` as officially laid out, of which any part may be missing;
            or one of one's own labels, in any format that `training.data.labels` reads.
        split: of SVHN "train", "test" (if None) or "extra"; of one's own labels one that the folder has, or all of it.
        progress: whether to show progress bars on stderr.
        rendered: also measure on so many rendered plates and signs.
        options: how labels of one's own are read.

    Raises:
        DataError: if nothing is there to measure on, or a part is damaged.
    """
    options = options or LabelOptions()
    if labels_are_own(data_dir, options):
        return _evaluate_own(detector, data_dir, split, progress, rendered, options)
    split = split or "test"
    crops = data_dir / "svhn" / f"{split}_32x32.mat"
    scenes = data_dir / "svhn" / split
    photos = data_dir / "backgrounds" / split
    missing = [path for path in (crops, scenes / "digitStruct.mat", photos) if not path.exists()]
    if len(missing) == 3:
        raise DataError(f"nothing to measure on: missing are {', '.join(map(str, missing))}")
    crop_figures = None if crops in missing else _measure_crops(detector, *read_crops(crops), crops)
    scene_figures = (
        None
        if scenes / "digitStruct.mat" in missing
        else _measure_scenes(detector, read_scenes(scenes), scenes, progress)
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
) -> Evaluation:
    """Return the figures that labels alone allow: whole images, and crops that are cut from them."""
    labels = read_labels(data_dir, options, progress)
    scenes = labels.scenes if split is None else labels.splits.get(split, [])
    if not scenes:
        raise DataError(
            f"{data_dir} has no images of {split!r}; it has {', '.join(labels.splits) or 'none at all'}"
        )
    scene_figures = _measure_scenes(detector, scenes, data_dir, progress)
    crop_figures = _measure_crops(detector, *cut_crops(scenes, progress), data_dir)
    plates = measure_rendered(detector, rendered, [], progress) if rendered else None
    return Evaluation(split or "all", crop_figures, scene_figures, None, None, plates, [])


def _measure_crops(
    detector: MeasurableDetector, images: NDArray[np.uint8], labels: IntArray, path: Path
) -> CropFigures:
    if not len(labels):
        raise DataError(f"{path} holds no crops")
    confusion = np.zeros((10, 10), np.int64)
    read = detector.classify_crops(images)
    np.add.at(confusion, (labels, read), 1)
    fcn_error = float(np.mean(detector.classify_crops(images, refine=False) != labels))
    return CropFigures(path, confusion, read != labels, fcn_error)


def _measure_scenes(
    detector: MeasurableDetector, scenes: Sequence[Scene], folder: Path, progress: bool
) -> SceneFigures:
    if not sum(len(scene.labels) for scene in scenes):
        raise DataError(f"{folder} holds no labelled digits")
    results, candidates = [], []
    for scene in tqdm(scenes, f"images of {folder.name}", disable=not progress):
        results.append(_detect(detector, scene.path))
        candidates.append(_detect(detector, scene.path, CANDIDATE_OPTIONS).digits)
    digits = [result.digits for result in results]
    clipped = [
        replace(s, boxes=clip(s.boxes, r.width_px, r.height_px)) for s, r in zip(scenes, results, strict=True)
    ]
    judged = judge(clipped, digits, (0.5, 0.3))
    judged_candidates = judge(clipped, candidates, COCO_IOU_THRESHOLDS)
    at_50, at_30 = precision_recall(judged)
    return SceneFigures(
        source=folder,
        at_50=at_50,
        at_30=at_30,
        average_precision=average_precision(judged_candidates),
        recall_by_height=recall_by_height(judged, HEIGHT_EDGES_PX, threshold=1),
        recall_by_digit=recall_by_digit(judged, threshold=1),
        numbers=number_figures(scenes, digits, [result.numbers for result in results]),
        observations=SceneObservations(clipped, results, candidates, judged, judged_candidates),
    )


def _measure_photos(detector: MeasurableDetector, folder: Path, progress: bool) -> PhotoFigures:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PHOTO_SUFFIXES)
    if not paths:
        raise DataError(f"{folder} holds no photographs")
    shown = tqdm(paths, "digit-free photographs", disable=not progress)
    return PhotoFigures(folder, paths, [_detect(detector, path) for path in shown])


def _detect(
    detector: MeasurableDetector, path: Path, options: DetectOptions | None = None
) -> ImageDetections:
    try:
        return detector.detect(read_image_file(path), options)
    except InvalidRequestError as error:
        raise DataError(f"{path}: {error}") from error
