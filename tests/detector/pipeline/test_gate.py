"""The gate: where it lets the FCN look, and that what the FCN sees there is what it sees everywhere."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from detector import DigitDetector
from detector.images.decode import decode_image
from detector.models.backend import Network
from detector.models.layers import GATE
from detector.models.model_files import EMBEDDED
from detector.models.openvino_backend import OpenVinoNetwork, build_model
from detector.models.runtimes import FLOAT32, TENSORFLOW, load_networks
from detector.pipeline import gate
from detector.pipeline.gate import passing_windows
from detector.pipeline.options import DetectorConfig
from detector.pipeline.pyramid import Level
from detector.pipeline.score_map import GRID
from detector.results.boxes import iou
from detector.results.detections import Detections, FloatArray
from detector.results.interface import DetectOptions

FAINT = DetectOptions(score_threshold=0.05)
EVERYWHERE = replace(FAINT, exhaustive=True)


def constant_gate(output: float) -> OpenVinoNetwork:
    """A gate that says the same of every cell."""
    arrays: list[FloatArray] = []
    channels = 3
    for layer in GATE.convolutions:
        arrays.append(np.zeros((layer.size, layer.size, channels, layer.filters), np.float32))
        arrays += [np.ones(layer.filters, np.float32) for _ in range(4)]
        channels = layer.filters
    arrays += [np.zeros((1, 1, channels, 1), np.float32), np.full(1, output, np.float32)]
    return OpenVinoNetwork(build_model(GATE, arrays), "f32", 0)


def with_gate(runtime: str, output: float) -> DigitDetector:
    """The embedded model with a gate that says the same of every cell."""
    networks = load_networks(EMBEDDED, runtime)
    return DigitDetector(
        networks.fcn, networks.manifest, refiner=networks.refiner, gate=constant_gate(output)
    )


def sizes() -> list[pytest.param]:  # type: ignore[valid-type]
    return [
        pytest.param(1, 1, id="one pixel"),
        pytest.param(1, 400, id="a line"),
        pytest.param(33, 31, id="less than a tile"),
        pytest.param(98, 190, id="as it is"),
        pytest.param(611, 823, marks=pytest.mark.slow, id="sides that nothing divides"),
        pytest.param(940, 1260, marks=pytest.mark.slow, id="more than is looked at together"),
    ]


def wall(real_images: dict[str, Path], height: int, width: int) -> NDArray[np.uint8]:
    """A real picture's copies side by side."""
    picture = decode_image(real_images["68"].read_bytes())
    repeats = -(-height // picture.shape[0]), -(-width // picture.shape[1]), 1
    return np.tile(picture, repeats)[:height, :width]


@pytest.mark.parametrize("runtime", [FLOAT32, pytest.param(TENSORFLOW, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("height", "width"), sizes())
def test_a_gate_that_passes_everything_changes_nothing(
    runtime: str, height: int, width: int, real_images: dict[str, Path]
) -> None:
    pixels = wall(real_images, height, width)
    detector = with_gate(runtime, 1.0)
    assert_same_digits(detector.detect(pixels, FAINT).digits, detector.detect(pixels, EVERYWHERE).digits)


def assert_same_digits(found: Detections, expected: Detections) -> None:
    assert len(found) == len(expected)
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_allclose(found.boxes, expected.boxes, rtol=0, atol=1e-3)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=0, atol=1e-4)


def test_a_gate_that_passes_nothing_finds_nothing(real_images: dict[str, Path]) -> None:
    detector = with_gate(FLOAT32, -1.0)
    pixels = wall(real_images, 98, 190)
    assert len(detector.detect(pixels, FAINT).digits) == 0
    assert len(detector.detect(pixels, EVERYWHERE).digits) > 5


def test_a_detector_may_be_exhaustive_by_default(real_images: dict[str, Path]) -> None:
    networks = load_networks(EMBEDDED, FLOAT32)
    detector = DigitDetector(
        networks.fcn, networks.manifest, DetectorConfig(exhaustive=True), gate=constant_gate(-1.0)
    )
    pixels = wall(real_images, 98, 190)
    assert len(detector.detect(pixels, FAINT).digits) > 5
    assert len(detector.detect(pixels, replace(FAINT, exhaustive=False)).digits) == 0


class OneCell(Network):
    """A gate that passes where the middle pixel of a cell's window is white."""

    parameter_count = 0

    def __call__(self, images: NDArray[np.uint8]) -> FloatArray:
        middle = gate.GATE_GRID.field // 2
        return images[:, middle::4, middle::4, :1][:, :-2, :-2].astype(np.float32) - 255


@pytest.mark.parametrize(
    ("x", "y"), [(0, 0), (40, 40), (43, 57), (127, 95)], ids=["corner", "even", "odd", "last"]
)
def test_the_windows_of_a_cell_lie_where_the_cell_looks(x: int, y: int) -> None:
    """A white spot at (x, y) of the half-scale level: the windows that pass centre on it, and reach one further."""
    half = np.zeros((96, 128, 3), np.uint8)
    half[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3] = 255
    (mask,) = passing_windows(OneCell(), [Level(half, (96, 128), (0.5, 0.5))], [GRID.shape(192, 256)])
    rows, columns = np.nonzero(mask)
    assert len(rows) > 0
    for centres, spot in ((4 * rows, 2 * y), (4 * columns, 2 * x)):
        assert abs(centres.mean() - spot) <= 8
        assert np.ptp(centres) <= 24


@pytest.mark.slow
@pytest.mark.parametrize("number", ["31", "33", "68", "101"])
def test_real_digits_pass_the_embedded_gate(real_images: dict[str, Path], number: str) -> None:
    detector = DigitDetector.load()
    data = real_images[number].read_bytes()
    gated, everywhere = (detector.detect(data, options) for options in (None, DetectOptions(exhaustive=True)))
    assert [read.text for read in gated.numbers] == [read.text for read in everywhere.numbers] == [number]
    overlap = iou(gated.digits.boxes, everywhere.digits.boxes)
    assert (np.diag(overlap) > 0.9).all()


PHASES = 6
"""Places along each axis within the period of a gate's cells."""


def copies_at_every_phase(shown: NDArray[np.uint8], digit_px: float, count: int) -> NDArray[np.uint8]:
    """Return a wall of `count` x `count` copies of a picture, each a little further within the period of cells.

    At the scale at which the FCN reads digits of this height a cell of the gate covers 8 px. The wall is as wide as
    several of the gate's tiles there, so that copies lie across their edges, too.
    """
    period = 8 / 24 * digit_px
    height, width = shown.shape[:2]
    pitch = period * np.ceil((np.array([height, width]) + digit_px) / period) + period / count
    tops, lefts = (np.round(np.arange(count) * step + digit_px).astype(int) for step in pitch)
    size = tops[-1] + height + int(digit_px), lefts[-1] + width + int(digit_px)
    wall = np.full((*size, 3), np.median(shown, axis=(0, 1)), np.uint8)
    for top in tops:
        for left in lefts:
            wall[top : top + height, left : left + width] = shown
    return wall


@pytest.mark.slow
@pytest.mark.parametrize("height", np.geomspace(12, 400, 20).round().astype(int).tolist())
def test_digits_of_every_height_pass_wherever_they_lie(
    real_images: dict[str, Path], embedded: DigitDetector, height: int
) -> None:
    """Real digits, 12 to 400 px high, at every place relative to the gate's cells, and at the edges of tiles."""
    count = PHASES if height < 100 else 2
    everywhere = lost = 0
    for number in ("33", "68") if height < 100 else ("31",):
        pixels = decode_image(real_images[number].read_bytes())
        boxes = embedded.detect(pixels, DetectOptions(exhaustive=True)).digits.boxes
        scale = height / float((boxes[:, 3] - boxes[:, 1]).max())
        size = round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)
        shown = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
        wall = copies_at_every_phase(shown, height, count)
        expected = embedded.detect(wall, DetectOptions(exhaustive=True)).digits
        found = embedded.detect(wall).digits
        same = (iou(expected.boxes, found.boxes) >= 0.5) & (expected.labels[:, None] == found.labels)
        everywhere += len(expected)
        lost += int((~same.any(axis=1)).sum())
    assert everywhere >= 2 * count**2
    assert lost <= 0.02 * everywhere
