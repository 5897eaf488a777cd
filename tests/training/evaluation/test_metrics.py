"""The figures of detection, against cases worked out by hand and against pycocotools."""

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.results.detections import Detections, HouseNumber
from training.data.scenes import Scene
from training.evaluation.metrics import (
    COCO_IOU_THRESHOLDS,
    NumberFigures,
    average_precision,
    judge,
    match,
    number_figures,
    number_marks,
    precision_recall,
    read_left_to_right,
    recall_by_digit,
    recall_by_height,
)
from training.evaluation.sequences import TrueNumber

Row = tuple[int, float, float, float, float, float]
"""Label, x_min, y_min, x_max, y_max, score."""


def scene(*rows: tuple[int, float, float, float, float]) -> Scene:
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Scene(Path("image.png"), table[:, 1:], table[:, 0].astype(np.int32))


def found(*rows: Row) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, 1:5], table[:, 0].astype(np.int32), table[:, 5])


SEVEN = (7, 0, 0, 10, 20)
FIVE = (5, 12, 0, 22, 20)


@pytest.mark.parametrize(
    ("truth", "digits", "expected"),
    [
        pytest.param(scene(SEVEN), found((*SEVEN, 0.9)), [0], id="the very box"),
        pytest.param(scene(SEVEN), found((1, 0, 0, 10, 20, 0.9)), [-1], id="another label misses"),
        pytest.param(
            scene(SEVEN), found((7, 0, 10, 10, 20, 0.9)), [0], id="IoU exactly at the threshold hits"
        ),
        pytest.param(scene(SEVEN), found((7, 0, 10.1, 10, 20, 0.9)), [-1], id="a little less misses"),
        pytest.param(scene(SEVEN), found((7, 50, 0, 60, 20, 0.9)), [-1], id="elsewhere"),
        pytest.param(
            scene(SEVEN), found((*SEVEN, 0.9), (*SEVEN, 0.8)), [0, -1], id="each truth is used once"
        ),
        pytest.param(
            scene(SEVEN),
            found((*SEVEN, 0.8), (7, 0, 5, 10, 20, 0.9)),
            [-1, 0],
            id="the better score takes it, not the better box",
        ),
        pytest.param(
            scene(SEVEN),
            found((*SEVEN, 0.5), (*SEVEN, 0.5)),
            [0, -1],
            id="of equal scores the first takes it",
        ),
        pytest.param(
            scene(SEVEN, (7, 1, 0, 11, 20)),
            found((7, 1, 0, 11, 20, 0.9), (*SEVEN, 0.8)),
            [1, 0],
            id="the one that it overlaps most",
        ),
        pytest.param(
            scene(SEVEN, (7, 1, 0, 11, 20)),
            found((*SEVEN, 0.9), (*SEVEN, 0.8)),
            [0, 1],
            id="the next best if the best is taken",
        ),
        pytest.param(scene(SEVEN, FIVE), found((*FIVE, 0.2), (*SEVEN, 0.1)), [1, 0], id="two digits"),
        pytest.param(scene(), found((*SEVEN, 0.9)), [-1], id="no truth"),
        pytest.param(scene(SEVEN), found(), [], id="no detection"),
    ],
)
def test_match(truth: Scene, digits: Detections, expected: list[int]) -> None:
    assert match(digits, truth, [0.5]).tolist() == [expected]


def test_each_threshold_matches_on_its_own() -> None:
    digits = found((7, 0, 10, 10, 20, 0.9), (*SEVEN, 0.8))
    assert match(digits, scene(SEVEN), [0.3, 0.5, 0.75]).tolist() == [[0, -1], [0, -1], [-1, 0]]


def test_precision_and_recall_over_all_images_together() -> None:
    scenes = [scene(SEVEN, FIVE), scene(SEVEN)]
    digits = [found((*SEVEN, 0.9), (1, 12, 0, 22, 20, 0.8)), found((7, 0, 11, 10, 20, 0.7))]
    loose, strict = precision_recall(judge(scenes, digits, [0.3, 0.5]))
    assert (loose.hits, loose.detections, loose.truths) == (2, 3, 3)
    assert (loose.precision, loose.recall, loose.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert (strict.hits, strict.detections, strict.truths) == (1, 3, 3)
    assert (strict.precision, strict.recall, strict.f1) == pytest.approx((1 / 3, 1 / 3, 1 / 3))


def test_f1_is_the_harmonic_mean() -> None:
    (figures,) = precision_recall(judge([scene(SEVEN, FIVE)], [found((*SEVEN, 0.9))], [0.5]))
    assert (figures.precision, figures.recall) == (1, 0.5)
    assert figures.f1 == pytest.approx(2 / 3)


def test_nothing_found_is_zero_and_no_division_by_it() -> None:
    judgement = judge([scene(SEVEN)], [found()], [0.5])
    (figures,) = precision_recall(judgement)
    assert (figures.precision, figures.recall, figures.f1) == (0, 0, 0)
    assert average_precision(judgement)[0, 7] == 0


def test_average_precision_by_hand() -> None:
    """Of two 7s one is found first, then a false one comes, then the other is found."""
    scenes = [scene(SEVEN), scene(SEVEN)]
    digits = [found((*SEVEN, 0.9), (7, 50, 0, 60, 20, 0.8)), found((*SEVEN, 0.7))]
    result = average_precision(judge(scenes, digits, [0.5]))
    # Precision 1 at the 51 recalls up to 0.5, 2/3 at the 50 above.
    assert result[0, 7] == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert np.isnan(np.delete(result[0], 7)).all()


def test_recall_by_height() -> None:
    scenes = [scene((7, 0, 0, 10, 12), (7, 20, 0, 30, 15.9), (5, 40, 0, 50, 16), (3, 60, 0, 70, 99))]
    digits = [found((7, 0, 0, 10, 12, 0.9), (5, 40, 0, 50, 16, 0.9))]
    rows = recall_by_height(judge(scenes, digits, [0.5]), (12, 16, 32))
    assert [(r.name, r.truths, r.recall) for r in rows] == [
        ("< 12 px", 0, None),
        ("12-16 px", 2, 0.5),
        ("16-32 px", 1, 1.0),
        (">= 32 px", 1, 0.0),
    ]


def test_recall_by_digit() -> None:
    rows = recall_by_digit(judge([scene(SEVEN, FIVE)], [found((*SEVEN, 0.9))], [0.5]))
    assert [(r.name, r.recall) for r in rows if r.truths] == [("5", 0.0), ("7", 1.0)]


def number(text: str) -> HouseNumber:
    return HouseNumber(text, 0.9, (0, 0, 1, 1), tuple(range(len(text))))


@pytest.mark.parametrize(
    ("digits", "numbers", "expected"),
    [
        pytest.param(found((*FIVE, 0.8), (*SEVEN, 0.9)), ["75"], (1, 1, 1, 0), id="right"),
        pytest.param(found((*SEVEN, 0.9)), ["7"], (0, 0, 0, 1), id="a digit is missing"),
        pytest.param(found(), [], (0, 0, 0, 0), id="nothing found, nothing spurious"),
        pytest.param(
            found((*SEVEN, 0.9), (*FIVE, 0.8), (3, 90, 0, 99, 20, 0.7)),
            ["75", "3"],
            (0, 0, 1, 1),
            id="right, and another",
        ),
        pytest.param(
            found((*SEVEN, 0.9), (*FIVE, 0.8)), ["7", "5"], (1, 0, 0, 2), id="right digits, wrongly grouped"
        ),
        pytest.param(found((*SEVEN, 0.9)), ["75", "75"], (0, 0, 1, 1), id="the same again is spurious"),
    ],
)
def test_whole_numbers(
    digits: Detections, numbers: list[str], expected: tuple[float, float, float, float]
) -> None:
    figures = figures_of([scene(FIVE, SEVEN)], [digits], [numbers], [["75"]])
    assert (figures.accuracy, figures.exact, figures.found, figures.spurious) == expected


@pytest.mark.parametrize(
    ("truths", "numbers", "expected"),
    [
        pytest.param([[]], [[]], (1, 0, 0), id="nothing there, nothing read"),
        pytest.param([[]], [["3"]], (0, 0, 1), id="nothing there, but read"),
        pytest.param([["7", "5"]], [["5", "7"]], (1, 1, 0), id="two, in any order"),
        pytest.param([["7", "5"]], [["7", "3"]], (0, 1 / 2, 1), id="one of two, and another"),
        pytest.param([["7", "7"]], [["7"]], (0, 1 / 2, 0), id="one of two alike"),
        pytest.param([["7"]], [["7", "7"]], (0, 1, 1), id="the same again"),
        pytest.param([[], ["7"], ["7", "5"]], [[], ["7"], ["7", "5"]], (1, 1, 0), id="all right"),
        pytest.param(
            [["7"], ["7", "5"]], [["7"], []], (1 / 2, 1 / 3, 0), id="found counts numbers, not images"
        ),
        pytest.param([], [], (0, 0, 0), id="no image"),
    ],
)
def test_images_of_any_count_of_numbers(
    truths: list[list[str]], numbers: list[list[str]], expected: tuple[float, float, float]
) -> None:
    count = len(truths)
    figures = figures_of([scene()] * count, [found()] * count, numbers, truths)
    assert (figures.exact, figures.found, figures.spurious) == pytest.approx(expected)


def figures_of(
    scenes: list[Scene], digits: list[Detections], numbers: list[list[str]], truths: list[list[str]]
) -> NumberFigures:
    read = [[number(text) for text in image] for image in numbers]
    true = [[TrueNumber(text, (0, 0, 1, 1)) for text in image] for image in truths]
    return number_figures(number_marks(scenes, digits, read, true))


def test_whole_numbers_are_means_over_images() -> None:
    digits = [found((*SEVEN, 0.9)), found((*FIVE, 0.9)), found()]
    figures = figures_of([scene(SEVEN)] * 3, digits, [["7"], ["5", "1"], []], [["7"]] * 3)
    assert figures.accuracy == pytest.approx(1 / 3)
    assert figures.found == pytest.approx(1 / 3)
    assert figures.spurious == pytest.approx(2 / 3)


def test_reading_goes_by_x_min_alone() -> None:
    assert read_left_to_right(found((9, 5, 90, 15, 110, 0.1), (*FIVE, 0.9), (*SEVEN, 0.5))) == "795"


def coco_average_precision(scenes: list[Scene], detections: list[Detections]) -> np.ndarray:
    """(10 thresholds, 10 digits) as pycocotools has it; NaN where it says -1."""
    from pycocotools.coco import COCO  # noqa: PLC0415 - only this test needs it
    from pycocotools.cocoeval import COCOeval  # noqa: PLC0415

    def boxes(rows: np.ndarray) -> list[list[float]]:
        exact = rows.astype(np.float64)
        return np.hstack([exact[:, :2], exact[:, 2:] - exact[:, :2]]).tolist()

    truths = [
        {"image_id": i, "category_id": int(label), "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
        for i, s in enumerate(scenes)
        for box, label in zip(boxes(s.boxes), s.labels, strict=True)
    ]
    results = [
        {"image_id": i, "category_id": int(label), "bbox": box, "score": float(score)}
        for i, d in enumerate(detections)
        for box, label, score in zip(boxes(d.boxes), d.labels, d.scores, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": i} for i in range(len(scenes))],
            "categories": [{"id": digit} for digit in range(10)],
            "annotations": [{"id": i + 1, **truth} for i, truth in enumerate(truths)],
        }
        coco.createIndex()
        judge_of_coco = COCOeval(coco, coco.loadRes(results), "bbox")
        judge_of_coco.params.areaRng, judge_of_coco.params.areaRngLbl = [[0, 1e10]], ["all"]
        judge_of_coco.evaluate()
        judge_of_coco.accumulate()
    precision = judge_of_coco.eval["precision"][:, :, :, 0, -1]
    return np.where(precision[:, 0] < 0, np.nan, precision.mean(axis=1))


def random_case(seed: int, images: int, levels: int) -> tuple[list[Scene], list[Detections]]:
    """Digits in rows, detections that jitter about them, false, missed and double ones; tied scores."""
    rng = np.random.default_rng(seed)
    scenes, detections = [], []
    for _ in range(images):
        count = rng.integers(0, 6)
        low = np.column_stack([np.arange(count) * 12, rng.uniform(0, 5, count)])
        truth = np.hstack([low, low + rng.uniform([6, 15], [12, 25], (count, 2))])
        labels = rng.integers(0, rng.integers(2, 11), count)
        scenes.append(Scene(Path("image.png"), truth.astype(np.float32), labels.astype(np.int32)))
        again = np.repeat(np.arange(count), rng.integers(0, 4, count))
        false = rng.uniform(0, 60, (rng.integers(0, 5), 2))
        boxes = np.vstack(
            [truth[again] + rng.normal(0, 1.2, (len(again), 4)), np.hstack([false, np.add(false, (8, 18))])]
        )
        boxes[:, 2:] = np.maximum(boxes[:, :2] + 1, boxes[:, 2:])
        guess = np.concatenate([labels[again], rng.integers(0, 10, len(false))])
        scores = rng.integers(1, levels, len(boxes)) / levels
        detections.append(
            Detections(boxes.astype(np.float32), guess.astype(np.int32), scores.astype(np.float32))
        )
    return scenes, detections


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("images", "levels"), [(1, 1000), (40, 1000), (40, 6)], ids=["one", "many", "ties"])
def test_average_precision_equals_pycocotools(seed: int, images: int, levels: int) -> None:
    scenes, detections = random_case(seed + 1, images, levels)
    if not sum(map(len, detections)):
        detections[0] = found((3, 0, 0, 9, 9, 0.5))  # pycocotools takes no empty list of results
    ours = average_precision(judge(scenes, detections, COCO_IOU_THRESHOLDS))
    np.testing.assert_allclose(ours, coco_average_precision(scenes, detections), atol=1e-6)


@pytest.mark.parametrize(
    ("scenes", "detections"),
    [
        pytest.param([scene(SEVEN)], [found((*SEVEN, 0.9))], id="perfect"),
        pytest.param([scene(SEVEN)], [found((*FIVE, 0.9))], id="a digit that does not occur"),
        pytest.param([scene(SEVEN), scene()], [found(), found((*SEVEN, 0.9))], id="false in an empty image"),
        pytest.param([scene(SEVEN)], [found((7, 0, 10, 10, 20, 0.9))], id="IoU 0.5 sharp"),
        pytest.param([scene(SEVEN)], [found((7, 0, 5, 10, 20, 0.9))], id="IoU 0.75 sharp"),
        pytest.param([scene(SEVEN)], [found(*[(*SEVEN, 0.9)] * 3)], id="copies of equal score"),
        pytest.param(
            [scene(SEVEN, SEVEN)], [found((*SEVEN, 0.9), (*SEVEN, 0.8))], id="two truths in one place"
        ),
        pytest.param(
            [scene(SEVEN, (7, 4, 0, 14, 20))],
            [found((7, 2, 0, 12, 20, 0.9), (*SEVEN, 0.8))],
            id="a detection between two truths, as near to one as to the other",
        ),
    ],
)
def test_special_cases_equal_pycocotools(scenes: list[Scene], detections: list[Detections]) -> None:
    ours = average_precision(judge(scenes, detections, COCO_IOU_THRESHOLDS))
    np.testing.assert_allclose(ours, coco_average_precision(scenes, detections), atol=1e-6)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.3, 0.5, 0.75]))
def test_matching_keeps_its_promises(seed: int, threshold: float) -> None:
    scenes, detections = random_case(seed, 3, 8)
    judgement = judge(scenes, detections, [threshold])
    assert judgement.hits.sum() == judgement.found.sum(), "as many hits as digits found: each is used once"
    for digits, truth in zip(detections, scenes, strict=True):
        (taken,) = match(digits, truth, [threshold])
        assert (digits.labels[taken >= 0] == truth.labels[taken[taken >= 0]]).all()
