"""Readers of MNIST: the four idx files (http://yann.lecun.com/exdb/mnist/), gzipped or not, or Keras's npz.

Headers are trusted only as far as the file's bytes bear them out: memory follows what is there, not what is
claimed.
"""

import gzip
import zipfile
import zlib
from math import prod
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from training.errors import DataError

SIDE = 28
_UBYTE = 0x08
_CHUNK = 1 << 20
_IDX_NAMES = {"train": "train", "test": "t10k"}
_NPZ_MEMBER_BYTES = 1 << 28


def read_mnist(folder: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read one split, "train" or "test", from the idx files in `folder`, or from `mnist.npz` there.

    Returns:
        images (N, 28, 28) uint8, 0 is the paper, and labels (N,) uint8, the digits 0..9.

    Raises:
        DataError: if neither is there, or what is there is damaged or not in its format.
    """
    npz = folder / "mnist.npz"
    if npz.is_file():
        images, labels = _read_npz(npz, f"x_{split}"), _read_npz(npz, f"y_{split}")
        source = npz
    else:
        prefix = _IDX_NAMES[split]
        source = _find(folder, f"{prefix}-images-idx3-ubyte")
        images = read_idx(source, 3)
        labels = read_idx(_find(folder, f"{prefix}-labels-idx1-ubyte"), 1)
    if images.shape != (len(labels), SIDE, SIDE) or labels.ndim != 1:
        raise DataError(
            f"{source}: images {images.shape} and labels {labels.shape} are not (N, {SIDE}, {SIDE}) and (N,)"
        )
    if not len(labels) or labels.max() > 9:
        raise DataError(f"{source}: has no images, or a label outside 0..9")
    return images, labels


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read an idx file of unsigned bytes, gzipped if its name ends in .gz.

    Raises:
        DataError: if its magic number, its sizes and its bytes do not agree.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return _parse_idx(cast(BinaryIO, file), path, dimensions)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: damaged, or not a gzip file: {error}") from error


def _parse_idx(file: BinaryIO, path: Path, dimensions: int) -> NDArray[np.uint8]:
    magic = file.read(4)
    if magic != bytes([0, 0, _UBYTE, dimensions]):
        raise DataError(f"{path}: starts with {magic.hex()}, not with the magic number 0000080{dimensions}")
    header = file.read(4 * dimensions)
    if len(header) < 4 * dimensions:
        raise DataError(f"{path}: ends within its header")
    shape = tuple(int(size) for size in np.frombuffer(header, ">u4"))
    content = _read_at_most(file, prod(shape) + 1)
    if len(content) != prod(shape):
        what = "fewer" if len(content) < prod(shape) else "more"
        raise DataError(f"{path}: holds {what} bytes than its header's {' x '.join(map(str, shape))}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _read_at_most(file: BinaryIO, limit: int) -> bytearray:
    """Up to `limit` bytes, piece by piece, so that memory follows what is there."""
    content = bytearray()
    while len(content) < limit and (piece := file.read(min(_CHUNK, limit - len(content)))):
        content += piece
    return content


def _find(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    raise DataError(
        f"{folder / name}.gz is missing, and so is {folder}/mnist.npz; "
        f"`digit-detector-train download mnist --data {folder.parent}` fetches them"
    )


def _read_npz(path: Path, name: str) -> NDArray[np.uint8]:
    """Read one array of an npz archive; nothing is allocated before its header agrees with the member's size."""
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo(f"{name}.npy")
            with archive.open(member) as file:
                shape, dtype = _npy_header(cast(BinaryIO, file))
                left = member.file_size - file.tell()
                if dtype != np.uint8 or prod(shape) != left or left > _NPZ_MEMBER_BYTES:
                    raise DataError(f"{path}: {name} is {dtype} {shape} in {left} bytes, not whole uint8")
                content = _read_at_most(cast(BinaryIO, file), left)
    except (
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        OSError,
        EOFError,
        zlib.error,
        NotImplementedError,
    ) as error:
        raise DataError(f"{path}: damaged, or not Keras's mnist.npz: {error}") from error
    if len(content) != prod(shape):
        raise DataError(f"{path}: {name} is truncated")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _npy_header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    version = npy_format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"npy version {version} where 1.0 was expected")
    shape, fortran, dtype = npy_format.read_array_header_1_0(file)
    if fortran and len(shape) > 1:
        raise ValueError("Fortran order where C order was expected")
    return shape, dtype
