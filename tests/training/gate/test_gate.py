"""Training the gate: what it is asked for, what it is shown, and a run in whole and interrupted."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from detector import DigitDetector
from detector.models.backend import Network
from detector.models.model_files import EMBEDDED, load_model
from detector.pipeline.gate import GATE_GRID
from detector.pipeline.loading import load_checked
from detector.results.interface import DetectOptions
from tests.training.interruption import finished_run, forget_setting, interrupted_after
from tests.training.official_files import write_tiny_data
from training.cli.main import main
from training.data.scenes import Image, LabelledImage
from training.engine.training_run import CHECKPOINT
from training.errors import ResumeError
from training.gate.recipe import GATE, GateTargetConfig, cell_targets
from training.gate.sampler import FOUND, MISSED, GateSampler, GateSources
from training.gate.train_gate import GateOutputs, measure, train_gate

TARGET = GateTargetConfig()
CENTRES = 8.0 * np.arange(12) + 2
"""Of the cells of a level, px."""

RECIPE = replace(
    GATE, steps=4, batch=3, patches=4, warmup=2, validate_every=2, average=0.5, rendered=10, kept=1.0
)


def asked_for(
    width: float, height: float, x: float = 50, y: float = 50
) -> tuple[NDArray[np.bool], NDArray[np.bool]]:
    box = np.array([[x - width / 2, y - height / 2, x + width / 2, y + height / 2]], np.float32)
    return cell_targets(CENTRES, CENTRES, box, TARGET)


@pytest.mark.parametrize(
    ("width", "height", "asked", "ignored"),
    [
        pytest.param(10, 20, True, True, id="a digit of this level, with a ring around it"),
        pytest.param(7, 14.6, True, True, id="a digit of 12 px reaches hardly more on the topmost level"),
        pytest.param(18, 36, True, True, id="the tallest of a level"),
        pytest.param(30, 30, True, True, id="as wide as high"),
        pytest.param(40, 30, False, True, id="wider than the window: of another level, but who knows"),
        pytest.param(6, 13, False, True, id="a little too small: either answer is fair"),
        pytest.param(3, 8, False, False, id="much too small: it belongs to no level or another"),
        pytest.param(40, 80, False, False, id="much too large"),
    ],
)
def test_which_digits_are_of_a_level(width: float, height: float, asked: bool, ignored: bool) -> None:
    through, left_out = asked_for(width, height)
    assert (through.any(), left_out.any()) == (asked, ignored)
    assert not (through.any(axis=0) & left_out).any()


@pytest.mark.parametrize("x", np.arange(40, 48, 0.5))
def test_a_digit_has_a_cell_wherever_it_stands(x: float) -> None:
    through, _ = asked_for(4, 16, x=x, y=50 + x / 7)
    assert 1 <= through.sum() <= 4


def picture_with_digit() -> LabelledImage:
    """A white block of 10 x 20 px, in an otherwise dark picture; it stands for a digit."""
    pixels = np.full((120, 160, 3), 30, np.uint8)
    pixels[40:60, 70:80] = 255
    return LabelledImage(pixels, np.array([[70, 40, 80, 60]], np.float32), np.array([FOUND], np.int32))


def dark(side: int) -> LabelledImage:
    return LabelledImage(
        np.full((side, side, 3), 30, np.uint8), np.empty((0, 4), np.float32), np.empty(0, np.int32)
    )


def test_cells_that_should_let_through_lie_on_the_digit() -> None:
    """The patch's brightest places and the target's agree, wherever and however large the digit is shown."""
    recipe = replace(GATE, batch=20, patches=2, scene_fraction=1.0, rendered_fraction=0.0, stretch=0.0)
    sampler = GateSampler(GateSources([picture_with_digit()], [], []), recipe)
    images, targets = sampler.batch(np.random.default_rng(0))
    assert images.shape == (40, 64, 64, 3)
    assert targets.shape == (40, 11, 11, 2)
    checked = 0
    for image, (through, weight) in zip(images, np.moveaxis(targets, -1, 1), strict=True):
        if through.sum():
            light = np.abs(image.mean(axis=2) - np.median(image))
            rows, columns = np.nonzero(light > light.max() / 2)
            cells = np.nonzero(through)
            for bright, places in zip((rows, columns), cells, strict=True):
                assert abs(bright.mean() + 0.5 - (GATE_GRID.field / 2 + 4 * places.mean())) < 4
            assert (weight[through == 1] == recipe.positive_weight).all()
            checked += 1
    assert checked >= 20


def test_a_digit_that_the_model_misses_counts_less() -> None:
    recipe = replace(GATE, batch=4, patches=2, scene_fraction=1.0, rendered_fraction=0.0)
    image = picture_with_digit()
    missed = LabelledImage(image.pixels, image.boxes, np.array([MISSED], np.int32))
    _, targets = GateSampler(GateSources([missed], [], []), recipe).batch(np.random.default_rng(0))
    assert set(targets[..., 1][targets[..., 0] == 1]) == {recipe.missed_weight}


def test_a_batch_is_a_function_of_the_generator() -> None:
    sampler = GateSampler(GateSources([picture_with_digit()], [dark(90)], [dark(200)]), GATE)
    first, again, other = (sampler.batch(np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert (first[0] != other[0]).any()


class Brightness(Network):
    """A gate that passes where it is bright."""

    parameter_count = 0

    def __call__(self, images: Image) -> NDArray[np.float32]:
        windows = np.lib.stride_tricks.sliding_window_view(images[..., 0], (24, 24), axis=(1, 2))[:, ::4, ::4]
        return windows[..., 8:16, 8:16].max(axis=(3, 4)).astype(np.float32)[..., None]


def test_what_a_gate_lets_through_is_measured() -> None:
    outputs = measure(Brightness(), [picture_with_digit(), dark(100)], TARGET)
    assert outputs.digits.tolist() == pytest.approx([255], abs=10)
    assert outputs.sides.tolist() == [20]
    assert outputs.passing(200) < 0.05
    assert outputs.passing(30) == 1


def test_the_threshold_lets_through_as_many_as_are_to_be_kept() -> None:
    digits = np.arange(1000, dtype=np.float32)
    outputs = GateOutputs(digits, digits, digits)
    for kept in (1.0, 0.999, 0.9):
        assert np.mean(digits >= outputs.threshold(kept)) >= kept
    assert outputs.threshold(1.0) == 0


class Runs(NamedTuple):
    data: Path
    whole: Path
    interrupted: Path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, untraced: None) -> Runs:
    """One run in one go, and one that is interrupted after its third step."""
    folder = tmp_path_factory.mktemp("gate")
    data = write_tiny_data(folder / "data")
    train_gate(RECIPE, None, data, folder / "whole")
    with interrupted_after(3):
        train_gate(RECIPE, None, data, folder / "interrupted")
    train_gate(RECIPE, None, data, folder / "interrupted")
    return Runs(data, folder / "whole", folder / "interrupted")


@pytest.mark.slow
def test_an_interrupted_run_ends_with_the_weights_of_one_that_was_not(runs: Runs) -> None:
    whole, again = (load_model(out)[0] for out in (runs.whole, runs.interrupted))
    assert len(whole.gate) == 27
    for array, other in zip(whole.gate, again.gate, strict=True):
        np.testing.assert_allclose(other, array, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_the_model_gets_the_gate_and_keeps_its_other_networks(runs: Runs) -> None:
    weights, manifest = load_model(runs.whole)
    embedded = load_model(EMBEDDED)[0]
    for name in ("fcn", "refiner"):
        for array, other in zip(getattr(weights, name), getattr(embedded, name), strict=True):
            np.testing.assert_array_equal(array, other)
    assert manifest.training["gate"]["command"].startswith("digit-detector-train gate --steps 4")
    assert manifest.int8 == {}, "those of the old gate are no part of the model"
    assert load_checked(runs.whole).info().parameter_count <= 1_000_000


@pytest.mark.slow
def test_the_gate_is_asked_unless_a_call_is_exhaustive(runs: Runs) -> None:
    detector = DigitDetector.load(runs.whole)
    image = (EMBEDDED.parent / "samples" / "svhn_train_981.png").read_bytes()
    assert detector.detect(image).stage_seconds["gate"] > 0
    assert "gate" not in detector.detect(image, DetectOptions(exhaustive=True)).stage_seconds


@pytest.mark.slow
def test_another_recipe_does_not_go_on_with_a_run(runs: Runs) -> None:
    with pytest.raises(ResumeError, match="other settings"):
        train_gate(replace(GATE, steps=5, rendered=10), None, runs.data, runs.whole)


def test_a_missing_model_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--model", str(tmp_path / "nowhere")]
    assert main(["gate", *options]) == 2
    assert "nowhere" in capsys.readouterr().err


@pytest.mark.parametrize("model", ["the embedded one", "of an earlier version"])
def test_a_finished_run_has_nothing_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    known = load_model(EMBEDDED)[1].sha256 if model == "the embedded one" else ""
    command = finished_run(tmp_path, replace(GATE, model=known))
    if not known:
        forget_setting(tmp_path / "out" / CHECKPOINT, "model")
    assert main(command) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_a_run_for_another_model_is_not_gone_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(finished_run(tmp_path, replace(GATE, model="0123"))) == 2
    assert "other settings (model was 0123, is " in capsys.readouterr().err


def test_the_recorded_command_names_the_model() -> None:
    assert replace(GATE, model="0123", rendered=5).arguments == " --model MODEL --rendered 5"
