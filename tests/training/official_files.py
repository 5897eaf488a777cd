"""Writes small data folders exactly as the official downloads are laid out, from real images."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

from training.data.svhn import cut_crop

Digit = tuple[int, float, float, float, float]
"""The digit 0..9 and its left, top, width and height in px."""

TEST_DATA = Path(__file__).resolve().parent.parent / "data"

REAL: dict[str, list[Digit]] = {
    "5.png": [(3, 52, 7, 21, 46), (1, 74, 10, 15, 46)],
    "74.png": [(3, 28, 4, 10, 26), (3, 40, 6, 12, 26)],
    "938.png": [(1, 27, 5, 8, 25), (0, 37, 3, 14, 25), (1, 50, 3, 10, 25)],
    "1994.png": [(6, 73, 25, 21, 50), (8, 94, 24, 25, 50)],
}
"""The images in tests/data under their names in SVHN train, with their official boxes."""

VALIDATION_NAMES = ("12.png", "38.png", "39.png")
"""Names that the detector's training holds out for validation."""


def write_digit_struct(path: Path, scenes: Mapping[str, Sequence[Digit]]) -> None:
    """Writes MATLAB v7.3: an HDF5 file behind a header of 512 bytes, label 10 for the digit 0.

    Like MATLAB it keeps the values of a lone digit inline and refers to those of several.
    """
    with h5py.File(path, "w", userblock_size=512) as file:
        refs = file.create_group("#refs#")
        root = file.create_group("digitStruct")
        shape = (len(scenes), 1)
        names = root.create_dataset("name", shape, dtype=h5py.ref_dtype)
        boxes = root.create_dataset("bbox", shape, dtype=h5py.ref_dtype)
        for row, (name, digits) in enumerate(scenes.items()):
            text = np.array([[ord(letter)] for letter in name], np.uint16)
            names[row, 0] = refs.create_dataset(f"n{row}", data=text).ref
            table = refs.create_group(f"b{row}")
            boxes[row, 0] = table.ref
            for column, key in enumerate(("label", "left", "top", "width", "height")):
                _write_column(table, refs, key, [digit[column] for digit in digits])
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: PCWIN64".ljust(124) + b"\x00\x02IM")


def _write_column(table: h5py.Group, refs: h5py.Group, key: str, values: Sequence[float]) -> None:
    if key == "label":
        values = [value or 10 for value in values]
    if len(values) == 1:
        table.create_dataset(key, data=np.array([values], np.float64))
        return
    cells = table.create_dataset(key, (len(values), 1), dtype=h5py.ref_dtype)
    for i, value in enumerate(values):
        cell = refs.create_dataset(
            f"{table.name[-5:].strip('/')}{key}{i}", data=np.array([[value]], np.float64)
        )
        cells[i, 0] = cell.ref


def write_crops(path: Path, crops: NDArray[np.uint8], digits: Sequence[int], compress: bool = True) -> None:
    """Writes MATLAB v5: X (32, 32, 3, N) uint8 and y (N, 1), label 10 for the digit 0."""
    labels = np.array([digit or 10 for digit in digits], np.uint8)[:, None]
    savemat(path, {"X": crops.transpose(1, 2, 3, 0), "y": labels}, do_compression=compress)


def official_crop(pixels: NDArray[np.uint8], digit: Digit) -> NDArray[np.uint8]:
    """As the official files show the digit, whose box is of whole pixels."""
    _, left, top, width, height = digit
    return cut_crop(pixels, np.array([left, top, left + width, top + height], np.float32))


def write_split(svhn: Path, split: str, pictures: Mapping[str, tuple[Path, Sequence[Digit]]]) -> None:
    """Writes `svhn/SPLIT/*.png`, `svhn/SPLIT/digitStruct.mat` and `svhn/SPLIT_32x32.mat`.

    Args:
        svhn: the folder of the official files.
        split: "train", "extra" or "test".
        pictures: the image file to copy and its digits, by the name to give it.
    """
    (svhn / split).mkdir(parents=True)
    crops, digits = [], []
    for name, (source, boxes) in pictures.items():
        shutil.copy(source, svhn / split / name)
        pixels = np.asarray(Image.open(source).convert("RGB"))
        crops += [official_crop(pixels, digit) for digit in boxes]
        digits += [digit[0] for digit in boxes]
    write_digit_struct(
        svhn / split / "digitStruct.mat", {name: boxes for name, (_, boxes) in pictures.items()}
    )
    write_crops(svhn / f"{split}_32x32.mat", np.stack(crops), digits)


def write_tiny_data(folder: Path) -> Path:
    """A data folder of real images: four to learn from, two of them again under validation's names."""
    pictures = {name: (TEST_DATA / f"svhn_train_{name}", digits) for name, digits in REAL.items()}
    held_out = {VALIDATION_NAMES[0]: pictures["5.png"], VALIDATION_NAMES[1]: pictures["74.png"]}
    write_split(folder / "svhn", "train", held_out | pictures)
    return folder
