"""Pixels and boxes go through the same geometry."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from detector.images.affine_crop import affine_crop
from training.samplers.augmentation import Distortion, distortion, warp_boxes

SIZE = 72


def picture_of(box: tuple[int, int, int, int], shape: str, side: int = 400) -> NDArray[np.uint8]:
    """A white rectangle or ellipse on black, its edge smooth."""
    fine = Image.new("L", (4 * side, 4 * side))
    draw = ImageDraw.Draw(fine)
    corners = [4 * box[0], 4 * box[1], 4 * box[2] - 1, 4 * box[3] - 1]
    draw.rectangle(corners, 255) if shape == "rectangle" else draw.ellipse(corners, 255)
    return np.asarray(fine.resize((side, side), Image.Resampling.BOX).convert("RGB"))


def extent(shown: NDArray[np.uint8]) -> list[float]:
    """The xyxy box of the white part, edges where the profile through its middle has half its height."""
    light = shown[..., 0] / 255.0
    sides = []
    for axis in (0, 1):
        profile = light.max(axis=axis)
        inside = np.flatnonzero(profile >= 0.5)
        first, last = inside[0], inside[-1]
        low = first + 0.5 - (profile[first] - 0.5) / (profile[first] - profile[first - 1])
        high = last + 0.5 + (profile[last] - 0.5) / (profile[last] - profile[last + 1])
        sides.append((low, high))
    return [sides[0][0], sides[1][0], sides[0][1], sides[1][1]]


@pytest.mark.parametrize("scale", [0.13, 0.3, 0.5, 0.74, 0.76, 1.0, 1.7, 2.6])
@pytest.mark.parametrize("goal", [(36, 36), (33.3, 38.8)], ids=["whole", "between pixels"])
def test_a_scaled_box_lies_on_its_pixels(scale: float, goal: tuple[float, float]) -> None:
    """Scales on both sides of the one from which the picture is averaged first."""
    height, width = round(26 / scale), round(14 / scale)
    box = (151, 143, 151 + width, 143 + height)
    centre = np.array([box[0] + box[2], box[1] + box[3]]) / 2
    matrix = scale * np.eye(2)
    shown = affine_crop(picture_of(box, "rectangle"), matrix, centre, np.array(goal), SIZE, None)
    (warped,) = warp_boxes(np.array([box], np.float32), matrix, centre, np.array(goal))
    assert extent(shown) == pytest.approx(warped.tolist(), abs=0.25)
    assert (warped[:2] + warped[2:]) / 2 == pytest.approx(goal, abs=1e-4)


@pytest.mark.parametrize("seed", range(6))
def test_a_turned_box_is_that_of_the_digit_in_it(seed: int) -> None:
    """Digits fill their boxes as ellipses do, roughly; a turned rectangle's box would be too large."""
    rng = np.random.default_rng(seed)
    matrix = 0.3 * distortion(Distortion(angle=15, shear=0.2, stretch=0.2), rng)
    box, goal = (100, 80, 160, 180), np.array([36, 36])
    shown = affine_crop(picture_of(box, "ellipse"), matrix, np.array([130, 130]), goal, SIZE, None)
    (warped,) = warp_boxes(np.array([box], np.float32), matrix, np.array([130, 130]), goal)
    assert extent(shown) == pytest.approx(warped.tolist(), abs=0.6)


def test_boxes_keep_their_places_to_each_other() -> None:
    boxes = np.array([(100, 100, 110, 120), (120, 100, 130, 120)], np.float32)
    warped = warp_boxes(boxes, 2 * np.eye(2), np.array([105, 110]), np.array([36, 36]))
    assert warped.tolist() == [[26, 16, 46, 56], [66, 16, 86, 56]]


@pytest.mark.parametrize("scale", [0.4, 1.0])
def test_surroundings_are_seen_where_the_picture_ends(scale: float) -> None:
    picture = np.full((40, 40, 3), 250, np.uint8)
    photo = np.full((SIZE, SIZE, 3), 10, np.uint8)
    photo[0, 0] = 77
    centre, goal = np.array([20, 20]), np.array([36, 36])
    alone = affine_crop(picture, scale * np.eye(2), centre, goal, SIZE, None)
    pasted = affine_crop(picture, scale * np.eye(2), centre, goal, SIZE, photo)
    half = 20 * scale
    inside = slice(int(36 - half) + 2, int(36 + half) - 2)
    assert (alone == 250).all(), "without surroundings the picture's edge continues"
    assert (pasted[inside, inside] == 250).all()
    outside = np.ones((SIZE, SIZE), bool)
    ring = slice(int(36 - half) - 2, int(36 + half) + 2)
    outside[ring, ring] = False
    assert (pasted[outside] == photo[outside]).all()
    assert (photo != 250).all(), "the photograph itself is not painted on"


def test_distortions_spread_as_asked() -> None:
    rng = np.random.default_rng(0)
    none = distortion(Distortion(0, 0, 0), rng)
    np.testing.assert_allclose(none, np.eye(2))
    some = np.stack([distortion(Distortion(angle=4, shear=0, stretch=0), rng) for _ in range(500)])
    angles = np.degrees(np.arctan2(some[:, 1, 0], some[:, 0, 0]))
    assert np.std(angles) == pytest.approx(4, rel=0.15)
    np.testing.assert_allclose(np.linalg.det(some), 1)
