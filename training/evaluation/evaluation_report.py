"""An evaluation as a table to read, each figure beside its definition, and as JSON."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from training.evaluation.figures import (
    SMALL_PX,
    CropFigures,
    Evaluation,
    GateFigures,
    PastedFigures,
    PhotoFigures,
    ReliabilityFigures,
    RenderedFigures,
    SceneFigures,
)
from training.evaluation.metrics import GroupRecall, PrecisionRecall
from training.evaluation.reliability import expected_calibration_error


@dataclass(frozen=True)
class Line:
    """One figure of the table.

    Attributes:
        name: of the figure.
        value: as a number.
        spec: how it is formatted.
        definition: in words.
    """

    name: str
    value: float
    spec: str
    definition: str


def format_table(evaluation: Evaluation) -> str:
    """Every figure with its definition, and what could not be measured, as lines of text."""
    rows = [(line.name, f"{line.value:{line.spec}}", line.definition) for line in table_lines(evaluation)]
    width, value = (max(len(row[i]) for row in rows) for i in (0, 1))
    text = [f"{name:<{width}}  {figure:>{value}}  {definition}".rstrip() for name, figure, definition in rows]
    text += [f"not measured: {path} is missing" for path in evaluation.missing]
    return "\n".join([f"split: {evaluation.split}", *text])


def table_lines(evaluation: Evaluation) -> list[Line]:
    """Every figure that was measured; the same data gives the same names, whatever was found."""
    lines: list[Line] = []
    if evaluation.crops:
        lines += _crop_lines(evaluation.crops)
    if evaluation.scenes:
        lines += _scene_lines(evaluation.scenes)
    if evaluation.photos:
        lines += _photo_lines(evaluation.photos)
    if evaluation.pasted:
        lines += _pasted_lines(evaluation.pasted)
    if evaluation.rendered:
        lines += _rendered_lines(evaluation.rendered)
    return lines


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return all figures, fractions 0..1; null for what could not be measured because its data is not there."""
    crops, scenes, photos, pasted = evaluation.crops, evaluation.scenes, evaluation.photos, evaluation.pasted
    return {
        "split": evaluation.split,
        "crop_error": crops and crops.error,
        "crop_error_fcn": crops and crops.fcn_error,
        "crops": crops and crops.count,
        **_scene_json(scenes),
        "false_per_mp": photos and photos.false_per_mp,
        "false_digits": photos and photos.false_digits,
        "false_numbers": photos and photos.false_numbers,
        "photos": photos and len(photos.paths),
        "photo_megapixels": photos and photos.megapixels,
        "pasted_images": pasted and pasted.images,
        "pasted_recall_30": pasted and pasted.pasted.recall,
        "unpasted_recall_30": pasted and pasted.alone.recall,
        "rendered": evaluation.rendered and asdict(evaluation.rendered),
        "missing": [str(path) for path in evaluation.missing],
    }


def _scene_json(scenes: SceneFigures | None) -> dict[str, Any]:
    return {
        "images": scenes and len(scenes.observations.scenes),
        "digits": scenes and scenes.at_50.truths,
        "detections": scenes and scenes.at_50.detections,
        **{
            f"{name}_{suffix}": figures and getattr(figures, name)
            for suffix, figures in (("50", scenes and scenes.at_50), ("30", scenes and scenes.at_30))
            for name in ("precision", "recall", "f1")
        },
        "ap_50": scenes and scenes.ap_50,
        "map": scenes and scenes.mean_ap,
        "ap_by_digit": scenes and [_number_or_null(ap) for ap in scenes.average_precision.mean(axis=0)],
        "recall_by_height": scenes and _groups_json(scenes.recall_by_height),
        "recall_by_digit": scenes and _groups_json(scenes.recall_by_digit),
        "sequence_accuracy": scenes and scenes.numbers.accuracy,
        "numbers_exact": scenes and scenes.numbers.exact,
        "numbers_found": scenes and scenes.numbers.found,
        "numbers_spurious": scenes and scenes.numbers.spurious,
        "sequences": scenes and scenes.sequences.truths,
        "sequence_precision": scenes and scenes.sequences.precision,
        "sequence_recall": scenes and scenes.sequences.recall,
        "blank_images": scenes and len(scenes.blank),
        "blank_false_digits": scenes and scenes.blank_false_digits,
        "calibration_error": scenes and expected_calibration_error(scenes.reliability.calibrated),
        "calibration_error_raw": scenes and expected_calibration_error(scenes.reliability.raw),
        "calibration_error_returned": scenes and expected_calibration_error(scenes.reliability.returned),
        "exhaustive": scenes and scenes.gate and asdict(scenes.gate),
    }


def _groups_json(groups: Iterable[GroupRecall]) -> list[dict[str, Any]]:
    return [{"name": group.name, "digits": group.truths, "recall_30": group.recall} for group in groups]


def _number_or_null(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _crop_lines(crops: CropFigures) -> Iterator[Line]:
    yield Line(
        "crop error",
        crops.error,
        ".2%",
        f"of {crops.count:,} crops in {crops.source.name}: top-1 error with both networks",
    )
    yield Line("crop error, FCN alone", crops.fcn_error, ".2%", "of the same, without the refiner")


def _scene_lines(scenes: SceneFigures) -> Iterator[Line]:
    count = len(scenes.observations.scenes)
    for figures in (scenes.at_50, scenes.at_30):
        yield from _match_lines(figures, count)
    yield Line(
        "AP@0.5",
        scenes.ap_50,
        ".3f",
        "area under precision over recall at IoU 0.5 (101 points), mean over the digits; detections of score "
        "0.01 and more, the best 100 of an image",
    )
    yield Line("mAP@[.5:.95]", scenes.mean_ap, ".3f", "the same, mean over IoU 0.5, 0.55 .. 0.95")
    yield from _group_lines(
        "recall", "true digits of that height (recall at IoU 0.3)", scenes.recall_by_height
    )
    yield from _group_lines("recall of", "true digits (recall at IoU 0.3)", scenes.recall_by_digit)
    numbers = scenes.numbers
    yield Line(
        "sequence accuracy",
        numbers.accuracy,
        ".1%",
        f"of {count:,} images: all digits found, read left to right by x_min, are the true ones, read so",
    )
    yield Line(
        "numbers exact",
        numbers.exact,
        ".1%",
        "of the images: the numbers reported are the true ones and no other",
    )
    yield Line(
        "numbers found",
        numbers.found,
        ".1%",
        f"of {scenes.sequences.truths:,} true numbers: among those reported, wherever in the image",
    )
    yield Line("numbers spurious", numbers.spurious, ".2f", "numbers per image beyond the true ones")
    yield from _sequence_lines(scenes)
    yield from _reliability_lines(scenes.reliability)
    if scenes.gate:
        yield from _gate_lines(scenes.gate)


def _sequence_lines(scenes: SceneFigures) -> Iterator[Line]:
    sequences = scenes.sequences
    yield Line(
        "sequence recall",
        sequences.recall,
        ".3f",
        f"{sequences.found:,} of {sequences.truths:,} true numbers: one with the same digits, letters left out, is "
        "reported where it stands",
    )
    yield Line(
        "sequence precision",
        sequences.precision,
        ".3f",
        f"{sequences.right:,} of {sequences.reported:,} numbers reported are true ones",
    )
    if scenes.blank:
        count = len(scenes.blank)
        yield Line(
            "false digits", scenes.blank_false_digits, "d", f"found in {count:,} images without a digit"
        )


def _reliability_lines(reliability: ReliabilityFigures) -> Iterator[Line]:
    candidates = f"{len(reliability.calibrated):,} detections of score 0.01 and more"
    for name, digits, of in (
        ("calibration error", reliability.calibrated, f"of the scores of {candidates}"),
        ("calibration error, raw", reliability.raw, "of the same, with the networks' own scores"),
        ("calibration error, default", reliability.returned, "of the digits that are returned by default"),
    ):
        error = expected_calibration_error(digits)
        yield Line(
            name, error, ".3f", f"expected calibration error {of}: mean distance of score and fraction right"
        )


def _gate_lines(gate: GateFigures) -> Iterator[Line]:
    everywhere = "same images, gate off"
    yield Line("F1@0.5, exhaustive", gate.f1_50, ".3f", everywhere)
    yield Line("F1@0.3, exhaustive", gate.f1_30, ".3f", everywhere)
    yield Line("sequence accuracy, exhaustive", gate.sequence_accuracy, ".1%", everywhere)
    same = "found without the gate, also found with it: label equal, IoU at least 0.5"
    yield Line("kept by the gate", gate.kept, ".4f", f"of the {gate.digits} digits {same}")
    yield Line(
        f"kept below {SMALL_PX:g} px",
        gate.small_kept,
        ".4f",
        f"of the {gate.small_digits} digits below {SMALL_PX:g} px found without the gate, also found with it",
    )


def _match_lines(figures: PrecisionRecall, images: int) -> Iterator[Line]:
    at = f"@{figures.iou_threshold:g}"
    yield Line(
        f"precision{at}",
        figures.precision,
        ".3f",
        f"{figures.hits:,} of {figures.detections:,} digits found hit a true one: label equal, IoU at least "
        f"{figures.iou_threshold:g}, greedy by score, each true digit used once",
    )
    yield Line(
        f"recall{at}",
        figures.recall,
        ".3f",
        f"{figures.hits:,} of {figures.truths:,} true digits in {images:,} images are hit",
    )
    yield Line(f"F1{at}", figures.f1, ".3f", "harmonic mean of the two")


def _group_lines(name: str, of: str, groups: Sequence[GroupRecall]) -> Iterator[Line]:
    for group in groups:
        if group.recall is not None:
            yield Line(f"{name} {group.name}", group.recall, ".3f", f"of {group.truths:,} {of}")


def _photo_lines(photos: PhotoFigures) -> Iterator[Line]:
    yield Line(
        "false digits per MP",
        photos.false_per_mp,
        ".2f",
        f"{photos.false_digits:,} digits ({photos.false_numbers:,} numbers) found in {len(photos.paths):,} "
        f"digit-free photographs of {photos.megapixels:.1f} megapixels",
    )


def _pasted_lines(pasted: PastedFigures) -> Iterator[Line]:
    yield Line(
        "recall@0.3 alone",
        pasted.alone.recall,
        ".3f",
        f"of {pasted.alone.truths:,} true digits in {pasted.images:,} of the images as they are",
    )
    yield Line(
        "recall@0.3 pasted",
        pasted.pasted.recall,
        ".3f",
        "of the same, each image pasted unscaled into a digit-free photograph of about a megapixel",
    )


def _rendered_lines(rendered: RenderedFigures) -> Iterator[Line]:
    for name, found, count, what in (
        ("plates found", rendered.plates_found, rendered.plates, "a number alone"),
        ("signs found", rendered.signs_found, rendered.signs, "a number among words"),
    ):
        yield Line(
            name, found, "d", f"of {count} rendered pictures of {what}: the number is among those reported"
        )
    yield Line("spurious numbers", rendered.spurious, "d", "reported in all of these, but not the picture's")
