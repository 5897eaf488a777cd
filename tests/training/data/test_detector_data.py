"""What training reads, and above all what it does not: the demo's images, validation's, any test's."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.official_files import (
    REAL,
    TEST_DATA,
    VALIDATION_NAMES,
    Digit,
    write_crops,
    write_split,
    write_tiny_data,
)
from training.data.detector_data import load_detector_data
from training.data.labelled_data import demo_names, is_validation
from training.data.scenes import Scene
from training.errors import DataError
from training.samplers import patches
from training.samplers.patches import PatchConfig, PatchSampler

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (99, 99, 99)
DIGITS: list[Digit] = [(4, 10, 10, 12, 24), (2, 24, 10, 12, 24)]
DEMO_NAME = "377.png"


def plain_picture(folder: Path, name: str, colour: tuple[int, int, int]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (60, 45), colour).save(folder / name)
    return folder / name


@pytest.fixture
def coloured(tmp_path: Path) -> Path:
    """Official files in which learnable images are grey, the demo's red, validation's green, tests' blue."""
    drafts = tmp_path / "drafts"
    colours = {"1.png": GREY, "2.png": GREY, DEMO_NAME: RED, VALIDATION_NAMES[0]: GREEN, "3.png": GREY}
    pictures = {name: (plain_picture(drafts, name, colour), DIGITS) for name, colour in colours.items()}
    data = tmp_path / "data"
    write_split(data / "svhn", "train", pictures)
    write_split(data / "svhn", "test", {"1.png": (plain_picture(drafts, "t.png", BLUE), DIGITS)})
    plain_picture(data / "backgrounds" / "train", "1.jpg", GREY)
    plain_picture(data / "backgrounds" / "test", "5.jpg", BLUE)
    plain_picture(data / "other_digits" / "train" / "7", "6.jpg", BLUE)  # cut from images that validate
    return data


def test_no_patch_shows_what_the_demo_validation_or_a_test_shows(
    coloured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patches, "vary_appearance", lambda patch, rng: patch)
    data = load_detector_data(coloured)
    config = PatchConfig(crop_fraction=0.0)  # a crop's patch is filled up with any colour
    images, _ = PatchSampler(data.sources, config).batch(150, np.random.default_rng(0))
    assert not [line for line in data.files if "other_digits" in line]
    assert np.ptp(images, axis=-1).max() < 20, "all is grey"
    assert len(data.sources.crops) == 3 * len(DIGITS)
    assert np.ptp(data.sources.crops.astype(int), axis=-1).max() == 0


def test_validation_is_what_is_held_out(coloured: Path) -> None:
    data = load_detector_data(coloured)
    assert [scene.path.name for scene in data.validation] == [VALIDATION_NAMES[0]]
    assert data.validation_labels.tolist() == [4, 2]
    assert (data.validation_crops == GREEN).all()
    assert data.counts == {
        "train_images": 3, "validation_images": 1, "digits": 6, "crops": 6, "photos": 1, "letters": 0,
    }  # fmt: skip


def test_the_demos_images_are_neither_learned_nor_validated() -> None:
    names = demo_names()
    assert DEMO_NAME in names
    assert 8 <= len(names) <= 12
    nothing = np.empty((0, 4), np.float32), np.empty(0, np.int32)
    assert not any(is_validation(Scene(Path(name), *nothing)) for name in names)


def test_one_image_in_ten_is_held_out_by_its_name() -> None:
    nothing = np.empty((0, 4), np.float32), np.empty(0, np.int32)
    held_out = [n for n in range(1, 2001) if is_validation(Scene(Path(f"/any/{n}.png"), *nothing))]
    assert 170 <= len(held_out) <= 230
    assert [f"{n}.png" for n in held_out[:3]] == list(VALIDATION_NAMES), "the same on every machine"


def test_optional_parts_are_named_if_missing(coloured: Path) -> None:
    data = load_detector_data(coloured)
    assert data.missing == ["svhn/extra/digitStruct.mat", "svhn/extra_32x32.mat", "letters"]


def test_optional_parts_are_used_if_there(coloured: Path, tmp_path: Path) -> None:
    extra = {DEMO_NAME: (plain_picture(tmp_path, "e.png", GREY), DIGITS)}  # extra has its own numbering
    write_split(coloured / "svhn", "extra", extra)
    plain_picture(coloured / "letters", "a.png", GREY)
    (coloured / "letters" / "README.txt").write_text("not a picture")
    data = load_detector_data(coloured)
    assert data.missing == []
    assert data.counts == {
        "train_images": 3, "validation_images": 1, "extra_images": 1, "digits": 8, "crops": 8, "photos": 1,
        "letters": 1,
    }  # fmt: skip
    assert len(data.sources.scenes) == 4
    assert data.sources.crop_labels.tolist() == [4, 2] * 4


def test_scenes_are_real_pixels_with_their_boxes(tmp_path: Path) -> None:
    data = load_detector_data(write_tiny_data(tmp_path))
    scenes = {len(scene.pixels): scene for scene in data.sources.scenes}
    scene = scenes[98]
    with Image.open(TEST_DATA / "svhn_train_1994.png") as picture:
        np.testing.assert_array_equal(scene.pixels, np.asarray(picture))
    assert scene.labels.tolist() == [6, 8]
    assert scene.boxes.tolist() == [[x, y, x + w, y + h] for _, x, y, w, h in REAL["1994.png"]]
    assert len(data.sources.scenes[1:3]) == 2


def test_a_few_images_of_any_name_are_enough(coloured: Path, tmp_path: Path) -> None:
    """Where no name is drawn for validation, the last image validates."""
    picture = plain_picture(tmp_path, "p.png", GREY)
    shutil.rmtree(coloured / "svhn")
    write_split(coloured / "svhn", "train", {f"{n}.png": (picture, DIGITS) for n in (1, 2, 3)})
    data = load_detector_data(coloured)
    assert [scene.path.name for scene in data.validation] == ["3.png"]
    assert data.counts["train_images"] == 2


@pytest.mark.parametrize("names", [["1.png"], [DEMO_NAME, "1.png"], [DEMO_NAME]], ids=str)
def test_too_few_images_are_refused(coloured: Path, tmp_path: Path, names: list[str]) -> None:
    picture = plain_picture(tmp_path, "p.png", GREY)
    shutil.rmtree(coloured / "svhn")
    write_split(coloured / "svhn", "train", dict.fromkeys(names, (picture, DIGITS)))
    with pytest.raises(DataError, match="too few labelled images"):
        load_detector_data(coloured)


@pytest.mark.parametrize("part", ["svhn/train/digitStruct.mat", "svhn/train_32x32.mat", "svhn/train/1.png"])
def test_what_is_needed_is_named_if_missing(coloured: Path, part: str) -> None:
    (coloured / part).unlink()
    with pytest.raises(DataError) as refusal:
        load_detector_data(coloured)
    assert Path(part).name in str(refusal.value)
    assert str(coloured / "svhn") in str(refusal.value)


@pytest.mark.parametrize("part", ["svhn/train/1.png", "backgrounds/train/1.jpg"])
def test_a_damaged_picture_is_named(coloured: Path, part: str) -> None:
    whole = (coloured / part).read_bytes()
    (coloured / part).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError) as refusal:
        load_detector_data(coloured).sources.scenes[0]
    assert str(coloured / part) in str(refusal.value)


def test_crops_of_other_images_are_refused(coloured: Path) -> None:
    """One crop too few, and every crop after it would be taken for another image's, validation's for learnable."""
    write_crops(coloured / "svhn" / "train_32x32.mat", np.zeros((9, 32, 32, 3), np.uint8), [1] * 9)
    with pytest.raises(DataError, match="do not list the same digits"):
        load_detector_data(coloured)
