"""Reader of CIFAR-10's python batches (https://www.cs.toronto.edu/~kriz/cifar.html), which are pickles.

A pickle is a program. This one is not run as written: its opcodes are compared with the few that the official
files are made of, and the three names of NumPy's that those files call stand for objects that only remember
what they were given. No function of NumPy's or of anyone's is called with what the file says; the pixels are
taken from the remembered bytes, once their number is right.
"""

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.errors import DataError

SIDE = 32
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_FILES = {"train": tuple(f"data_batch_{i}" for i in range(1, 6)), "test": ("test_batch",)}
_IMAGE_BYTES = 3 * SIDE * SIDE
_MAX_FILE_BYTES = 64 << 20
# fmt: off
_OPCODES = frozenset(
    [
        "PROTO", "EMPTY_DICT", "EMPTY_LIST", "MARK", "NONE", "NEWFALSE", "BININT", "BININT1", "BININT2",
        "BINSTRING", "SHORT_BINSTRING", "BINPUT", "LONG_BINPUT", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3",
        "APPEND", "APPENDS", "SETITEM", "SETITEMS", "GLOBAL", "REDUCE", "BUILD", "STOP",
    ]
)
# fmt: on
"""All that the official batches use. None fetches from the memo, so nothing can grow beyond the file."""


def read_cifar10(folder: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Read one split, "train" (five batches) or "test", from `cifar-10-batches-py`.

    Returns:
        images (N, 32, 32, 3) uint8 RGB and labels (N,) int32, indices into `CLASSES`.

    Raises:
        DataError: if a batch is missing, damaged, or a pickle of anything else.
    """
    batches = [read_batch(folder / name) for name in _FILES[split]]
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def read_batch(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Read one batch; see `read_cifar10`."""
    if not path.is_file():
        raise DataError(
            f"{path} is missing; `digit-detector-train download cifar10 --data {path.parents[1]}` fetches it"
        )
    if path.stat().st_size > _MAX_FILE_BYTES:
        raise DataError(f"{path}: {path.stat().st_size:,} bytes; a batch has 31 million")
    table = _unpickle(path.read_bytes(), path)
    data, labels = table.get(b"data"), table.get(b"labels")
    if not isinstance(data, _Remembered) or not isinstance(labels, list):
        raise DataError(f"{path}: holds no data and labels; is this a CIFAR-10 python batch?")
    pixels = _pixels(data, path)
    if not labels or len(labels) != len(pixels):
        raise DataError(f"{path}: {len(pixels)} images but {len(labels)} labels")
    if not all(isinstance(label, int) and 0 <= label < len(CLASSES) for label in labels):
        raise DataError(f"{path}: a label is not 0..{len(CLASSES) - 1}")
    images = pixels.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), np.array(labels, np.int32)


class _Remembered:
    """Stands for an array or its type: keeps what it is called with and what state it is given."""

    def __init__(self, *arguments: object) -> None:
        self.arguments = arguments
        self.state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in {
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
        }:
            return _Remembered
        raise pickle.UnpicklingError(f"names {module}.{name}, which no CIFAR-10 batch does")


def _unpickle(content: bytes, path: Path) -> dict[object, object]:
    try:
        _check_opcodes(content)
        table = _Unpickler(io.BytesIO(content), encoding="bytes").load()
    except Exception as error:  # a hostile program's unpickling may fail in any way
        raise DataError(f"{path}: not a CIFAR-10 python batch, or damaged: {error}") from error
    if not isinstance(table, dict):
        raise DataError(f"{path}: a pickle, but of no table")
    return table


def _check_opcodes(content: bytes) -> None:
    for count, (opcode, argument, _) in enumerate(pickletools.genops(content)):
        if opcode.name not in _OPCODES:
            raise pickle.UnpicklingError(f"uses the opcode {opcode.name}, which no CIFAR-10 batch does")
        # The memo is an array: a large index would have the unpickler allocate up to it.
        if opcode.name == "LONG_BINPUT" and isinstance(argument, int) and argument > count:
            raise pickle.UnpicklingError("numbers its memo beyond its own length")


def _pixels(data: _Remembered, path: Path) -> NDArray[np.uint8]:
    """Return the (N, 3072) uint8 array that `data` remembers the parts of."""
    match data.state:
        case (1, (int(rows), int(columns)), _Remembered(arguments=(b"u1", *_)), False | 0, bytes(raw)):
            if columns == _IMAGE_BYTES and rows * columns == len(raw):
                return np.frombuffer(raw, np.uint8).reshape(rows, columns)
    raise DataError(f"{path}: data is not a whole uint8 array of N x {_IMAGE_BYTES}")
