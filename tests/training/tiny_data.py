"""Small data in the official formats. Every class has a bright block of its own, so that a network can learn it."""

import gzip
import struct
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat


def blocks(labels: NDArray[np.int32], side: int, channels: int, seed: int = 0) -> NDArray[np.uint8]:
    """(N, side, side, channels) uint8 noise with a bright block whose place, in a grid of 4 x 4, is the label."""
    images = np.random.default_rng(seed).integers(0, 80, (len(labels), side, side, channels), np.uint8)
    cell = side // 4
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label), 4)
        image[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell] = 255
    return images


def some_labels(count: int, classes: int = 10, seed: int = 0) -> NDArray[np.int32]:
    return np.random.default_rng(seed).integers(0, classes, count).astype(np.int32)


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    magic = bytes([0, 0, 8, array.ndim])
    return magic + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_mnist(data: Path, train: int = 100, test: int = 40) -> None:
    (data / "mnist").mkdir(parents=True, exist_ok=True)
    for seed, (prefix, count) in enumerate((("train", train), ("t10k", test))):
        labels = some_labels(count, seed=seed)
        images = blocks(labels, 28, 1, seed)[..., 0]
        for name, array in (("images-idx3", images), ("labels-idx1", labels.astype(np.uint8))):
            (data / "mnist" / f"{prefix}-{name}-ubyte.gz").write_bytes(gzip.compress(idx_bytes(array)))


def text(value: bytes) -> bytes:
    """A string as Python 2 pickled it."""
    return b"U" + bytes([len(value)]) + value


def cifar_array(pixels: bytes, rows: int, columns: int = 3072) -> bytes:
    """An array as Python 2 and NumPy pickled it."""
    return (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x06cnumpy\nndarray\nq\x07K\x00\x85q\x08U\x01bq\x09\x87q\x0aRq\x0b"
        + b"(K\x01"
        + struct.pack("<BHBH", ord("M"), rows, ord("M"), columns)
        + b"\x86q\x0ccnumpy\ndtype\nq\x0dU\x02u1q\x0eK\x00K\x01\x87q\x0fRq\x10(K\x03U\x01|q\x11NNN"
        + b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x12b\x89T"
        + struct.pack("<i", len(pixels))
        + pixels
        + b"q\x13tq\x14b"
    )


def cifar_batch(data: bytes, labels: bytes) -> bytes:
    """A batch laid out as the official ones, around a pickled array and the items of the list of labels."""
    return (
        b"\x80\x02}q\x01(" + text(b"batch_label") + b"q\x02" + text(b"tiny") + b"q\x03"
        + text(b"labels") + b"q\x04]q\x05(" + labels + b"e"
        + text(b"data") + data
        + text(b"filenames") + b"q\x15]q\x16(" + text(b"a.png") + b"q\x17eu."
    )  # fmt: skip


def cifar_labels(labels: NDArray[np.int32]) -> bytes:
    return b"".join(b"K" + bytes([label]) for label in labels.tolist())


def planes(images: NDArray[np.uint8]) -> bytes:
    """Pixels in CIFAR-10's order: for each image all red, then all green, then all blue."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).tobytes()


def write_cifar10(data: Path, batch: int = 20) -> None:
    folder = data / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for seed, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
        labels = some_labels(batch, seed=seed)
        array = cifar_array(planes(blocks(labels, 32, 3, seed)), batch)
        (folder / name).write_bytes(cifar_batch(array, cifar_labels(labels)))


def write_svhn(data: Path, **counts: int) -> None:
    """Official crops, for example train=40, test=20."""
    (data / "svhn").mkdir(parents=True)
    for seed, (split, count) in enumerate(counts.items()):
        labels = some_labels(count, seed=seed)
        images = blocks(labels, 32, 3, seed).transpose(1, 2, 3, 0)
        official = np.where(labels == 0, 10, labels).astype(np.uint8)[:, None]
        savemat(data / "svhn" / f"{split}_32x32.mat", {"X": images, "y": official})


def write_cats_dogs(data: Path, each: int = 4, side: int = 150) -> None:
    for split in ("train", "validation", "test"):
        for label, name in enumerate(("cats", "dogs")):
            folder = data / "cats_and_dogs_small" / split / name
            folder.mkdir(parents=True)
            for i, image in enumerate(blocks(np.full(each, label, np.int32), side, 3, label)):
                cv2.imwrite(str(folder / f"{name}.{i}.jpg"), image)
