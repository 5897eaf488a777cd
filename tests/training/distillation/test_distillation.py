"""Teachers: their windows are their students', how they are trained, and what a student learns from them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf

from detector.models.architecture import build_fcn, build_refiner
from detector.models.layers import REFINER_WINDOW
from detector.models.model_files import EMBEDDED, Manifest, Weights, load_model, save_model
from detector.results.detections import FloatArray
from tests.training.interruption import interrupted_after
from tests.training.official_files import write_tiny_data
from training.cli.main import main
from training.distillation.teacher import (
    Teacher,
    build_fcn_teacher,
    build_refiner_teacher,
    train_fcn_teacher,
    train_refiner_teacher,
)
from training.engine.optimization import SOFT_TARGET_WEIGHT, detector_loss
from training.engine.training_run import Batch
from training.errors import TrainingError
from training.fcn.recipes import FCN_TEACHER
from training.fcn.recipes import FINE_TUNING as FCN_FINE_TUNING
from training.fine_tuning.fine_tune import fine_tune_fcn, fine_tune_refiner
from training.fine_tuning.start import Pictures, StartingModel
from training.refiner.recipes import FINE_TUNING as REFINER_FINE_TUNING
from training.refiner.recipes import REFINER_TEACHER
from training.samplers.targets import TARGET_CHANNELS

SHORT = {"steps": 2, "batch": 8, "warmup": 1, "validate_every": 1, "rendered": 4}


class Runs(NamedTuple):
    data: Path
    fcn: Path
    refiner: Path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, untraced: None) -> Runs:
    """Both teachers, each interrupted after its first step and started again."""
    folder = tmp_path_factory.mktemp("distillation")
    data = write_tiny_data(folder / "data")
    weights, manifest = load_model(EMBEDDED)
    fcn_recipe = replace(FCN_TEACHER, **SHORT)
    refiner_recipe = replace(REFINER_TEACHER, fcn=manifest.sha256, **SHORT)
    with interrupted_after(1):
        train_fcn_teacher(fcn_recipe, data, folder / "fcn")
    train_fcn_teacher(fcn_recipe, data, folder / "fcn")
    with interrupted_after(1):
        train_refiner_teacher(refiner_recipe, weights.fcn, data, folder / "refiner")
    train_refiner_teacher(refiner_recipe, weights.fcn, data, folder / "refiner")
    return Runs(data, folder / "fcn", folder / "refiner")


@pytest.mark.parametrize(
    ("student", "teacher", "shape"),
    [
        pytest.param(build_fcn, build_fcn_teacher, (72, 72), id="a patch"),
        pytest.param(build_fcn, build_fcn_teacher, (33, 47), id="an image with room to spare"),
        pytest.param(build_refiner, build_refiner_teacher, (REFINER_WINDOW, REFINER_WINDOW), id="a window"),
    ],
)
def test_a_teacher_has_outputs_for_its_students_windows(
    student: Callable[[], keras.Model], teacher: Callable[[], keras.Model], shape: tuple[int, int]
) -> None:
    given = (2, *shape, 3)
    assert teacher().compute_output_shape(given) == student().compute_output_shape(given)


@pytest.mark.slow
def test_a_teachers_folder_says_how_it_was_made(runs: Runs) -> None:
    for folder, command in ((runs.fcn, "teacher svhn-fcn"), (runs.refiner, "teacher refiner")):
        manifest = load_model(folder)[1]
        said = f"digit-detector-train {command} --steps 2 --seed 1 --data DIR --out DIR"
        assert manifest.training["command"] == said
        assert manifest.training["validation"]["step"] == 2
        assert (folder / "trained_on.txt").read_text().startswith("learn svhn/train/")


@pytest.mark.slow
def test_a_batch_gets_the_teachers_outputs(runs: Runs) -> None:
    teacher = Teacher.load(runs.fcn, build_fcn_teacher)
    images = np.random.default_rng(0).uniform(0, 255, (3, 40, 44, 3)).astype(np.float32)
    targets = np.ones((3, 3, 4, TARGET_CHANNELS), np.float32)

    def make(step: int, rng: np.random.Generator) -> Batch:
        assert step == 7
        return images, targets

    shown, distilled = teacher.add_soft_targets(make)(7, np.random.default_rng(0))
    model = build_fcn_teacher()
    model.set_weights(load_model(runs.fcn)[0].fcn)
    np.testing.assert_array_equal(shown, images)
    np.testing.assert_array_equal(distilled[..., :TARGET_CHANNELS], targets)
    np.testing.assert_allclose(distilled[..., TARGET_CHANNELS:], model(images, training=False), atol=1e-4)


def _some_target(rng: np.random.Generator) -> FloatArray:
    """Windows of every kind: asked for a digit and a box, for a digit alone, for none, and for nothing at all."""
    target = np.zeros((1, 2, 2, TARGET_CHANNELS), np.float32)
    target[..., 5:9] = rng.uniform(4, 12, (1, 2, 2, 4))
    target[0, 0, 0, :5] = 1, 1, 3, 1, 1
    target[0, 0, 1, :5] = 1, 1, 8, 1, 0
    target[0, 1, 0, 1] = 1
    return target


def test_a_student_that_equals_its_teacher_has_the_labels_alone_left_to_learn() -> None:
    rng = np.random.default_rng(1)
    target = _some_target(rng)
    teacher = rng.normal(0, 1, (1, 2, 2, 15)).astype(np.float32)
    said = tf.Variable(teacher)
    gradients = []
    for asked in (target, np.concatenate([target, teacher], axis=-1)):
        with tf.GradientTape() as tape:
            loss = detector_loss(tf.constant(asked), said)
        but_boxes = slice(0, 11)  # the IoU of equal boxes has no gradient
        gradients.append(tape.gradient(loss, said).numpy()[..., but_boxes])
    alone, distilled = gradients
    np.testing.assert_allclose(distilled, (1 - SOFT_TARGET_WEIGHT) * alone, atol=1e-5)
    assert np.abs(alone).max() > 0.1


@pytest.mark.parametrize(
    ("window", "channels", "pulled"),
    [
        pytest.param((0, 0), slice(0, 15), True, id="asked for everything"),
        pytest.param((0, 1), slice(11, 15), False, id="the box is not known"),
        pytest.param((1, 0), slice(1, 15), False, id="no digit to read or to box"),
        pytest.param((1, 0), slice(0, 1), True, id="whether there is a digit"),
        pytest.param((1, 1), slice(0, 15), False, id="not asked for anything"),
    ],
)
def test_where_soft_targets_count(window: tuple[int, int], channels: slice, pulled: bool) -> None:
    rng = np.random.default_rng(2)
    target, said = _some_target(rng), tf.Variable(rng.normal(0, 1, (1, 2, 2, 15)).astype(np.float32))
    gradients = []
    for teacher in rng.normal(0, 1, (2, 1, 2, 2, 15)).astype(np.float32):
        with tf.GradientTape() as tape:
            loss = detector_loss(tf.constant(np.concatenate([target, teacher], axis=-1)), said)
        gradients.append(tape.gradient(loss, said).numpy()[0, *window, channels])
    assert (np.abs(gradients[0] - gradients[1]) > 1e-6).any() == pulled


@pytest.mark.slow
def test_a_student_learns_from_the_teacher_that_its_manifest_names(runs: Runs, tmp_path: Path) -> None:
    start = StartingModel.load("embedded", tmp_path)
    pictures = Pictures.load(runs.data, None, None, 1)
    teacher = Teacher.load(runs.fcn, build_fcn_teacher)
    recipe = replace(
        FCN_FINE_TUNING["distilled"], init=start.manifest.sha256, teacher=teacher.sha256, **SHORT
    )
    fine_tune_fcn(recipe, start, pictures, tmp_path / "fcn", teacher)
    known = load_model(tmp_path / "fcn")[1].training["fcn"]
    assert known["recipe"]["teacher"] == load_model(runs.fcn)[1].sha256
    assert "--init embedded --teacher TEACHER --data" in known["command"]
    teacher = Teacher.load(runs.refiner, build_refiner_teacher)
    names = {"init": start.manifest.sha256, "fcn": start.manifest.sha256, "teacher": teacher.sha256}
    refiner_recipe = replace(REFINER_FINE_TUNING["distilled"], **names, **SHORT)
    fine_tune_refiner(refiner_recipe, start, start, pictures, tmp_path / "refiner", teacher)
    known = load_model(tmp_path / "refiner")[1].training["refiner"]
    assert known["recipe"]["teacher"] == load_model(runs.refiner)[1].sha256


def test_another_networks_teacher_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_tiny_data(tmp_path / "data")
    for command in ("svhn-fcn", "refiner"):
        said = [command, "--data", str(data), "--out", str(tmp_path / "out"), "--init", "embedded"]
        assert main([*said, "--teacher", str(EMBEDDED)]) == 2
        assert (
            "no teacher of this network; `digit-detector-train teacher` trains one" in capsys.readouterr().err
        )
    save_model(tmp_path / "empty", Weights([]), Manifest("empty", "1", "", ""))
    with pytest.raises(TrainingError, match="empty: no teacher"):
        Teacher.load(tmp_path / "empty", build_fcn_teacher)
    assert not (tmp_path / "out").exists()
