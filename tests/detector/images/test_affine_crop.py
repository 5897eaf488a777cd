"""Views: which pixels are seen, also where the image ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.images.affine_crop import affine_crop


def test_a_view_at_the_image_s_own_scale_is_its_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    seen = affine_crop(image, np.eye(2), np.array([40, 30]), np.array([10, 10]), 20)
    np.testing.assert_array_equal(seen, image[20:40, 30:50])


@pytest.mark.parametrize(
    ("centre", "expected"),
    [
        pytest.param((0, 30), (0, 30), id="left"),
        pytest.param((80, 30), (79, 30), id="right"),
        pytest.param((80, 60), (79, 59), id="a corner"),
    ],
)
def test_beyond_the_image_its_edge_goes_on(centre: tuple[int, int], expected: tuple[int, int]) -> None:
    y, x = np.mgrid[0:60, 0:80]
    image = np.stack([x, y, 0 * x], axis=2).astype(np.uint8)
    seen = affine_crop(image, np.eye(2), np.array(centre), np.array([10, 10]), 20)
    column, row = expected
    assert abs(int(seen[10, 10, 0]) - column) <= 1
    assert abs(int(seen[10, 10, 1]) - row) <= 1
    assert seen[..., 0].max() <= 79
    assert seen[..., 1].max() <= 59


@given(
    st.integers(1, 60), st.integers(1, 60), st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 20)
)  # fmt: skip
def test_any_view_of_any_image_shows_its_colours(
    height: int, width: int, across: float, down: float, scale: float
) -> None:
    """However small the image or the part of it that is seen."""
    image = np.full((height, width, 3), 77, np.uint8)
    centre = np.array([across * width, down * height])
    seen = affine_crop(image, scale * np.eye(2), centre, np.array([28, 28]), 56)
    assert seen.shape == (56, 56, 3)
    assert (seen == 77).all()
