"""The whole way from an image to its numbers, with the embedded model."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from detector.images.decode import decode_image
from detector.models.model_files import EMBEDDED, read_manifest
from detector.models.operating_point import Calibration, OperatingPoint, Thresholds
from detector.models.runtimes import load_networks
from detector.pipeline.detector import DigitDetector
from detector.pipeline.options import DetectorConfig
from detector.results.boxes import iou
from detector.results.detections import ImageDetections
from detector.results.errors import (
    ImageEmptyError,
    ImageTooLargeError,
    ImageTypeError,
    ImageUndecodableError,
    InvalidOptionError,
)
from detector.results.interface import DetectOptions
from tests.training.official_files import REAL, official_crop

ANY_SCORE = 1e-4
"""Probabilities are calibrated: what is no digit scores thousandths."""


def assert_equal(a: ImageDetections, b: ImageDetections) -> None:
    """Equal to the last bit, except the time it took."""
    assert (a.width_px, a.height_px, a.numbers) == (b.width_px, b.height_px, b.numbers)
    for name in ("boxes", "labels", "scores"):
        np.testing.assert_array_equal(getattr(a.digits, name), getattr(b.digits, name))


@pytest.fixture(scope="module")
def street(real_images: dict[str, Path]) -> bytes:
    return real_images["68"].read_bytes()


@pytest.mark.parametrize("number", ["31", "33", "68", "101"])
def test_real_digits_are_found_and_read(
    embedded: DigitDetector, real_images: dict[str, Path], number: str
) -> None:
    found = embedded.detect(real_images[number].read_bytes())
    assert [read.text for read in found.numbers] == [number]
    official = REAL[real_images[number].name.removeprefix("svhn_train_")]
    boxes = np.array([(x, y, x + w, y + h) for _, x, y, w, h in official], np.float32)
    in_order = found.digits.select(list(found.numbers[0].digits))
    assert (np.diag(iou(boxes, in_order.boxes)) > 0.4).all(), "official boxes are loose"
    assert (found.model_name, found.model_version) == ("svhn-fcn", embedded.info().version)


def test_what_a_result_promises(embedded: DigitDetector, street: bytes) -> None:
    found = embedded.detect(street, DetectOptions(score_threshold=ANY_SCORE))
    digits = found.digits
    assert (found.width_px, found.height_px) == (190, 98)
    assert len(digits) > 3
    assert (np.diff(digits.scores) <= 0).all(), "best first"
    assert (digits.boxes >= 0).all()
    assert (digits.boxes <= [190, 98, 190, 98]).all(), "boxes end at the image's edge"
    assert sorted(i for number in found.numbers for i in number.digits) == list(range(len(digits)))
    assert set(found.stage_seconds) == {
        "decode", "pyramid", "gate", "tiles", "network", "score_map", "merge", "crops", "refiner", "numbers"
    }  # fmt: skip
    assert all(seconds > 0 for seconds in found.stage_seconds.values())


def test_pixels_and_their_file_give_the_same(embedded: DigitDetector, street: bytes) -> None:
    assert_equal(embedded.detect(decode_image(street)), embedded.detect(street))


@pytest.mark.parametrize("least", [0.2, 0.4, 0.6])
def test_a_score_threshold_returns_exactly_the_digits_that_reach_it(
    embedded: DigitDetector, street: bytes, least: float
) -> None:
    everything = embedded.detect(street, DetectOptions(score_threshold=ANY_SCORE)).digits
    found = embedded.detect(street, DetectOptions(score_threshold=least)).digits
    expected = everything.scores[everything.scores >= least]
    assert 0 < len(expected) < len(everything)
    assert found.scores.tolist() == expected.tolist()


def test_a_score_threshold_replaces_all_default_thresholds(street: bytes) -> None:
    """Lone digits below the lone threshold come back too, where the default believes nothing."""
    config = DetectorConfig(Thresholds(high=1, low=1, isolated=1))
    strict = DigitDetector(load_networks(EMBEDDED).fcn, read_manifest(EMBEDDED), config)
    assert len(strict.detect(street).digits) == 0
    assert len(strict.detect(street, DetectOptions(score_threshold=0.3)).digits) > 0


def test_default_thresholds_are_those_of_the_model(embedded: DigitDetector, street: bytes) -> None:
    """What the default returns is a choice among the digits above the least threshold."""
    thresholds = embedded.manifest.operating_point.thresholds
    least = thresholds.least
    candidates = embedded.detect(street, DetectOptions(score_threshold=least)).digits
    chosen = embedded.detect(street).digits
    assert set(chosen.scores.tolist()) <= set(candidates.scores.tolist())
    assert set(candidates.scores[candidates.scores >= thresholds.isolated].tolist()) <= set(
        chosen.scores.tolist()
    )


@pytest.fixture(scope="module")
def at() -> Callable[[OperatingPoint], DigitDetector]:
    """The embedded networks at any operating point."""
    networks, manifest = load_networks(EMBEDDED), read_manifest(EMBEDDED)
    return lambda point: DigitDetector(
        networks.fcn, manifest, refiner=networks.refiner, operating_point=point
    )


STEEP = Calibration((0.0, 0.5, 0.7, 1.0), (0.0, 0.1, 0.9, 1.0))


def test_calibration_changes_scores_and_nothing_else(
    at: Callable[[OperatingPoint], DigitDetector], street: bytes
) -> None:
    everything = DetectOptions(score_threshold=0.0, max_detections=1000)
    raw = at(OperatingPoint()).detect(street, everything).digits
    calibrated = at(OperatingPoint(calibration=STEEP)).detect(street, everything).digits
    assert calibrated.scores.tolist() == STEEP(raw.scores).tolist()
    np.testing.assert_array_equal(calibrated.boxes, raw.boxes)
    np.testing.assert_array_equal(calibrated.labels, raw.labels)


@pytest.mark.parametrize("least", [0.05, 0.1, 0.5, 0.93])
def test_a_score_threshold_is_a_probability(
    at: Callable[[OperatingPoint], DigitDetector], street: bytes, least: float
) -> None:
    """Pruning before the refiner loses none of the digits whose calibrated score reaches it."""
    detector = at(OperatingPoint(calibration=STEEP))
    everything = detector.detect(street, DetectOptions(score_threshold=0.001, max_detections=1000)).digits
    found = detector.detect(street, DetectOptions(score_threshold=least, max_detections=1000)).digits
    assert found.scores.tolist() == everything.scores[everything.scores >= least].tolist()
    assert len(found)


def test_thresholds_follow_the_calibration(
    at: Callable[[OperatingPoint], DigitDetector], real_images: dict[str, Path]
) -> None:
    """The same digits at the probabilities of the raw thresholds."""
    raw = Thresholds(0.6, 0.55, 0.7)
    mapped = Thresholds(*STEEP([0.6, 0.55, 0.7]).astype(float).tolist())
    one, other = at(OperatingPoint(thresholds=raw)), at(OperatingPoint(0.55, STEEP, mapped))
    for path in real_images.values():
        expected, found = (detector.detect(path.read_bytes()) for detector in (one, other))
        np.testing.assert_array_equal(found.digits.boxes, expected.digits.boxes)
        assert [n.text for n in found.numbers] == [n.text for n in expected.numbers]
    assert other.info().high_threshold == mapped.high


def test_to_look_and_then_decide_is_to_detect(embedded: DigitDetector, street: bytes) -> None:
    pixels = decode_image(street)
    decided = embedded.decide(embedded.run_networks(pixels), pixels.shape[1], pixels.shape[0])
    assert_equal(decided, embedded.detect(pixels))


def test_what_was_looked_at_at_a_low_score_decides_the_same(embedded: DigitDetector, street: bytes) -> None:
    """So thresholds can be chosen without running the networks again."""
    pixels = decode_image(street)
    output = embedded.run_networks(pixels, DetectOptions(score_threshold=ANY_SCORE))
    assert_equal(embedded.decide(output, pixels.shape[1], pixels.shape[0]), embedded.detect(pixels))


def test_the_best_so_many_are_returned(embedded: DigitDetector, street: bytes) -> None:
    everything = embedded.detect(street, DetectOptions(score_threshold=ANY_SCORE)).digits
    for most in (1, 3, len(everything), len(everything) + 1):
        options = DetectOptions(score_threshold=ANY_SCORE, max_detections=most)
        assert embedded.detect(street, options).digits.scores.tolist() == everything.scores[:most].tolist()


@pytest.mark.slow
def test_the_default_limit_is_300(embedded: DigitDetector) -> None:
    wall = np.random.default_rng(0).integers(0, 256, (500, 700, 3), np.uint8)
    found = embedded.detect(wall, DetectOptions(score_threshold=0.0, exhaustive=True))
    assert len(found.digits) == embedded.info().defaults.max_detections == 300


def test_no_overlap_is_allowed_at_threshold_0(embedded: DigitDetector, street: bytes) -> None:
    found = embedded.detect(street, DetectOptions(score_threshold=ANY_SCORE, nms_iou_threshold=0.0)).digits
    loose = embedded.detect(street, DetectOptions(score_threshold=ANY_SCORE, nms_iou_threshold=0.9)).digits
    assert 0 < len(found) < len(loose)


@pytest.mark.parametrize(
    ("low", "high", "there"),
    [
        pytest.param(None, None, True, id="any height"),
        pytest.param(15.0, 40.0, True, id="around them"),
        pytest.param(15.0, None, True, id="from below"),
        pytest.param(None, 40.0, True, id="up to above"),
        pytest.param(60.0, None, False, id="larger only"),
        pytest.param(None, 14.0, False, id="smaller only"),
        pytest.param(5.0, 5.0, False, id="one small height"),
        pytest.param(1e200, None, False, id="giants"),
    ],
)
def test_heights(
    embedded: DigitDetector, real_images: dict[str, Path], low: float | None, high: float | None, there: bool
) -> None:
    """The 0 of the 101 is 25 px high."""
    options = DetectOptions(score_threshold=0.3, min_digit_height_px=low, max_digit_height_px=high)
    found = embedded.detect(real_images["101"].read_bytes(), options)
    heights = (found.digits.boxes[:, 3] - found.digits.boxes[:, 1]).astype(np.float64)
    assert ((heights >= (low or 0)) & (heights <= (high or np.inf))).all()
    zero = np.array([(37, 3, 51, 28)], np.float32)
    assert (iou(zero, found.digits.boxes) > 0.4).any() == there


def test_digits_of_12_px_are_found(embedded: DigitDetector, real_images: dict[str, Path]) -> None:
    """The real 101, 25 px high, seen from twice as far: 12 px."""
    pixels = decode_image(real_images["101"].read_bytes())
    small = np.asarray(Image.fromarray(pixels).resize((42, 18), Image.Resampling.BOX))
    wall = np.full((120, 160, 3), np.median(small, axis=(0, 1)), np.uint8)
    wall[40:58, 60:102] = small
    found = embedded.detect(wall, DetectOptions(score_threshold=0.3)).digits
    truth = np.array([(60 + 37 * 42 / 87, 41.5, 60 + 51 * 42 / 87, 53.6)], np.float32)  # the 0 in the middle
    assert (iou(truth, found.boxes) > 0.4).any()


TINY = [(1, 1), (1, 300), (300, 1), (5, 5), (31, 32), (33, 31)]


@pytest.mark.parametrize(("height", "width"), TINY, ids=[f"{w} x {h}" for h, w in TINY])
def test_an_even_image_of_any_size_has_no_digits(embedded: DigitDetector, height: int, width: int) -> None:
    found = embedded.detect(np.full((height, width, 3), 128, np.uint8))
    assert (len(found.digits), found.numbers) == (0, ())
    assert (found.height_px, found.width_px) == (height, width)


@pytest.mark.parametrize(
    "pixels",
    [
        pytest.param(np.zeros((9, 9), np.uint8), id="grey"),
        pytest.param(np.zeros((9, 9, 4), np.uint8), id="alpha"),
        pytest.param(np.zeros((9, 9, 3), np.float32), id="float"),
        pytest.param(np.zeros((1, 9, 9, 3), np.uint8), id="a batch"),
        pytest.param(np.zeros((0, 9, 3), np.uint8), id="no pixels"),
    ],
)
def test_arrays_that_are_no_rgb_image_are_refused(embedded: DigitDetector, pixels: NDArray[Any]) -> None:
    with pytest.raises(ImageTypeError, match="uint8 RGB"):
        embedded.detect(pixels)


@pytest.mark.parametrize(
    "thing", ["house.jpg", bytearray(b"x"), None, [[1]]], ids=["str", "bytearray", "None", "list"]
)
def test_what_is_no_image_at_all_is_refused(embedded: DigitDetector, thing: Any) -> None:
    with pytest.raises(ImageTypeError, match=f"{type(thing).__name__} is no image"):
        embedded.detect(thing)


@pytest.mark.parametrize(
    ("data", "error"),
    [(b"", ImageEmptyError), (b"not an image", ImageUndecodableError)],
    ids=["empty", "garbage"],
)
def test_bytes_that_are_no_image_are_refused(
    embedded: DigitDetector, data: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        embedded.detect(data)


def test_the_pixel_limit_is_the_configured_one(street: bytes) -> None:
    config = DetectorConfig(max_pixels=190 * 98 - 1)
    small = DigitDetector(load_networks(EMBEDDED).fcn, read_manifest(EMBEDDED), config)
    assert small.info().max_pixels == 190 * 98 - 1
    with pytest.raises(ImageTooLargeError):
        small.detect(street)


@pytest.mark.parametrize(
    "low", [pytest.param(5.9, id="just too small"), pytest.param(1e-300, id="so small that sizes overflow")]
)
def test_a_pyramid_too_large_for_memory_is_refused(embedded: DigitDetector, low: float) -> None:
    huge = np.broadcast_to(np.uint8(0), (5000, 5000, 3))  # takes no memory
    with pytest.raises(InvalidOptionError, match=r"6\.0 px is the least") as refusal:
        embedded.detect(huge, DetectOptions(min_digit_height_px=low))
    assert refusal.value.field == "min_digit_height_px"


def test_the_same_image_always_gives_the_same(embedded: DigitDetector, street: bytes) -> None:
    first = embedded.detect(street)
    for _ in range(3):
        assert_equal(embedded.detect(street), first)


def test_another_instance_gives_the_same(embedded: DigitDetector, street: bytes) -> None:
    assert_equal(DigitDetector.load().detect(street), embedded.detect(street))


@pytest.mark.parametrize("exhaustive", [False, True])
def test_it_tells_how_far_a_large_image_is(embedded: DigitDetector, street: bytes, exhaustive: bool) -> None:
    pixels = np.tile(decode_image(street), (12, 12, 1))
    told: list[float] = []
    found = embedded.detect(pixels, DetectOptions(exhaustive=exhaustive), progress=told.append)
    assert_equal(found, embedded.detect(pixels, DetectOptions(exhaustive=exhaustive)))
    assert len(told) >= 10
    assert told == sorted(told)
    assert np.diff([0.0, *told]).max() < 0.5
    assert told[-1] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("exhaustive", [False, True])
def test_an_image_in_which_the_gate_sees_nothing_is_done_in_the_end(
    embedded: DigitDetector, exhaustive: bool
) -> None:
    told: list[float] = []
    embedded.detect(
        np.full((900, 1200, 3), 90, np.uint8), DetectOptions(exhaustive=exhaustive), progress=told.append
    )
    assert told[-1] == pytest.approx(1, abs=0.02)


@pytest.mark.slow
def test_eight_threads_get_the_serial_results(embedded: DigitDetector, real_images: dict[str, Path]) -> None:
    images = [path.read_bytes() for path in real_images.values()]
    options = [DetectOptions(), DetectOptions(score_threshold=ANY_SCORE)]
    jobs = [(image, option) for image in images for option in options] * 2
    serial = [embedded.detect(image, option) for image, option in jobs[: len(jobs) // 2]]
    with ThreadPoolExecutor(8) as pool:
        threaded = list(pool.map(lambda job: embedded.detect(*job), jobs))
    for i, found in enumerate(threaded):
        assert_equal(found, serial[i % len(serial)])


def test_crops_are_read_by_the_network_that_detects(
    embedded: DigitDetector, real_images: dict[str, Path]
) -> None:
    crops, labels = [], []
    for number in ("33", "101"):
        path = real_images[number]
        for digit in REAL[path.name.removeprefix("svhn_train_")]:
            crops.append(official_crop(decode_image(path.read_bytes()), digit))
            labels.append(digit[0])
    found = embedded.classify_crops(np.stack(crops))
    assert found.tolist() == labels
    assert embedded.classify_crops(np.stack(crops), batch=2).tolist() == labels
    none = embedded.classify_crops(np.empty((0, 32, 32, 3), np.uint8))
    assert none.shape == (0,)
    assert found.dtype == none.dtype == np.int32


def test_info(embedded: DigitDetector) -> None:
    info = embedded.info()
    assert info.sha256 == hashlib.sha256((EMBEDDED / "weights.safetensors").read_bytes()).hexdigest()
    assert 0 < info.parameter_count <= 1_000_000
    assert info.max_pixels == 100_000_000
    thresholds = embedded.manifest.operating_point.thresholds
    assert (info.high_threshold, info.low_threshold) == (thresholds.high, thresholds.low)
    assert (info.isolated_threshold, info.min_digit_height_px) == (thresholds.isolated, 12.0)


def test_the_defaults_given_back_as_options_change_nothing(embedded: DigitDetector, street: bytes) -> None:
    assert_equal(embedded.detect(street, embedded.info().defaults), embedded.detect(street))


MEASURE_MEMORY = """
import json, sys
from pathlib import Path
from detector import DigitDetector
from detector.results.interface import DetectOptions
from tests.memory import peak_memory

everything = DetectOptions(score_threshold=0.0, nms_iou_threshold=1.0, exhaustive=True)
digits = DigitDetector.load().detect(Path(sys.argv[1]).read_bytes(), everything).digits
print(json.dumps({"digits": len(digits), "bytes": peak_memory()}))
"""


@pytest.fixture
def peak_memory(tmp_path: Path, street: bytes, checkout: Path) -> Callable[[int, int], int]:
    def measure(width: int, height: int) -> int:
        """Peak memory in bytes of a process that asks for all that it can of a wall of a real picture's copies."""
        picture = decode_image(street)
        repeats = (-(-height // picture.shape[0]), -(-width // picture.shape[1]), 1)
        wall = np.tile(picture, repeats)[:height, :width]
        Image.fromarray(wall).save(tmp_path / "wall.jpg", quality=90)
        run = subprocess.run(
            [sys.executable, "-c", MEASURE_MEMORY, str(tmp_path / "wall.jpg")],
            cwd=checkout,
            capture_output=True,
            text=True,
            check=True,
        )
        measured = json.loads(run.stdout)
        assert measured["digits"] == 300
        return int(measured["bytes"])

    return measure


@pytest.mark.slow
def test_memory_for_3_megapixels(peak_memory: Callable[[int, int], int]) -> None:
    assert peak_memory(2000, 1500) < 1.4e9


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_memory_for_the_largest_image_that_is_accepted(peak_memory: Callable[[int, int], int]) -> None:
    assert peak_memory(11_547, 8660) < 1.5e9
