"""Street scenes to measure with: a photograph at any size, with real house numbers pasted into it."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np

from benchmarks.measuring import SAMPLES, Picture
from detector.images.decode import IMAGE_SUFFIXES, decode_image, read_image_file
from detector.images.draw import encode_image

JPEG_SUFFIX = ".jpg"
MEAN_SVHN_PIXELS = 24_000
"""Of an image of SVHN's test split."""

_NUMBER_WIDTH = 1 / 7
"""Of a pasted number, as part of the scene's width: its digits are 20 to 40 px high in 640x480."""

_PLACES = (6, 8)
"""Columns and rows of the places that numbers are pasted at."""


def photographs(folder: Path | None) -> list[Picture]:
    """Those in a folder, or one that Matplotlib ships, (H, W, 3) uint8 RGB each.

    Raises:
        SystemExit: if there is none in the folder.
    """
    if folder is None:
        paths = [Path(mpl.get_data_path()) / "sample_data" / "grace_hopper.jpg"]
    else:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise SystemExit(f"benchmark: there are no photographs in {folder}")
    return [decode_image(read_image_file(path)) for path in paths]


def scene(photo: Picture, width: int, height: int, numbers: int) -> Picture:
    """The photograph's middle, scaled to `width` x `height`, with so many house numbers pasted into it."""
    canvas = _covering(photo, width, height)
    samples = _samples()
    columns, rows = _PLACES
    places = np.random.default_rng(0).permutation(columns * rows)
    for index in range(numbers):
        sample = samples[index % len(samples)]
        scale = _NUMBER_WIDTH * width / sample.shape[1]
        number = _resized(sample, round(sample.shape[1] * scale), round(sample.shape[0] * scale))
        row, column = divmod(int(places[index]), columns)
        top, left = row * height // rows, column * width // columns
        part = canvas[top : top + number.shape[0], left : left + number.shape[1]]
        part[:] = number[: part.shape[0], : part.shape[1]]
    return canvas


def most_numbers() -> int:
    """So many numbers have a place in a scene."""
    return _PLACES[0] * _PLACES[1]


def encoded(pictures: Sequence[Picture]) -> Iterator[bytes]:
    """Each as JPEG."""
    return (encode_image(picture, JPEG_SUFFIX) for picture in pictures)


def mean_svhn_images() -> list[Picture]:
    """The samples, real images of SVHN, each scaled to the mean number of pixels."""
    scaled = []
    for sample in _samples():
        factor = (MEAN_SVHN_PIXELS / (sample.shape[0] * sample.shape[1])) ** 0.5
        scaled.append(_resized(sample, round(sample.shape[1] * factor), round(sample.shape[0] * factor)))
    return scaled


def _samples() -> list[Picture]:
    listed = json.loads((SAMPLES / "samples.json").read_text(encoding="utf-8"))["images"]
    return [decode_image(read_image_file(SAMPLES / row["file"])) for row in listed]


def _covering(photo: Picture, width: int, height: int) -> Picture:
    """The largest part around the middle that has these proportions, scaled."""
    part = min(photo.shape[1] / width, photo.shape[0] / height)
    columns, rows = min(round(width * part), photo.shape[1]), min(round(height * part), photo.shape[0])
    left, top = (photo.shape[1] - columns) // 2, (photo.shape[0] - rows) // 2
    return _resized(photo[top : top + rows, left : left + columns], width, height)


def _resized(image: Picture, width: int, height: int) -> Picture:
    interpolation = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_CUBIC
    return np.array(cv2.resize(image, (width, height), interpolation=interpolation), np.uint8)
