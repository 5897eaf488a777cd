"""Readers of SVHN's two formats, against small files written as the official ones are."""

import json
import runpy
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from tests.training.official_files import Digit, write_crops, write_digit_struct
from training.data.svhn import read_crops, read_scenes
from training.errors import DataError

SCENES: dict[str, list[Digit]] = {
    "1.png": [(1, 246, 77, 81, 219), (9, 323, 81, 96, 219)],
    "2.png": [(5, 30, 7, 19, 41)],
    "10.png": [(2, 77, 29, 23, 32), (1, 98, 25, 26, 32), (0, 124, 23.5, 22, 32)],
    "3.png": [(0, -3, -1, 20, 30)],
}


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """A folder as `train` is."""
    for name in SCENES:
        Image.new("RGB", (4, 3)).save(tmp_path / name)
    write_digit_struct(tmp_path / "digitStruct.mat", SCENES)
    return tmp_path


def test_scenes_are_read_in_the_order_of_the_file(split: Path) -> None:
    scenes = read_scenes(split)
    assert [scene.path for scene in scenes] == [split / name for name in SCENES]
    assert scenes[0].boxes.tolist() == [[246, 77, 327, 296], [323, 81, 419, 300]]
    assert scenes[0].labels.tolist() == [1, 9]
    assert (scenes[0].boxes.dtype, scenes[0].labels.dtype) == (np.float32, np.int32)


def test_a_lone_digits_values_are_inline(split: Path) -> None:
    lone = read_scenes(split)[1]
    assert (lone.boxes.tolist(), lone.labels.tolist()) == ([[30, 7, 49, 48]], [5])
    with h5py.File(split / "digitStruct.mat") as file:
        assert file["#refs#/b1/left"].dtype == np.float64, "the file is as MATLAB writes it"
        assert file["#refs#/b0/left"].dtype.kind == "O"
        assert file.userblock_size == 512


def test_label_10_is_the_digit_0(split: Path) -> None:
    scenes = read_scenes(split)
    assert scenes[2].labels.tolist() == [2, 1, 0]
    assert scenes[3].labels.tolist() == [0]


def test_boxes_that_leave_the_image_are_kept(split: Path) -> None:
    assert read_scenes(split)[3].boxes.tolist() == [[-3, -1, 17, 29]]


def test_numbers_are_read_from_left_to_right(tmp_path: Path) -> None:
    Image.new("RGB", (4, 3)).save(tmp_path / "1.png")
    write_digit_struct(
        tmp_path / "digitStruct.mat", {"1.png": [(7, 50, 0, 9, 9), (3, 10, 5, 9, 9), (0, 30, 2, 9, 9)]}
    )
    assert read_scenes(tmp_path)[0].number == "307"


def rewrite(split: Path, name: str, digits: list[Digit]) -> None:
    write_digit_struct(split / "digitStruct.mat", {"1.png": SCENES["1.png"], name: digits})


def edit(path: Path, change: Callable[[h5py.File], object]) -> None:
    with h5py.File(path, "r+") as file:
        change(file)


def replace(key: str, value: object, referrer: str = "") -> Callable[[h5py.File], None]:
    """Puts `value` at `key`, and a reference to it first in the table `referrer`, if one is named."""

    def change(file: h5py.File) -> None:
        del file[key]
        file[key] = value
        if referrer:
            file[referrer][0, 0] = file[key].ref

    return change


DAMAGE: dict[str, Callable[[Path], object]] = {
    "missing": lambda split: (split / "digitStruct.mat").unlink(),
    "empty": lambda split: (split / "digitStruct.mat").write_bytes(b""),
    "garbage": lambda split: (split / "digitStruct.mat").write_bytes(b"garbage" * 999),
    "no HDF5 behind the header": lambda split: (split / "digitStruct.mat").write_bytes(
        b"MATLAB 7.3 MAT-file".ljust(512) + b"\0" * 5000
    ),
    "truncated in the middle": lambda split: (split / "digitStruct.mat").write_bytes(
        (split / "digitStruct.mat").read_bytes()[:5000]
    ),
    "the last byte is missing": lambda split: (split / "digitStruct.mat").write_bytes(
        (split / "digitStruct.mat").read_bytes()[:-1]
    ),
    "no digitStruct": lambda split: edit(split / "digitStruct.mat", lambda file: file.pop("digitStruct")),
    "digitStruct is a table": lambda split: edit(
        split / "digitStruct.mat", replace("digitStruct", np.zeros((2, 1)))
    ),
    "no bbox": lambda split: edit(split / "digitStruct.mat", lambda file: file["digitStruct"].pop("bbox")),
    "names are numbers": lambda split: edit(
        split / "digitStruct.mat", replace("digitStruct/name", np.zeros((4, 1)))
    ),
    "fewer tables than names": lambda split: edit(
        split / "digitStruct.mat",
        lambda file: replace("digitStruct/name", file["digitStruct/name"][:3])(file),
    ),
    "null references": lambda split: edit(
        split / "digitStruct.mat",
        lambda file: (
            file["digitStruct"].pop("name"),
            file["digitStruct"].create_dataset("name", (4, 1), dtype=h5py.ref_dtype),
        ),
    ),
    "a name of huge letters": lambda split: edit(
        split / "digitStruct.mat", replace("#refs#/n0", np.array([[2**40]], np.uint64), "digitStruct/name")
    ),
    "a table without heights": lambda split: edit(
        split / "digitStruct.mat", lambda file: file["#refs#/b0"].pop("height")
    ),
    "columns of different lengths": lambda split: edit(
        split / "digitStruct.mat",
        lambda file: replace("#refs#/b0/height", file["#refs#/b0/height"][:1])(file),
    ),
    "text for a width": lambda split: edit(split / "digitStruct.mat", replace("#refs#/b1/width", "wide")),
    "label 0": lambda split: edit(split / "digitStruct.mat", replace("#refs#/b1/label", np.array([[0.0]]))),
    "label 11": lambda split: rewrite(split, "2.png", [(11, 0, 0, 5, 5)]),
    "label 3.5": lambda split: rewrite(split, "2.png", [(3.5, 0, 0, 5, 5)]),  # type: ignore[list-item]
    "label NaN": lambda split: rewrite(split, "2.png", [(float("nan"), 0, 0, 5, 5)]),  # type: ignore[list-item]
    "a box without width": lambda split: rewrite(split, "2.png", [(3, 0, 0, 0, 5)]),
    "a box of negative height": lambda split: rewrite(split, "2.png", [(3, 0, 0, 5, -5)]),
    "NaN in a box": lambda split: rewrite(split, "2.png", [(3, float("nan"), 0, 5, 5)]),
    "infinity in a box": lambda split: rewrite(split, "2.png", [(3, 0, float("inf"), 5, 5)]),
    "an image that is not there": lambda split: rewrite(split, "77.png", [(3, 0, 0, 5, 5)]),
    "an empty name": lambda split: rewrite(split, "", [(3, 0, 0, 5, 5)]),
    "the folder above": lambda split: rewrite(split, "..", [(3, 0, 0, 5, 5)]),
    "a name in the folder above": lambda split: rewrite(split, f"../{split.name}/2.png", [(3, 0, 0, 5, 5)]),
    "an absolute name": lambda split: rewrite(split, str(split / "2.png"), [(3, 0, 0, 5, 5)]),
    "a name of 300 letters": lambda split: rewrite(split, "a" * 300 + ".png", [(3, 0, 0, 5, 5)]),
    "a name with a null character": lambda split: rewrite(split, "2.png\0", [(3, 0, 0, 5, 5)]),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_digit_struct_is_refused_by_name(split: Path, damage: Callable[[Path], object]) -> None:
    damage(split)
    with pytest.raises(DataError) as refusal:
        read_scenes(split)
    assert str(split / "digitStruct.mat") in str(refusal.value)


@pytest.mark.slow
def test_no_damage_to_a_digit_struct_escapes(split: Path) -> None:
    """Random bytes changed: the file is read, or refused as damaged; nothing else happens."""
    path = split / "digitStruct.mat"
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        damaged = np.frombuffer(whole, np.uint8).copy()
        damaged[rng.integers(512, len(damaged), 8)] = rng.integers(0, 256, 8)
        path.write_bytes(damaged.tobytes())
        try:
            read_scenes(split)
        except DataError:
            refused += 1
    assert refused > 10


@pytest.mark.parametrize("compress", [True, False], ids=["compressed", "plain"])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_crops(tmp_path: Path, count: int, compress: bool) -> None:
    images = np.random.default_rng(count).integers(0, 256, (count, 32, 32, 3), np.uint8)
    digits = [0, 9, 1, 5, 0][:count]
    write_crops(tmp_path / "train_32x32.mat", images, digits, compress)
    crops, labels = read_crops(tmp_path / "train_32x32.mat")
    np.testing.assert_array_equal(crops, images)
    assert labels.tolist() == digits, "label 10 is the digit 0"
    assert (crops.dtype, labels.dtype) == (np.uint8, np.int32)
    assert crops.flags.c_contiguous


X, Y = np.zeros((32, 32, 3, 2), np.uint8), np.array([[1], [10]], np.uint8)

WRONG_CROPS: dict[str, dict[str, np.ndarray]] = {
    "no X": {"y": Y},
    "no y": {"X": X},
    "X in doubles": {"X": X.astype(float), "y": Y},
    "N first": {"X": X.transpose(3, 0, 1, 2), "y": Y},
    "28 x 28": {"X": X[:28, :28], "y": Y},
    "grey": {"X": X[:, :, :1], "y": Y},
    "a label too many": {"X": X, "y": np.array([[1], [2], [3]], np.uint8)},
    "label 0": {"X": X, "y": np.array([[0], [1]], np.uint8)},
    "label 11": {"X": X, "y": np.array([[11], [1]], np.uint8)},
    "label 1.5": {"X": X, "y": np.array([[1.5], [1]])},
    "label NaN": {"X": X, "y": np.array([[np.nan], [1]])},
    "labels in letters": {"X": X, "y": np.array(["a", "b"])},
}


@pytest.mark.parametrize("content", WRONG_CROPS.values(), ids=WRONG_CROPS.keys())
def test_crops_that_are_not_official_are_refused_by_name(
    tmp_path: Path, content: dict[str, np.ndarray]
) -> None:
    path = tmp_path / "train_32x32.mat"
    savemat(path, content)
    with pytest.raises(DataError) as refusal:
        read_crops(path)
    assert str(path) in str(refusal.value)


def test_missing_and_foreign_crops_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "train_32x32.mat"
    with pytest.raises(DataError, match=r"train_32x32\.mat is missing"):
        read_crops(path)
    write_digit_struct(path, SCENES)  # MATLAB v7.3, the other format
    with pytest.raises(DataError) as refusal:
        read_crops(path)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize("compress", [True, False], ids=["compressed", "plain"])
def test_crops_cut_anywhere_are_refused_by_name(tmp_path: Path, compress: bool) -> None:
    path = tmp_path / "train_32x32.mat"
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    write_crops(path, images, [3, 0], compress)
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    for end in [*range(0, 300, 20), *rng.integers(300, len(whole) - 1, 20)]:
        path.write_bytes(whole[:end])
        with pytest.raises(DataError) as refusal:
            read_crops(path)
        assert str(path) in str(refusal.value)


@pytest.mark.slow
@pytest.mark.shared
def test_the_real_train_split(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data"
    boxes = json.loads((folder / "svhn" / "train_boxes.json").read_text())
    runpy.run_path(str(folder / "prepare.py"))["write_digit_struct"](tmp_path / "digitStruct.mat", boxes)
    for name in boxes:
        (tmp_path / f"{name}.png").symlink_to(folder / "svhn" / "train" / f"{name}.png")
    scenes = read_scenes(tmp_path)
    assert len(scenes) == 2029
    assert sum(len(scene.labels) for scene in scenes) == 4495
    for scene in scenes:
        official = boxes[scene.path.stem]
        assert scene.labels.tolist() == [digit[0] for digit in official]
        assert scene.boxes.tolist() == [digit[1:] for digit in official]
