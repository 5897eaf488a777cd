"""A level larger than its image is cut tile by tile, and looks as if it had been made whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.pipeline.pyramid import Level, levels

sides = st.integers(1, 90)


def framed(level: Level, border: int) -> NDArray[np.uint8]:
    return np.pad(level.pixels, ((border, border), (border, border), (0, 0)), mode="edge")


@given(sides, sides, st.floats(2, 40), st.integers(-16, 60), st.integers(-16, 60), st.integers(1, 64))
def test_a_tile_is_what_the_whole_level_has_there(
    height: int, width: int, low: float, top: int, left: int, side: int
) -> None:
    image = np.random.default_rng(height * 97 + width).integers(0, 256, (height, width, 3), np.uint8)
    border = 140
    for level in levels(image, low, low * 3):
        rows, columns = level.shape
        y, x = max(min(top, rows - 1), 1 - side), max(min(left, columns - 1), 1 - side)
        expected = framed(level, border)[y + border : y + border + side, x + border : x + border + side]
        tile = level.cut(y, x, side)
        assert tile.shape == (side, side, 3)
        tolerance = 0 if level.source.shape[:2] == level.shape else 1  # OpenCV rounds its weights
        assert np.abs(tile.astype(int) - expected).max() <= tolerance


@pytest.mark.parametrize("low", [4.0, 10.0, 12.0])
def test_tiles_keep_the_frame(low: float) -> None:
    """On a ramp a shift of 1/20 px would show."""
    image = np.repeat((np.arange(240, dtype=np.uint8))[None, :, None], 50, axis=0).repeat(3, axis=2)
    level = next(levels(image, low, low))
    columns = np.arange(16, 16 + 100)
    expected = (columns + 0.5) / level.scale[0] - 0.5
    tile = level.cut(5, 16, 100)
    assert np.abs(tile[0, :, 0] - expected).mean() < 0.3


def test_an_enlarged_level_takes_no_memory() -> None:
    image = np.broadcast_to(np.uint8(7), (20_000, 30_000, 3))
    level = next(levels(image, 4, 4))
    assert level.shape == (80_000, 120_000)
    assert (level.cut(79_990, 119_990, 64) == 7).all()
