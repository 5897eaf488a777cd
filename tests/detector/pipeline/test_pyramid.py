"""Scales and frames of the pyramid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.pipeline.pyramid import HALF, level_scales, levels, with_halves

ROOT_HALF = 0.5**0.5


@pytest.mark.parametrize(
    ("low", "high", "scales"),
    [
        pytest.param(16, 16, [1], id="what the network knows"),
        pytest.param(16, 30, [1], id="up to 30 px one scale is enough"),
        pytest.param(16, 31, [1, ROOT_HALF], id="beyond it is not"),
        pytest.param(12, 12, [4 / 3], id="the default's smallest digits are enlarged"),
        pytest.param(12, 40, [4 / 3, 4 / 3 * ROOT_HALF, 2 / 3], id="steps of the square root of 2"),
        pytest.param(8, 8, [2], id="twice"),
        pytest.param(64, 64, [0.25], id="large digits alone need no large level"),
        pytest.param(12, 5, [4 / 3], id="an image lower than the smallest digit has one level"),
    ],
)
def test_scales(low: float, high: float, scales: list[float]) -> None:
    assert level_scales(low, high) == pytest.approx(scales)


@settings(deadline=None)  # a busy machine is no defect
@given(st.floats(3, 200), st.floats(1, 60), st.floats(0, 1))
def test_every_height_comes_to_16_to_30_px_at_some_scale(low: float, ratio: float, part: float) -> None:
    height = low * ratio**part
    seen = [height * scale for scale in level_scales(low, low * ratio)]
    assert any(16 - 1e-6 <= pixels <= 30 + 1e-6 for pixels in seen)


def test_levels_of_an_image() -> None:
    image = np.zeros((90, 200, 3), np.uint8)
    made = list(levels(image, 12, np.inf))
    assert [level.pixels.shape[:2] for level in made] == [
        (120, 267),
        (85, 189),
        (60, 133),
        (42, 94),
        (30, 66),
    ]
    for level in made[:3]:
        height, width = level.pixels.shape[:2]
        assert level.scale == (width / 200, height / 90), "the scale is that of the rounded size"
    for twice, level in zip(made[1:], made[3:], strict=False):
        assert level.scale == (twice.scale[0] / 2, twice.scale[1] / 2), (
            "of an odd length the last is left out"
        )
    assert all(level.pixels.dtype == np.uint8 for level in made)


@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (1, 400), (400, 1), (11, 13)], ids=lambda side: f"{side} px"
)
def test_tiny_images_have_levels(height: int, width: int) -> None:
    for low in (12, 500):
        made = list(levels(np.zeros((height, width, 3), np.uint8), low, np.inf))
        assert made
        assert all(min(level.pixels.shape[:2]) >= 1 for level in made)


@pytest.mark.parametrize("low", [4.0, 12.0, 40.0], ids=lambda low: f"from {low:g} px")
def test_resizing_keeps_the_frame(low: float) -> None:
    """Half a pixel's shift, the usual mistake of resizing, would move the spot 0.37 px at scale 4."""
    height, width, x, y = 301, 407, 153.3, 201.8
    rows, columns = np.mgrid[0:height, 0:width] + 0.5
    spot = 250 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 14**2))
    image = np.repeat(spot.round().astype(np.uint8)[..., None], 3, axis=2)
    for level in levels(image, low, np.inf):
        light = level.pixels[..., 0].astype(float)
        rows, columns = np.indices(light.shape) + 0.5
        centre = np.array([(columns * light).sum(), (rows * light).sum()]) / light.sum()
        assert centre / level.scale == pytest.approx([x, y], abs=0.1), f"at scale {level.scale}"


def test_small_levels_average_what_they_leave_out() -> None:
    """A pattern of single pixels becomes even grey; sampled, it would become stripes."""
    rows, columns = np.indices((256, 320))
    image = np.repeat(((rows + columns) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)
    small = [level.pixels for level in levels(image, 12, np.inf) if level.scale[0] < 0.5]
    assert len(small) > 2
    for pixels in small:
        assert np.abs(pixels.astype(int) - 127.5).max() < 40


@pytest.mark.parametrize(("height", "width"), [(1, 1), (90, 200), (301, 407)])
def test_every_level_comes_with_that_of_half_its_scale(height: int, width: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    alone = list(levels(image, 12, np.inf))
    pairs = list(with_halves(levels(image, 12, np.inf, beyond=HALF)))
    assert len(pairs) == len(alone)
    for level, (same, half) in zip(alone, pairs, strict=True):
        np.testing.assert_array_equal(same.pixels, level.pixels)
        for whole, part in zip(level.pixels.shape[:2], half.pixels.shape[:2], strict=True):
            assert abs(whole / 2 - part) <= 1
