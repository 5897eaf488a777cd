"""Pictures to try fine-tuning on: what is pasted is what the labels say, and train and test share nothing."""

from pathlib import Path

import numpy as np
import pytest

from detector.images.decode import decode_image
from tests.training.painted import write_png
from training.data.labels.folder import LabelOptions, read_labels
from training.data.pasted_numbers import HEIGHTS, MOST_DIGITS, SIZE, write_pasted_numbers
from training.errors import DataError

LIGHT = {"train": 150, "test": 250}
"""Of digits; photographs are a tenth as light."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for split, light in LIGHT.items():
        write_png(
            tmp_path / "data/backgrounds" / split / "photo.png", np.full((300, 400, 3), light // 10, np.uint8)
        )
        for label in (1, 8):
            picture = np.full((64, 64, 3), light, np.uint8)
            write_png(tmp_path / "data/other_digits" / split / str(label) / "digit.png", picture)
    return tmp_path / "data"


def test_digits_lie_where_the_labels_say_in_pictures_of_their_own_split(data: Path, tmp_path: Path) -> None:
    write_pasted_numbers(data, tmp_path / "out", {"train": 12, "test": 8}, 1)
    labels = read_labels(tmp_path / "out", LabelOptions())
    assert {split: len(scenes) for split, scenes in labels.splits.items()} == {"train": 12, "test": 8}
    for split, scenes in labels.splits.items():
        for scene in scenes:
            pixels = decode_image(scene.path.read_bytes()).mean(axis=2)
            assert pixels.shape[::-1] == SIZE
            expected = np.full(pixels.shape, LIGHT[split] // 10)
            for x_min, y_min, x_max, y_max in np.round(scene.boxes).astype(int):
                expected[y_min:y_max, x_min:x_max] = LIGHT[split]
            assert np.abs(pixels - expected).mean() < 2, "but for what JPEG changes"
            heights = scene.boxes[:, 3] - scene.boxes[:, 1]
            assert 1 <= len(heights) <= MOST_DIGITS
            assert HEIGHTS[0] - 0.01 <= heights.min() <= heights.max() <= HEIGHTS[1] + 0.01
            assert set(scene.labels) <= {1, 8}


def test_the_seed_makes_the_pictures(data: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_pasted_numbers(data, tmp_path / name, {"train": 3}, seed)
    a, b, c = (
        b"".join(path.read_bytes() for path in sorted((tmp_path / name / "labels").rglob("*.txt")))
        for name in "abc"
    )
    assert a == b != c


def test_missing_pictures_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"no pictures in backgrounds/train or in other_digits/train/0 \.\. 9"
    ):
        write_pasted_numbers(tmp_path, tmp_path / "out", {"train": 1}, 1)
