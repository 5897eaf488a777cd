"""The readers of all data against small files in the official formats, also damaged and hostile ones."""

import gzip
import io
import os
import pickle
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.tiny_data import (
    blocks,
    cifar_array,
    cifar_batch,
    cifar_labels,
    idx_bytes,
    planes,
    some_labels,
    write_cats_dogs,
    write_cifar10,
    write_mnist,
    write_svhn,
)
from training.classifiers.cifar10 import read_batch
from training.classifiers.datasets import DATASETS, Labelled, folds, join, split_off
from training.classifiers.mnist import read_idx, read_mnist
from training.classifiers.recipes import HoldOut
from training.errors import DataError

DIGITS = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)


def damaged_idx(folder: Path, content: bytes, packed: bool = True) -> Path:
    path = folder / ("images-idx3-ubyte.gz" if packed else "images-idx3-ubyte")
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


# --- MNIST


def test_mnist_idx(tmp_path: Path) -> None:
    write_mnist(tmp_path, train=30, test=20)
    for split, count, seed in (("train", 30, 0), ("test", 20, 1)):
        data = DATASETS["mnist"].load(tmp_path, split)
        labels = some_labels(count, seed=seed)
        assert data.images.dtype == np.uint8
        assert data.labels.dtype == np.int32
        np.testing.assert_array_equal(data.images, blocks(labels, 28, 1, seed))
        np.testing.assert_array_equal(data.labels, labels)


def test_mnist_idx_without_gzip(tmp_path: Path) -> None:
    path = tmp_path / "images-idx3-ubyte"
    path.write_bytes(idx_bytes(DIGITS))
    np.testing.assert_array_equal(read_idx(path, 3), DIGITS)


def test_mnist_npz(tmp_path: Path) -> None:
    labels = np.array([3, 9], np.uint8)
    np.savez(tmp_path / "mnist.npz", x_train=DIGITS, y_train=labels, x_test=DIGITS[:1], y_test=labels[:1])
    images, read = read_mnist(tmp_path, "train")
    np.testing.assert_array_equal(images, DIGITS)
    np.testing.assert_array_equal(read, labels)
    assert len(read_mnist(tmp_path, "test")[1]) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "magic number", id="empty"),
        pytest.param(idx_bytes(DIGITS[:, 0, 0]), "magic number 00000803", id="labels where images should be"),
        pytest.param(b"\0\0\x0d\x03" + idx_bytes(DIGITS)[4:], "magic number", id="floats"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(100), "magic number", id="a picture"),
        pytest.param(idx_bytes(DIGITS)[:11], "within its header", id="ends in the header"),
        pytest.param(idx_bytes(DIGITS)[:-1], "fewer bytes", id="a byte short"),
        pytest.param(idx_bytes(DIGITS) + b"\0", "more bytes", id="a byte long"),
        pytest.param(
            b"\0\0\x08\x03" + struct.pack(">3I", 2**32 - 1, 28, 28), "fewer bytes", id="3 TB announced"
        ),
        pytest.param(
            b"\0\0\x08\x03" + struct.pack(">3I", *[2**32 - 1] * 3), "fewer bytes", id="2^96 announced"
        ),
    ],
)
@pytest.mark.parametrize("packed", [True, False], ids=["gzip", "plain"])
def test_wrong_idx_is_refused(content: bytes, reason: str, packed: bool, tmp_path: Path) -> None:
    path = damaged_idx(tmp_path, content, packed)
    tracemalloc.start()
    with pytest.raises(DataError, match=reason) as error:
        read_idx(path, 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(path) in str(error.value)
    assert peak < 8 << 20


def test_damaged_gzip_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(idx_bytes(DIGITS))
    path = tmp_path / "images-idx3-ubyte.gz"
    for content in (whole[: len(whole) // 2], b"not gzip", whole[:-8] + bytes(8)):
        path.write_bytes(content)
        with pytest.raises(DataError, match="damaged"):
            read_idx(path, 3)


@pytest.mark.parametrize(
    ("images", "labels", "reason"),
    [
        pytest.param(DIGITS[:, :27], np.array([1, 2], np.uint8), r"\(2, 27, 28\)", id="27 rows"),
        pytest.param(DIGITS, np.array([1], np.uint8), "do not|are not", id="fewer labels than images"),
        pytest.param(DIGITS, np.array([1, 10], np.uint8), "outside 0..9", id="label 10"),
        pytest.param(DIGITS[:0], np.array([], np.uint8), "no images", id="nothing"),
    ],
)
def test_mnist_that_disagrees_is_refused(
    images: np.ndarray, labels: np.ndarray, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(images)))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(labels)))
    with pytest.raises(DataError, match=reason):
        read_mnist(tmp_path, "train")


def test_missing_mnist_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz is missing.*download mnist --data"):
        read_mnist(tmp_path, "train")


def npy(header: str, content: bytes = b"") -> bytes:
    padded = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded.encode() + content


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        pytest.param(
            npy("{'descr': '|u1', 'fortran_order': False, 'shape': (4000000000, 28, 28)}"),
            "in 0 bytes",
            id="3 TB announced",
        ),
        pytest.param(
            npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 28, 28)}", bytes(783)),
            "783",
            id="short",
        ),
        pytest.param(
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (98,)}", bytes(784)),
            "float64",
            id="floats",
        ),
        pytest.param(
            npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"."),
            "object",
            id="pickled objects",
        ),
        pytest.param(
            npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2)}", bytes(4)), "Fortran", id="Fortran"
        ),
        pytest.param(npy("__import__('os')"), "damaged", id="code for a header"),
        pytest.param(b"\x93NUMPY\x02\x00", "version", id="another version"),
        pytest.param(b"no array", "damaged", id="no array"),
    ],
)
def test_wrong_npz_is_refused(member: bytes, reason: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mnist.npz", "w") as archive:
        archive.writestr("x_train.npy", member)
    with pytest.raises(DataError, match=reason):
        read_mnist(tmp_path, "train")


def test_truncated_npz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mnist.npz"
    np.savez(path, x_train=DIGITS, y_train=np.array([1, 2], np.uint8))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="damaged"):
        read_mnist(tmp_path, "train")


def test_npz_with_a_wrong_crc_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mnist.npz"
    np.savez(path, x_train=DIGITS, y_train=np.array([1, 2], np.uint8))
    path.write_bytes(path.read_bytes().replace(DIGITS[0, 5].tobytes(), bytes(28), 1))
    with pytest.raises(DataError, match="damaged"):
        read_mnist(tmp_path, "train")


# --- CIFAR-10

LABELS = some_labels(3)
IMAGES = blocks(LABELS, 32, 3)
ARRAY = cifar_array(planes(IMAGES), 3)
BATCH = cifar_batch(ARRAY, cifar_labels(LABELS))


def batch_file(folder: Path, content: bytes) -> Path:
    path = folder / "data_batch_1"
    path.write_bytes(content)
    return path


def test_cifar10(tmp_path: Path) -> None:
    write_cifar10(tmp_path, batch=5)
    train, test = (DATASETS["cifar10"].load(tmp_path, split) for split in ("train", "test"))
    assert train.images.shape == (25, 32, 32, 3)
    expected = some_labels(5, seed=4)
    np.testing.assert_array_equal(train.images[20:], blocks(expected, 32, 3, seed=4))
    np.testing.assert_array_equal(train.labels[20:], expected)
    np.testing.assert_array_equal(test.labels, some_labels(5, seed=5))


class Intruder:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("protocol", range(6))
def test_hostile_pickle_is_not_run(protocol: int, tmp_path: Path) -> None:
    trace = tmp_path / "was-here"
    content = pickle.dumps({"data": Intruder(trace), "labels": []}, protocol)
    with pytest.raises(DataError, match="not a CIFAR-10 python batch"):
        read_batch(batch_file(tmp_path, content))
    assert not trace.exists()
    pickle.loads(content)
    assert trace.is_dir(), "the pickle was not hostile, so the test showed nothing"


def test_hostile_pickle_of_allowed_opcodes_is_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "was-here"
    call = b"cos\nmkdir\n(U" + bytes([len(str(trace))]) + str(trace).encode() + b"tR"
    with pytest.raises(DataError, match=r"os\.mkdir"):
        read_batch(batch_file(tmp_path, cifar_batch(call, cifar_labels(LABELS))))
    assert not trace.exists()


HUGE = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(J\xff\xff\xff\x7fK\x10tU\x01btR"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "not a CIFAR-10", id="empty"),
        pytest.param(BATCH[:-1], "not a CIFAR-10", id="no end"),
        pytest.param(BATCH[: len(BATCH) // 2], "not a CIFAR-10", id="half"),
        pytest.param(b"\x80\x02]q\x01.", "of no table", id="a list"),
        pytest.param(b"\x80\x02}q\x01.", "no data and labels", id="an empty table"),
        pytest.param(
            cifar_batch(ARRAY, cifar_labels(LABELS[:2])), "3 images but 2 labels", id="a label short"
        ),
        pytest.param(cifar_batch(ARRAY, b"K\x0aK\x01K\x02"), "a label is not 0..9", id="label 10"),
        pytest.param(cifar_batch(ARRAY, b"U\x011K\x01K\x02"), "a label is not 0..9", id="text for a label"),
        pytest.param(
            cifar_batch(b"U\x03abc", cifar_labels(LABELS)), "no data and labels", id="text for pixels"
        ),
        pytest.param(
            cifar_batch(cifar_array(planes(IMAGES)[:-1], 3), cifar_labels(LABELS)),
            "not a whole",
            id="a pixel short",
        ),
        pytest.param(
            cifar_batch(cifar_array(bytes(300), 3, 100), cifar_labels(LABELS)), "not a whole", id="not 32x32"
        ),
        pytest.param(
            cifar_batch(ARRAY.replace(b"u1", b"O8"), cifar_labels(LABELS)), "not a whole", id="objects"
        ),
        pytest.param(cifar_batch(HUGE, cifar_labels(LABELS)), "not a whole", id="32 GB announced"),
        pytest.param(
            cifar_batch(b"cnumpy\nndarray\n", cifar_labels(LABELS)), "no data and labels", id="a bare type"
        ),
        pytest.param(b"\x80\x02}r\xff\xff\xff\x7f.", "memo", id="a memo of 2^31"),
        pytest.param(b"\x80\x02]q\x01h\x01\x86.", "BINGET", id="growth by reference"),
        pytest.param(b"\x80\x02\x82\x01.", "EXT1", id="extension registry"),
        pytest.param(pickle.dumps({"data": b"", "labels": []}, 4), "FRAME|BINUNICODE", id="a newer pickle"),
    ],
)
def test_wrong_batch_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    path = batch_file(tmp_path, content)
    tracemalloc.start()
    with pytest.raises(DataError, match=reason) as error:
        read_batch(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(path) in str(error.value)
    assert peak < 8 << 20


def test_oversize_batch_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "data_batch_1"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DataError, match="1,099,511,627,776 bytes"):
        read_batch(path)


def test_missing_batch_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data_batch_1 is missing.*download cifar10 --data"):
        DATASETS["cifar10"].load(tmp_path, "train")


@given(place=st.integers(0, 400), value=st.integers(0, 255), cut=st.none() | st.integers(0, len(BATCH)))
def test_any_changed_batch_gives_whole_data_or_an_error(
    place: int, value: int, cut: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ends = [*BATCH[:300], *BATCH[-100:]]  # all that is not pixels
    ends[place % len(ends)] = value
    content = bytes(ends[:300]) + BATCH[300:-100] + bytes(ends[300:])
    path = batch_file(tmp_path_factory.mktemp("cifar"), content[:cut])
    try:
        images, labels = read_batch(path)
    except DataError:
        return
    assert images.shape == (len(labels), 32, 32, 3)
    assert set(labels.tolist()) <= set(range(10))


# --- SVHN, cats and dogs


def test_svhn_puts_extra_before_train(tmp_path: Path) -> None:
    write_svhn(tmp_path, train=6, test=4, extra=5)
    train, test = (DATASETS["svhn"].load(tmp_path, split) for split in ("train", "test"))
    np.testing.assert_array_equal(train.labels, [*some_labels(5, seed=2), *some_labels(6, seed=0)])
    np.testing.assert_array_equal(train.images[5:], blocks(some_labels(6, seed=0), 32, 3, 0))
    np.testing.assert_array_equal(test.labels, some_labels(4, seed=1))


def test_svhn_needs_no_extra(tmp_path: Path) -> None:
    write_svhn(tmp_path, train=6)
    assert len(DATASETS["svhn"].load(tmp_path, "train")) == 6


def test_cats_and_dogs(tmp_path: Path) -> None:
    write_cats_dogs(tmp_path, each=2)
    for split in ("train", "validation", "test"):
        data = DATASETS["cats-dogs"].load(tmp_path, split)
        assert data.images.shape == (4, 150, 150, 3)
        assert data.labels.tolist() == [0, 0, 1, 1]
        brightest = data.images[:, :30, :30].mean(axis=(1, 2, 3))  # the cats' block
        assert (brightest[:2] > 200).all()
        assert (brightest[2:] < 100).all()


def test_photographs_of_other_sizes_are_resized(tmp_path: Path) -> None:
    write_cats_dogs(tmp_path, each=1, side=64)
    assert DATASETS["cats-dogs"].load(tmp_path, "train").images.shape == (2, 150, 150, 3)


def test_photographs_are_rgb(tmp_path: Path) -> None:
    write_cats_dogs(tmp_path, each=1)
    red = np.zeros((150, 150, 3), np.uint8)
    red[..., 2] = 255  # OpenCV writes BGR
    cv2.imwrite(str(tmp_path / "cats_and_dogs_small" / "train" / "cats" / "cats.0.jpg"), red)
    pixels = DATASETS["cats-dogs"].load(tmp_path, "train").images[0]
    assert pixels[..., 0].min() > 240
    assert pixels[..., 2].max() < 15


def test_truncated_photograph_is_named(tmp_path: Path) -> None:
    write_cats_dogs(tmp_path, each=2)
    path = tmp_path / "cats_and_dogs_small" / "train" / "dogs" / "dogs.1.jpg"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataError, match=r"dogs\.1\.jpg"):
        DATASETS["cats-dogs"].load(tmp_path, "train")


def test_missing_class_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cats holds no \.jpg"):
        DATASETS["cats-dogs"].load(tmp_path, "train")


# --- splits


def numbered(count: int) -> Labelled:
    """Images that hold their own place."""
    places = np.arange(count)
    return Labelled(places.astype(np.uint8).reshape(-1, 1, 1, 1), (places % 10).astype(np.int32))


@pytest.mark.parametrize(
    ("hold_out", "kept", "held"),
    [
        pytest.param(HoldOut(3, "last"), range(97), range(97, 100), id="from the end"),
        pytest.param(HoldOut(3, "first"), range(3, 100), range(3), id="from the beginning"),
        pytest.param(HoldOut(5000, "last"), range(90), range(90, 100), id="a tenth at most"),
    ],
)
def test_hold_out(hold_out: HoldOut, kept: range, held: range) -> None:
    train, validation = split_off(numbered(100), hold_out)
    assert train.images.ravel().tolist() == list(kept)
    assert validation.images.ravel().tolist() == list(held)
    assert validation.labels.tolist() == [i % 10 for i in held]


def test_too_few_to_hold_out() -> None:
    with pytest.raises(DataError, match="too few"):
        split_off(numbered(9), HoldOut(5000, "last"))


def test_join() -> None:
    joined = join(numbered(2), numbered(3))
    assert joined.images.ravel().tolist() == [0, 1, 0, 1, 2]
    assert joined.labels.tolist() == [0, 1, 0, 1, 2]


@given(count=st.integers(2, 200), parts=st.integers(2, 10), seed=st.integers(0, 2**31))
def test_folds_validate_on_each_image_once(count: int, parts: int, seed: int) -> None:
    made = folds(count, parts, seed)
    assert len(made) == parts
    assert sorted(np.concatenate([validation for _, validation in made]).tolist()) == list(range(count))
    sizes = [len(validation) for _, validation in made]
    assert max(sizes) - min(sizes) <= 1
    for training, validation in made:
        assert sorted([*training, *validation]) == list(range(count))


def test_folds_are_mixed_and_follow_the_seed() -> None:
    first, again, other = (folds(100, 5, seed)[0][1].tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert first != list(range(20))


@pytest.mark.shared
def test_real_data(shared: Path) -> None:
    for name, counts in {"mnist": (60_000, 10_000), "cats-dogs": (2_000, 1_000)}.items():
        for split, count in zip(("train", "test"), counts, strict=True):
            data = DATASETS[name].load(shared / "data", split)
            assert len(data) == count
            assert data.images.shape[1:] == DATASETS[name].shape
            assert set(data.labels.tolist()) == set(range(len(DATASETS[name].classes)))


def test_a_real_zip_reader_agrees(tmp_path: Path) -> None:
    """Keras reads its npz with NumPy; so what NumPy wrote and compressed, the reader here reads."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x_test=DIGITS, y_test=np.array([1, 2], np.uint8))
    (tmp_path / "mnist.npz").write_bytes(buffer.getvalue())
    np.testing.assert_array_equal(read_mnist(tmp_path, "test")[0], DIGITS)
