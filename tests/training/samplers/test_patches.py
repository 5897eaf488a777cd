"""Patches: the picture and what is asked of it belong together, and chance is the caller's."""

import numpy as np
import pytest
from PIL import Image

from detector.images.decode import decode_image
from tests.training.official_files import REAL, TEST_DATA
from training.data.detector_data import PatchSources
from training.data.scenes import LabelledImage
from training.samplers import patches
from training.samplers.augmentation import Distortion
from training.samplers.patches import PatchConfig, PatchSampler

NO_PICTURES: list[np.ndarray] = []
NO_CROPS = np.empty((0, 32, 32, 3), np.uint8)
STRAIGHT = Distortion(angle=0, shear=0, stretch=0.1)


def sources(
    scenes: list[LabelledImage] | None = None,
    crops: np.ndarray = NO_CROPS,
    labels: list[int] | None = None,
    photos: list[np.ndarray] = NO_PICTURES,
    letters: list[np.ndarray] = NO_PICTURES,
) -> PatchSources:
    return PatchSources(
        [real_scene()] if scenes is None else scenes, crops, np.array(labels or [], np.int32), photos, letters
    )


def real_scene(name: str = "938.png") -> LabelledImage:
    boxes = np.array([(x, y, x + w, y + h) for _, x, y, w, h in REAL[name]], np.float32)
    labels = np.array([digit[0] for digit in REAL[name]], np.int32)
    return LabelledImage(decode_image((TEST_DATA / f"svhn_train_{name}").read_bytes()), boxes, labels)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves light, colour and sharpness as they are, so that pixels can be measured."""
    monkeypatch.setattr(patches, "vary_appearance", lambda patch, rng: patch)


def edges_of_white(patch: np.ndarray, row: int, column: int) -> list[float]:
    """Distances from a window's centre to the edges of the white bar around it, px."""
    light = patch.mean(axis=2) / 255
    y, x = 16 + 4 * row, 16 + 4 * column
    across, down = light[y - 1 : y + 1].mean(axis=0), light[:, x - 1 : x + 1].mean(axis=1)
    return [across[:x].sum(), down[:y].sum(), across[x:].sum(), down[y:].sum()]


@pytest.mark.parametrize("height", [15.6, 20.0, 27.0, 34.0])
@pytest.mark.parametrize(
    "box",
    [
        pytest.param((90, 70, 99, 88), id="18 px"),
        pytest.param((60, 50, 90, 110), id="60 px"),
        pytest.param((40, 20, 140, 200), id="180 px"),
    ],
)
@pytest.mark.usefixtures("plain")
def test_targets_lie_on_the_digits_pixels(box: tuple[int, int, int, int], height: float) -> None:
    """A white bar stands in for a digit: its edges in the patch are those asked for."""
    pixels = np.zeros((220, 200, 3), np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = 255
    scene = LabelledImage(pixels, np.array([box], np.float32), np.array([7], np.int32))
    config = PatchConfig(heights=(height, height), distortion=STRAIGHT)
    images, targets = PatchSampler(sources([scene]), config).batch(25, np.random.default_rng(0))
    checked = 0
    for image, target in zip(images, targets, strict=True):
        for row, column in np.argwhere(target[..., 4] == 1):
            asked = target[row, column, 5:]
            y, x = 16 + 4 * row, 16 + 4 * column
            if min(asked) < 1 or x < asked[0] + 1 or y < asked[1] + 1 or max(x + asked[2], y + asked[3]) > 71:
                continue  # cut by the patch's edge, or centred on a window that stands beside it
            assert edges_of_white(image, row, column) == pytest.approx(asked.tolist(), abs=0.3)
            assert target[row, column, 2] == 7
            checked += 1
    assert checked > 8


@pytest.mark.usefixtures("plain")
def test_each_crop_lies_exactly_under_its_window() -> None:
    """Crops of one colour each: the four corners show them, and only the windows there are asked."""
    crops = np.stack([np.full((32, 32, 3), 25 * label + 5, np.uint8) for label in range(10)])
    config = PatchConfig(crop_fraction=1.0)
    images, targets = PatchSampler(sources(crops=crops, labels=list(range(10))), config).batch(
        20, np.random.default_rng(0)
    )
    seen = set()
    for image, target in zip(images, targets, strict=True):
        asked = {(int(row), int(column)) for row, column in np.argwhere(target[..., 3] == 1)}
        assert asked == {(0, 0), (0, 10), (10, 0), (10, 10)}
        assert (target[..., 1] == target[..., 3]).all(), "the windows between are not asked for"
        assert not target[..., 4].any(), "a crop's exact box is not known"
        for row, column in asked:
            label = int(target[row, column, 2])
            assert (image[4 * row : 4 * row + 32, 4 * column : 4 * column + 32] == 25 * label + 5).all()
            seen.add(label)
        assert (image[32:40] == image[32, 32]).all(), "nothing of a crop is outside its window"
    assert len(seen) > 7


@pytest.mark.usefixtures("plain")
def test_photographs_and_words_are_background() -> None:
    photo = np.random.default_rng(0).integers(0, 100, (90, 120, 3), np.uint8)
    letter = np.full((40, 30, 3), 255, np.uint8)
    config = PatchConfig(photo_fraction=0.5, letter_fraction=0.5, letter_weight=0.4)
    images, targets = PatchSampler(sources(photos=[photo], letters=[letter]), config).batch(
        20, np.random.default_rng(0)
    )
    assert not targets[..., [0, 3, 4]].any()
    assert (targets[:10, ..., 1] == 1).all()
    assert targets[10:, ..., 1] == pytest.approx(0.4)
    assert images[:10].max() < 100
    assert all(image.max() > 200 for image in images[10:]), "letters are seen"


@pytest.mark.usefixtures("plain")
def test_scenes_are_pasted_into_photographs() -> None:
    photo = np.random.default_rng(0).integers(0, 100, (90, 120, 3), np.uint8)
    bar = LabelledImage(
        np.full((64, 32, 3), 255, np.uint8), np.array([[0, 0, 32, 64]], np.float32), np.array([7], np.int32)
    )
    config = PatchConfig(photo_fraction=0.0, photo_background=1.0)
    images, targets = PatchSampler(sources([bar], photos=[photo]), config).batch(20, np.random.default_rng(0))
    asked = targets[..., 3] == 1
    assert asked.any(axis=(1, 2)).sum() > 15
    assert (targets[asked][:, 2] == 7).all()
    assert all(image.max() > 100 and image.min() < 100 for image in images), "a bar and a photograph"


@pytest.mark.usefixtures("plain")
def test_a_random_patch_of_a_scene_is_shown_with_the_digits_that_are_there() -> None:
    """Most places of a large scene show nothing; where the white bar is seen at a fitting height, it is asked for."""
    pixels = np.zeros((300, 300, 3), np.uint8)
    pixels[20:44, 20:32] = 255
    scene = LabelledImage(pixels, np.array([[20, 20, 32, 44]], np.float32), np.array([7], np.int32))
    config = PatchConfig(random_fraction=1.0, distortion=STRAIGHT)
    images, targets = PatchSampler(sources([scene]), config).batch(200, np.random.default_rng(0))
    asked = targets[..., 3] == 1
    seen = images.max(axis=(1, 2, 3)) > 200
    assert seen.sum() > 15, "some from afar"
    assert 0 < asked.any(axis=(1, 2)).sum() < seen.sum() < 200
    assert not asked[~seen].any()
    assert (targets[asked][:, 2] == 7).all()


@pytest.mark.usefixtures("plain")
def test_which_digits_are_shown_may_be_chosen() -> None:
    scenes = [real_scene(), real_scene("5.png")]
    _, targets = PatchSampler(sources(scenes), PatchConfig(), lambda rng: (1, 0)).batch(
        8, np.random.default_rng(0)
    )
    wanted = scenes[1].labels[0]
    assert all((target[target[..., 4] == 1][:, 2] == wanted).any() for target in targets)


@pytest.mark.usefixtures("plain")
def test_small_photographs_are_enough() -> None:
    tiny = np.full((5, 9, 3), 99, np.uint8)
    images, _ = PatchSampler(sources(photos=[tiny]), PatchConfig(photo_fraction=1.0)).batch(
        4, np.random.default_rng(0)
    )
    assert images.shape == (4, 72, 72, 3)
    assert (images == 99).all()


def test_a_batch_holds_the_parts_it_should() -> None:
    crops = np.zeros((3, 32, 32, 3), np.uint8)
    photo = np.zeros((80, 80, 3), np.uint8)
    maker = PatchSampler(
        sources(crops=crops, labels=[1, 2, 3], photos=[photo], letters=[photo]), PatchConfig()
    )
    images, targets = maker.batch(64, np.random.default_rng(0))
    assert (images.shape, images.dtype) == ((64, 72, 72, 3), np.float32)
    assert (targets.shape, targets.dtype) == ((64, 11, 11, 9), np.float32)
    assert images.min() >= 0
    assert images.max() <= 255
    crop_patches = (targets[..., 3].sum(axis=(1, 2)) == 4) & ~targets[..., 4].any(axis=(1, 2))
    assert crop_patches.sum() == 8
    assert (targets[..., 1].max(axis=(1, 2)) < 1).sum() == 4, "words, whose weight is below 1"


def test_what_is_not_there_is_made_up_for_by_scenes() -> None:
    images, targets = PatchSampler(sources(), PatchConfig()).batch(32, np.random.default_rng(0))
    assert images.shape[0] == 32
    assert (targets[..., 4].any(axis=(1, 2))).sum() > 24, "nearly every patch has its digit"


def test_a_batch_is_a_function_of_its_random_generator() -> None:
    photo = np.asarray(Image.radial_gradient("L").convert("RGB"))
    everything = sources(
        crops=np.zeros((3, 32, 32, 3), np.uint8), labels=[1, 2, 3], photos=[photo], letters=[photo]
    )
    maker = PatchSampler(everything, PatchConfig())
    first = maker.batch(32, np.random.default_rng([1, 7]))
    maker.batch(5, np.random.default_rng([1, 8]))  # what was made between does not matter
    np.random.default_rng().random()
    again = maker.batch(32, np.random.default_rng([1, 7]))
    another = PatchSampler(everything, PatchConfig()).batch(32, np.random.default_rng([1, 7]))
    for images, targets in (again, another):
        np.testing.assert_array_equal(images, first[0])
        np.testing.assert_array_equal(targets, first[1])
    assert (maker.batch(32, np.random.default_rng([1, 9]))[0] != first[0]).any()


def test_sources_are_not_painted_on() -> None:
    scene = real_scene()
    photo = np.full((90, 90, 3), 128, np.uint8)
    before = scene.pixels.copy()
    PatchSampler(sources([scene], photos=[photo]), PatchConfig()).batch(40, np.random.default_rng(0))
    np.testing.assert_array_equal(scene.pixels, before)
    assert (photo == 128).all()
