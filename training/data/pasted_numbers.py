"""Labelled pictures unlike SVHN's, to try fine-tuning on: digits cut out, pasted in rows.

The data folder holds `backgrounds/{train,test}` (photographs) and `other_digits/{train,test}/0` .. `9` (squares that
one digit fills); each split's pictures are made of that split's alone.
"""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.errors import DataError

Image = NDArray[np.uint8]
Row = tuple[int, float, float, float, float]

SIZE = (360, 270)
"""Width and height of a picture at most, px."""
HEIGHTS = (16, 60)
MOST_DIGITS = 5
_NAMES = ", ".join(f'"{digit}"' for digit in range(10))
_DATA_YAML = f"path: .\ntrain: images/train\ntest: images/test\nnames: [{_NAMES}]\n"


def write_pasted_numbers(data: Path, out: Path, counts: Mapping[str, int], seed: int) -> None:
    """Write a YOLO folder.

    Args:
        data: what pictures are made of.
        out: the folder.
        counts: how many pictures of "train" and of "test".
        seed: of everything random.

    Raises:
        DataError: if photographs or digits are missing or damaged.
    """
    for number, (split, count) in enumerate(counts.items()):
        _write_split(data, out, split, count, np.random.default_rng([seed, number]))
    (out / "data.yaml").write_text(_DATA_YAML, encoding="utf-8")


def _write_split(data: Path, out: Path, split: str, count: int, rng: np.random.Generator) -> None:
    """Write `count` pictures and their label files."""
    photos = sorted((data / "backgrounds" / split).glob("*"))
    # Every picture of a digit is as likely as every other: classes come as unevenly as they were found.
    digits = sorted((data / "other_digits" / split).glob("[0-9]/*"))
    if not photos or not digits:
        raise DataError(f"{data}: no pictures in backgrounds/{split} or in other_digits/{split}/0 .. 9")
    for kind in ("images", "labels"):
        (out / kind / split).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        picture, rows = paste(_read(photos[rng.integers(len(photos))]), digits, rng)
        height, width = picture.shape[:2]
        lines = [
            f"{label} {x / width:.6f} {y / height:.6f} {w / width:.6f} {h / height:.6f}\n"
            for label, x, y, w, h in rows
        ]
        (out / "labels" / split / f"{number:04d}.txt").write_text("".join(lines), encoding="utf-8")
        cv2.imwrite(str(out / "images" / split / f"{number:04d}.jpg"), picture)


def paste(photo: Image, digits: list[Path], rng: np.random.Generator) -> tuple[Image, list[Row]]:
    """Return a piece of the photograph with a number on it.

    Returns:
        the picture, and a row for each digit: label, middle x and y, width, height in px.
    """
    width, height = min(SIZE[0], photo.shape[1]), min(SIZE[1], photo.shape[0])
    left, top = rng.integers(photo.shape[1] - width + 1), rng.integers(photo.shape[0] - height + 1)
    picture = photo[top : top + height, left : left + width].copy()
    tall = round(float(np.exp(rng.uniform(*np.log(HEIGHTS)))))
    wide, gap = tall // 2, round(tall * rng.uniform(0, 0.2))  # squares get a digit's proportions back
    count = int(rng.integers(1, MOST_DIGITS + 1))
    y = int(rng.integers(height - tall + 1))
    x = int(rng.integers(width - count * (wide + gap) + 1))
    rows = []
    for _ in range(count):
        path = digits[rng.integers(len(digits))]
        digit = cv2.resize(_read(path), (wide, tall), interpolation=cv2.INTER_AREA)
        picture[y : y + tall, x : x + wide] = digit
        rows.append((int(path.parent.name), x + wide / 2, y + tall / 2, float(wide), float(tall)))
        x += wide + gap
    return picture, rows


def _read(path: Path) -> Image:
    image = cv2.imread(str(path))
    if image is None:
        raise DataError(f"{path}: not a picture")
    return np.asarray(image, np.uint8)
