"""Readers of SVHN's official formats (http://ufldl.stanford.edu/housenumbers/), and crops cut as in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.io import loadmat

from detector.images.decode import decode_image, read_image_file
from detector.results.detections import FloatArray, IntArray
from detector.system.progress_bar import progress_bar
from training.data.scenes import Scene, box_defect
from training.errors import DataError

DIGIT_STRUCT = "digitStruct.mat"

_COLUMNS = ("left", "top", "width", "height", "label")


@dataclass(frozen=True, eq=False)
class ImageEntry:
    """The entry of one image in `digitStruct.mat`.

    Attributes:
        name: the image's file.
        boxes: (N, 4) float64 xyxy px, unchecked.
        labels: (N,) float64, SVHN's labels, unchecked.
    """

    name: str
    boxes: NDArray[np.float64]
    labels: NDArray[np.float64]


def read_crops(path: Path) -> tuple[NDArray[np.uint8], IntArray]:
    """Read `*_32x32.mat`.

    Returns:
        images (N, 32, 32, 3) uint8 RGB and labels (N,) int32, the digits 0..9.

    Raises:
        DataError: if the file is missing or not of the official format.
    """
    _require(path)
    try:
        content = loadmat(path, variable_names=("X", "y"))
    except Exception as error:  # the reader raises whatever the damaged bytes led it to
        raise DataError(f"{path}: not a MATLAB v5 file, or damaged: {error}") from error
    images, labels = content.get("X"), content.get("y")
    if images is None or labels is None:
        raise DataError(f"{path}: holds no X and y; is this an official SVHN *_32x32.mat?")
    if images.ndim == 3:  # MATLAB drops the last axis when it is 1
        images = images[..., None]
    if images.dtype != np.uint8 or images.shape != (32, 32, 3, labels.size):
        raise DataError(f"{path}: X is {images.dtype} {images.shape}, not uint8 (32, 32, 3, {labels.size})")
    return np.ascontiguousarray(images.transpose(3, 0, 1, 2)), digits_of(labels.ravel(), path)


def read_scenes(folder: Path, progress: bool = False) -> list[Scene]:
    """Read `digitStruct.mat` of one split's folder, in the file's order.

    Args:
        folder: of the split.
        progress: whether to show a progress bar on stderr: the official file of *train* takes a minute.

    Raises:
        DataError: if it is missing, damaged, or names an image that is not there.
    """
    entries = read_digit_struct(folder, progress)
    images = files_in(folder)
    return [_scene(images, entry, folder / DIGIT_STRUCT) for entry in entries]


def read_digit_struct(folder: Path, progress: bool = False) -> list[ImageEntry]:
    """Return the entries of `digitStruct.mat` in one split's folder, in order and unchanged; see `read_scenes`.

    Raises:
        DataError: if it is missing or damaged.
    """
    path = folder / DIGIT_STRUCT
    _require(path)
    try:
        with h5py.File(str(path), "r") as file:
            root = file["digitStruct"]
            names = [_text(file[ref]) for ref in root["name"][:, 0]]
            references = progress_bar(
                root["bbox"][:, 0], f"labels of {folder.name}", unit="image", disable=not progress
            )
            tables = [_columns(file, file[ref]) for ref in references]
    except Exception as error:  # the reader raises whatever the damaged bytes led it to
        raise DataError(f"{path}: not an official digitStruct.mat, or damaged: {error}") from error
    if len(names) != len(tables):
        raise DataError(f"{path}: {len(names)} names but {len(tables)} tables of boxes")
    return [
        ImageEntry(name, np.stack([left, top, left + width, top + height], axis=1), label)
        for name, (left, top, width, height, label) in zip(names, tables, strict=True)
    ]


class OfficialParts(NamedTuple):
    """What a split is measured on: crops, labelled images, and photographs without digits beside them."""

    crops: Path
    labels: Path
    photos: Path


def official_parts(data_dir: Path, split: str) -> OfficialParts:
    """Return the parts of a split in a folder laid out as the official downloads are, there or not."""
    svhn = data_dir / "svhn"
    return OfficialParts(
        svhn / f"{split}_32x32.mat", svhn / split / DIGIT_STRUCT, data_dir / "backgrounds" / split
    )


def files_in(folder: Path) -> dict[str, Path]:
    """Return the files of a split's folder by their names; a name with a folder in it is none of them."""
    return {entry.name: entry for entry in folder.iterdir() if entry.is_file()}


def _scene(images: dict[str, Path], entry: ImageEntry, source: Path) -> Scene:
    if entry.name not in images:
        raise DataError(f"{source}: names the image {entry.name!r}, which is not beside it")
    boxes = entry.boxes.astype(np.float32)
    for box in boxes.tolist():
        if defect := box_defect(box):
            raise DataError(f"{source}: {entry.name}: {defect}")
    return Scene(images[entry.name], boxes, digits_of(entry.labels, source))


def _columns(file: h5py.File, group: h5py.Group) -> NDArray[np.float64]:
    """Return the (5, N) table of one image: MATLAB keeps one digit's values inline and refers to those of several."""
    columns = []
    for key in _COLUMNS:
        cells = group[key]
        if cells.dtype.kind == "O":
            columns.append([float(file[ref][0, 0]) for ref in cells[:, 0]])
        else:
            columns.append([float(cells[0, 0])])
    return np.array(columns, np.float64)


def _text(dataset: h5py.Dataset) -> str:
    return "".join(chr(code) for code in dataset[:].ravel())


def digits_of(labels: NDArray[np.generic], path: Path) -> IntArray:
    """Return the digits 0..9 of SVHN's labels 1..10.

    Raises:
        DataError: if one is none, naming `path`.
    """
    if not np.isin(labels, np.arange(1, 11)).all():
        raise DataError(f"{path}: a label is none of 1..10")
    return np.asarray(labels, np.int32) % 10


def _require(path: Path) -> None:
    if not path.is_file():
        raise DataError(
            f"{path} is missing; --data must name a folder that holds svhn/ as officially laid out "
            "(`digit-detector-train download svhn --data DIR`), or labels of your own, which `check` reads"
        )


SIDE = 32


def cut_crop(pixels: NDArray[np.uint8], box: FloatArray) -> NDArray[np.uint8]:
    """Return the box extended to a square, clipped to the image, bicubic to 32 x 32.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        box: (4,) xyxy px, at least in part in the image; its edges are rounded.

    Returns:
        (32, 32, 3) uint8 RGB; SVHN's own pixels to 0.2 of 255 on average.
    """
    left, top, right, bottom = (round(edge) for edge in box.tolist())
    width, height = max(right - left, 1), max(bottom - top, 1)
    side = max(width, height)
    rows = _within(top - (side - height) // 2, side, pixels.shape[0])
    columns = _within(left - (side - width) // 2, side, pixels.shape[1])
    square = pixels[rows, columns]
    return np.asarray(Image.fromarray(square).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _within(start: int, length: int, size: int) -> slice:
    """Return the part of `length` pixels from `start` on that is in an image of `size`, one pixel at least."""
    first = min(max(start, 0), size - 1)
    return slice(first, max(start + length, first + 1))


def cut_crops(scenes: Sequence[Scene], progress: bool = True) -> tuple[NDArray[np.uint8], IntArray]:
    """Return the crops of all digits in the scenes, in order.

    Returns:
        (N, 32, 32, 3) uint8 RGB and (N,) int32 digits.
    """
    crops = [np.empty((0, SIDE, SIDE, 3), np.uint8)]
    for scene in progress_bar(scenes, "crops", unit="image", disable=not progress):
        if len(scene.labels):
            pixels = decode_image(read_image_file(scene.path))
            crops.append(np.stack([cut_crop(pixels, box) for box in scene.boxes]))
    labels = [np.empty(0, np.int32), *(scene.labels for scene in scenes)]
    return np.concatenate(crops), np.concatenate(labels)
