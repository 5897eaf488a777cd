"""Tiles: every window that is asked for comes once, and as it is in the whole image."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.models.backend import Network
from detector.pipeline import gate, score_map, tiles
from detector.pipeline.pyramid import Level
from detector.pipeline.tiles import Grid, Plane, slide
from detector.results.detections import FloatArray

SMALL = Grid(field=8, stride=2, border=3, sizes=(2, 5, 9))


class Corners(Network):
    """A network that says of a window what its first and last pixel are: where it lies, and that it ends there."""

    parameter_count = 0

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self.shapes: Counter[tuple[int, ...]] = Counter()

    def __call__(self, images: NDArray[np.uint8]) -> FloatArray:
        self.shapes[images.shape[1:3]] += len(images)
        windows = np.lib.stride_tricks.sliding_window_view(images, (self._grid.field,) * 2, axis=(1, 2))
        seen = windows[:, :: self._grid.stride, :: self._grid.stride]
        return np.concatenate([seen[..., 0, 0], seen[..., -1, -1]], axis=-1).astype(np.float32)


def picture(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def level(pixels: NDArray[np.uint8]) -> Level:
    return Level(pixels, (pixels.shape[0], pixels.shape[1]), (1.0, 1.0))


def whole_map(pixels: NDArray[np.uint8], grid: Grid) -> FloatArray:
    """What `Corners` says of every window of the image with a continued edge, all at once."""
    rows, columns = grid.shape(*pixels.shape[:2])
    below, right = (
        (count - 1) * grid.stride + grid.field - length - grid.border
        for count, length in ((rows, pixels.shape[0]), (columns, pixels.shape[1]))
    )
    around = ((grid.border, max(below, 0)), (grid.border, max(right, 0)), (0, 0))
    framed = np.pad(pixels, around, mode="edge")
    return Corners(grid)(framed[None])[0][:rows, :columns]


masks = st.tuples(
    st.integers(1, 70), st.integers(1, 70), st.sampled_from([0.0, 0.02, 0.2, 0.6, 1.0]), st.integers(0, 99)
)


@settings(max_examples=60)
@given(st.lists(masks, min_size=1, max_size=3), st.sampled_from([SMALL, score_map.GRID, gate.GATE_GRID]))
@example([(1, 1, 1.0, 0)], score_map.GRID)
@example([(1, 300, 1.0, 0), (300, 1, 1.0, 0)], score_map.GRID)
def test_every_window_asked_for_comes_once_and_as_in_the_whole(
    shapes: list[tuple[int, int, float, int]], grid: Grid
) -> None:
    planes, expected = [], []
    for height, width, share, seed in shapes:
        pixels = picture(height, width, seed)
        asked = np.random.default_rng(seed).random(grid.shape(height, width)) < share
        planes.append(Plane(level(pixels), asked))
        expected.append(np.where(asked[..., None], whole_map(pixels, grid), np.nan))
    found = [np.full_like(values, np.nan) for values in expected]
    network = Corners(grid)
    for hits in slide(network, planes, grid, -np.inf):
        for plane, row, column, outputs in zip(*hits, strict=True):
            assert np.isnan(found[plane][row, column]).all(), "a window comes twice"
            found[plane][row, column] = outputs
    for left, right in zip(found, expected, strict=True):
        np.testing.assert_array_equal(left, right)
    assert set(network.shapes) <= {(grid.side(size), grid.side(size)) for size in grid.sizes}


def test_only_windows_that_reach_the_threshold_come() -> None:
    pixels = picture(40, 50, 1)
    everything = whole_map(pixels, SMALL)
    plane = Plane(level(pixels), np.ones(SMALL.shape(40, 50), bool))
    found = [hits.outputs[:, 0] for hits in slide(Corners(SMALL), [plane], SMALL, 128.0)]
    assert sorted(np.concatenate(found)) == sorted(everything[everything[..., 0] >= 128][:, 0])


@pytest.mark.parametrize(
    ("rows", "columns", "most"),
    [
        pytest.param(slice(3, 5), slice(3, 5), 1, id="a digit takes the smallest tile"),
        pytest.param(slice(3, 12), slice(3, 12), 1, id="what fits into one tile is not cut"),
        pytest.param(slice(3, 5), slice(0, 40), 20, id="a long thin region is not covered by large squares"),
    ],
)
def test_few_pixels_are_looked_at(rows: slice, columns: slice, most: int) -> None:
    """At most so many of the smallest tiles' pixels for each window asked for."""
    asked = np.zeros(SMALL.shape(100, 100), bool)
    asked[rows, columns] = True
    network = Corners(SMALL)
    list(slide(network, [Plane(level(picture(100, 100, 0)), asked)], SMALL, -np.inf))
    assert sum(network.shapes.values()) <= most


@pytest.mark.parametrize("shape", [(1, 1), (5, 9), (9, 10), (40, 3), (70, 81)])
def test_a_plane_that_is_asked_for_whole_is_covered_like_any_region(shape: tuple[int, int]) -> None:
    """The short way for whole planes lays the tiles of the long one."""
    regions = tiles._cover(tiles._Sheet([np.ones(shape, bool)]), SMALL)
    np.testing.assert_array_equal(tiles._raster(shape, SMALL), regions)


def test_a_large_region_comes_in_several_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """So memory is bounded, and work can end between two calls."""
    monkeypatch.setattr(tiles, "_BATCH_PIXELS", 2 * SMALL.side(9) ** 2)
    monkeypatch.setattr(tiles, "_TOGETHER_HITS", 1)
    plane = Plane(level(picture(200, 200, 0)), np.ones(SMALL.shape(200, 200), bool))
    calls = list(slide(Corners(SMALL), [plane], SMALL, -np.inf))
    assert len(calls) > 50
    assert sum(len(hits.rows) for hits in calls) == plane.asked.size


def test_hits_of_several_calls_come_together_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows takes as long for a few as for many, and memory is bounded."""
    monkeypatch.setattr(tiles, "_BATCH_PIXELS", 2 * SMALL.side(9) ** 2)
    plane = Plane(level(picture(200, 200, 0)), np.ones(SMALL.shape(200, 200), bool))
    (whole,) = slide(Corners(SMALL), [plane], SMALL, -np.inf)
    monkeypatch.setattr(tiles, "_TOGETHER_HITS", 300)
    parts = list(slide(Corners(SMALL), [plane], SMALL, -np.inf))
    assert len(parts) == 36  # of 72 calls with 162 windows each, some of them beyond the edge
    assert all(len(hits.rows) < 600 for hits in parts)
    for one, several in zip(whole, zip(*parts, strict=True), strict=True):
        np.testing.assert_array_equal(one, np.concatenate(several))


def test_nothing_asked_for_is_no_call() -> None:
    plane = Plane(level(picture(30, 30, 0)), np.zeros(SMALL.shape(30, 30), bool))
    assert list(slide(Corners(SMALL), [plane], SMALL, -np.inf)) == []
