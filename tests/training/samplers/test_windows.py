"""Windows for the refiner: the picture and what is asked of it belong together, and chance is the caller's."""

import shutil
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from safetensors.numpy import load_file, save

from detector.models.layers import REFINER_WINDOW
from detector.pipeline.detector import DigitDetector
from detector.results.detections import Detections, ImageDetections
from detector.results.interface import DetectOptions
from tests.training.data.labels.folders import Drawn, write_yolo
from tests.training.samplers.test_patches import real_scene
from training.data.detector_data import DetectorData, load_detector_data
from training.data.scenes import LabelledImage
from training.samplers import windows
from training.samplers.augmentation import Distortion
from training.samplers.proposals import Proposals, data_key, propose
from training.samplers.windows import WindowConfig, WindowSampler, WindowSources

NOTHING = Proposals(np.empty(0, np.int64), np.empty((0, 4), np.float32), np.empty(0, bool))
STRAIGHT = Distortion(angle=0, shear=0, stretch=0)
PHOTO = LabelledImage(
    np.full((200, 300, 3), 90, np.uint8), np.empty((0, 4), np.float32), np.empty(0, np.int32)
)


def proposals(boxes: list[tuple[float, ...]], hits: list[bool]) -> Proposals:
    return Proposals(np.zeros(len(boxes), np.int64), np.array(boxes, np.float32), np.array(hits))


def sources(**changes: object) -> WindowSources:
    plain = WindowSources(
        scenes=[real_scene()], scene_proposals=NOTHING, rendered=[], rendered_proposals=NOTHING,
        photos=[], photo_proposals=NOTHING, crops=np.empty((0, 32, 32, 3), np.uint8),
        crop_labels=np.empty(0, np.int32),
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


def only(part: str = "", **changes: object) -> WindowConfig:
    """A batch of nothing but one kind; of true digits if none is named."""
    names = ("hit", "miss", "near", "photo", "nowhere", "rendered", "crop")
    parts = {f"{name}_fraction": float(name == part) for name in names}
    return WindowConfig(**parts, **changes)  # type: ignore[arg-type]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves light, colour and sharpness as they are, so that pixels can be measured."""
    monkeypatch.setattr(windows, "vary_appearance", lambda window, rng: window)


def batch(given: WindowSources, config: WindowConfig, size: int = 20) -> tuple[np.ndarray, np.ndarray]:
    images, targets = WindowSampler(given, config).batch(size, np.random.default_rng(0))
    assert images.shape == (size, REFINER_WINDOW, REFINER_WINDOW, 3)
    assert targets.shape == (size, 1, 1, 9)
    return images, targets[:, 0, 0]


@pytest.mark.parametrize("height", [18, 60, 180])
@pytest.mark.usefixtures("plain")
def test_targets_lie_on_the_digits_pixels(height: int) -> None:
    """A white bar stands in for a digit: its edges in the window are those asked for."""
    box = (100, 40, 100 + height // 2, 40 + height)
    pixels = np.zeros((300, 300, 3), np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = 255
    bar = LabelledImage(pixels, np.array([box], np.float32), np.array([7], np.int32))
    images, targets = batch(sources(scenes=[bar]), only(distortion=STRAIGHT))
    middle = REFINER_WINDOW // 2
    checked = 0
    for image, target in zip(images, targets, strict=True):
        if not target[4]:
            continue  # shown too far off the middle
        light = image[..., 0] / 255
        across, down = (
            light[middle - 1 : middle + 1].mean(axis=0),
            light[:, middle - 1 : middle + 1].mean(axis=1),
        )
        seen = [across[:middle].sum(), down[:middle].sum(), across[middle:].sum(), down[middle:].sum()]
        assert seen == pytest.approx(target[5:].tolist(), abs=0.6)
        assert target[2] == 7
        checked += 1
    assert checked >= 18


def test_what_the_fcn_proposes_is_asked_for_by_what_it_is() -> None:
    scene = real_scene()
    digit = tuple(scene.boxes[0].tolist())
    beside = tuple((scene.boxes[0] - [12, 0, 12, 0]).tolist())
    given = sources(scene_proposals=proposals([digit, beside], [True, False]))
    _, hits = batch(given, only("hit"))
    assert (hits[:, 0] == 1).mean() > 0.9
    assert set(hits[hits[:, 3] == 1, 2]) == {1}
    _, misses = batch(given, only("miss"))
    assert (misses[:, 0] == 0).mean() > 0.9
    assert (misses[:, 1] == 1).any()


@pytest.mark.parametrize("part", ["photo", "nowhere"])
def test_photographs_hold_no_digits(part: str) -> None:
    given = sources(photos=[PHOTO], photo_proposals=proposals([(10, 10, 20, 30)], [False]))
    _, targets = batch(given, only(part))
    assert (targets[:, 0] == 0).all()
    assert (targets[:, 1] == 1).all()


def test_crops_ask_for_their_digit_but_not_for_a_box() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    _, targets = batch(sources(crops=crops, crop_labels=np.array([4, 9], np.int32)), only("crop"))
    assert (targets[:, :2] == 1).all()
    assert set(targets[:, 2]) == {4, 9}
    assert (targets[:, 3] == 1).all()
    assert (targets[:, 4] == 0).all()


@pytest.mark.parametrize(("part", "seen"), [(0.0, {250}), (1.0, {90}), (0.5, {250, 90})])
@pytest.mark.usefixtures("plain")
def test_windows_that_leave_their_image_show_its_edge_or_a_photograph(part: float, seen: set[int]) -> None:
    """As the detector sees the edge of an image, and the same image as a part of a street."""
    digit = LabelledImage(
        np.full((40, 20, 3), 250, np.uint8), np.array([[0, 0, 20, 40]], np.float32), np.array([6], np.int32)
    )
    images, _ = batch(sources(scenes=[digit], photos=[PHOTO]), only(photo_background=part))
    assert set(images[:, 0, 0].ravel().tolist()) == seen
    assert (images[:, REFINER_WINDOW // 2, REFINER_WINDOW // 2] == 250).all()


def test_kinds_without_a_source_are_replaced_by_digits() -> None:
    _, targets = batch(sources(), WindowConfig(near_fraction=0))
    assert (targets[:, 0] == 1).mean() > 0.8


def test_the_generator_decides_everything() -> None:
    maker = WindowSampler(sources(photos=[PHOTO]), WindowConfig())
    one, again, other = (maker.batch(16, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one[0], again[0])
    np.testing.assert_array_equal(one[1], again[1])
    assert (one[0] != other[0]).any()


def test_proposals_are_kept_and_made_anew_when_damaged(tmp_path: Path) -> None:
    detector, scenes, file = Counting(real_scene().boxes), [real_scene(), PHOTO], tmp_path / "p.safetensors"
    made = propose(detector.asked, scenes, file, "one")
    assert made.hits[made.images == 0].all()
    assert not made.hits[made.images == 1].any()
    kept = propose(detector.asked, scenes, file, "one")
    assert detector.calls == 2, "read from the file"
    np.testing.assert_array_equal(kept.boxes, made.boxes)
    np.testing.assert_array_equal(kept.hits, made.hits)
    file.write_bytes(file.read_bytes()[:50])
    again = propose(detector.asked, scenes, file, "one")
    np.testing.assert_array_equal(again.boxes, made.boxes)
    assert detector.calls == 4


@pytest.mark.parametrize("metadata", [{"key": "one"}, None], ids=["other images", "an earlier version"])
def test_proposals_of_other_images_are_made_anew(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    detector, file = Counting(real_scene().boxes), tmp_path / "p.safetensors"
    propose(detector.asked, [PHOTO, PHOTO, real_scene()], file, "one")
    file.write_bytes(save(load_file(file), metadata))
    made = propose(detector.asked, [real_scene()], file, "two")
    assert set(made.images.tolist()) == {0}
    assert made.hits.all()


class Counting:
    """A detector that finds the same boxes everywhere, and how often it was asked."""

    def __init__(self, boxes: np.ndarray) -> None:
        self.calls, self._boxes = 0, boxes

    @property
    def asked(self) -> DigitDetector:
        return self  # type: ignore[return-value]

    def detect(self, pixels: np.ndarray, options: DetectOptions) -> ImageDetections:
        self.calls += 1
        count = len(self._boxes)
        digits = Detections(self._boxes, np.zeros(count, np.int32), np.full(count, 0.9, np.float32))
        height, width = pixels.shape[:2]
        return ImageDetections(width, height, digits, (), "counting", "1")


def data(folder: Path, box: float = 6.0, images: int = 10, seed: int = 1) -> DetectorData:
    marks = [("4", (10.0, box, 16.0, 22.0))]
    write_yolo(folder, [Drawn(f"{number}.png", (40, 30), marks) for number in range(images)])
    return load_detector_data(folder, seed=seed)


def test_the_key_of_proposals_is_that_of_images_labels_and_what_is_rendered(tmp_path: Path) -> None:
    """So a repeated command with other data finds no proposals of the old one."""
    (tmp_path / "fonts").mkdir()
    shutil.copy(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", tmp_path / "fonts")
    one = data(tmp_path / "one")
    keys = [
        data_key(one, 1, 3),
        data_key(data(tmp_path / "moved", box=7.0), 1, 3),
        data_key(data(tmp_path / "fewer", images=9), 1, 3),
        data_key(load_detector_data(tmp_path / "one", seed=2), 1, 3),
        data_key(one, 2, 3),
        data_key(one, 1, 4),
        data_key(one, 1, 3, tmp_path / "fonts"),
    ]
    assert len(set(keys)) == len(keys)
    assert data_key(data(tmp_path / "again"), 1, 3) == keys[0]


@pytest.mark.usefixtures("plain")
def test_which_true_digits_are_shown_may_be_chosen() -> None:
    scene = real_scene()
    for chosen in range(len(scene.labels)):
        maker = WindowSampler(sources(), only(), lambda rng, digit=chosen: (0, digit))
        _, targets = maker.batch(6, np.random.default_rng(0))
        assert (targets[..., 2] == scene.labels[chosen]).all()
