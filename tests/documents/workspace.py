"""The folder in which a page's blocks run: images, labels and models, so small that training takes seconds."""

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from pillow_heif import register_heif_opener

from tests.detector.folders.location.street import make_walk
from tests.documents.pages import CHECKOUT
from tests.training.official_files import REAL, TEST_DATA

SPLITS = {"train": 40, "val": 5, "test": 5}
EMBEDDED = CHECKOUT / "detector" / "weights"


def prepare(folder: Path, page: str) -> None:
    """Lays out what every page finds, and what this one needs besides."""
    for name in ("tests", "protos", "deploy", "docs", "scripts"):
        (folder / name).symlink_to(CHECKOUT / name)
    shutil.copytree(TEST_DATA, folder / "photos", ignore=shutil.ignore_patterns("*.md"))
    shutil.copy(TEST_DATA / "svhn_train_5.png", folder / "house.jpg")
    for add in _EXTRAS.get(page, ()):
        add(folder)


def write_yolo(folder: Path) -> None:
    """Writes fifty small labelled images: real numbers, each in another size and light."""
    rng = np.random.default_rng(0)
    for split, count in SPLITS.items():
        (folder / "images" / split).mkdir(parents=True)
        (folder / "labels" / split).mkdir(parents=True)
        for number in range(count):
            name = list(REAL)[number % len(REAL)]
            image = cv2.imread(str(TEST_DATA / f"svhn_train_{name}"))
            assert image is not None
            height, width = image.shape[:2]
            lines = [
                f"{label} {(x + w / 2) / width} {(y + h / 2) / height} {w / width} {h / height}\n"
                for label, x, y, w, h in REAL[name]
            ]
            scale = 40 / height * rng.uniform(0.8, 1.2)
            small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            lit = cv2.convertScaleAbs(small, alpha=rng.uniform(0.6, 1.0))
            cv2.imwrite(str(folder / "images" / split / f"{number}.png"), lit)
            (folder / "labels" / split / f"{number}.txt").write_text("".join(lines))
    splits = "".join(f"{split}: images/{split}\n" for split in SPLITS)
    (folder / "data.yaml").write_text(f"{splits}names: {[str(digit) for digit in range(10)]}\n")


def _labels(*names: str) -> Callable[[Path], None]:
    return lambda folder: [write_yolo(folder / name) for name in names] and None


def _model(*names: str) -> Callable[[Path], None]:
    return lambda folder: [shutil.copytree(EMBEDDED, folder / "models" / name) for name in names] and None


def _known_numbers(folder: Path) -> None:
    (folder / "numbers.csv").write_text("image,number\nsvhn_train_5.png,31\nsvhn_train_74.png,33\n")


def _heic(folder: Path) -> None:
    register_heif_opener()
    with Image.open(folder / "house.jpg") as image:
        image.save(folder / "IMG_0001.HEIC")
    shutil.copy(folder / "IMG_0001.HEIC", folder / "photos" / "IMG_0002.heic")


def _results(folder: Path) -> None:
    rows = [
        '{"image": "svhn_train_5.png", "width_px": 146, "height_px": 71, "digits": [{"label": 3, "score": 0.9, '
        '"box": [52.0, 11.0, 73.0, 54.0]}], "numbers": [{"text": "3", "score": 0.9, '
        '"box": [52.0, 11.0, 73.0, 54.0], "digits": [0]}]}',
        '{"image": "gone.png", "error": {"code": "IMAGE_UNREADABLE", "message": "no such file"}}',
    ]
    (folder / "digits.jsonl").write_text("".join(f"{row}\n" for row in rows))


_EXTRAS: dict[str, tuple[Callable[[Path], None], ...]] = {
    "docs/results.md": (_results,),
    "docs/ray-folders.md": (_results,),
    "docs/images.md": (_heic,),
    "docs/walk.md": (make_walk,),
    "docs/labels.md": (_labels("mine"),),
    "docs/own-data.md": (_known_numbers,),
    "docs/fine-tuning.md": (_labels("mine", "old"), _model("scratch")),
    "docs/comparing.md": (_labels("mine"), _model("mine")),
    "docs/operations.md": (_model("mine", "next"),),
}
