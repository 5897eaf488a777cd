"""Teachers: large networks whose outputs are soft targets for a student, beside the labels (Hinton et al. 2015).

They are trained like the detector's own networks, by `digit-detector-train teacher`, and never shipped.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Self

import keras
import numpy as np
from keras import layers

from detector.models.architecture import convolution, with_heads
from detector.models.layers import REFINER_WINDOW
from detector.models.model_files import Manifest, Weights, load_model, save_model
from detector.models.tensorflow_backend import Fcn, TensorFlowNetwork
from detector.pipeline.detector import DigitDetector
from detector.results.detections import FloatArray
from training.data.detector_data import DetectorData, load_detector_data
from training.data.labels.folder import LabelOptions
from training.engine.provenance import announce, record, write_file_list
from training.engine.recipe import TrainingRecipe
from training.engine.training_run import Batch, MakeBatch, Row, TrainingTask, train
from training.errors import TrainingError
from training.evaluation.validation import VALIDATED, validate
from training.fcn.recipes import FcnTeacherRecipe
from training.refiner.recipes import RefinerTeacherRecipe
from training.refiner.train_refiner import window_sources
from training.samplers.patches import ClassBalancedSampler, PatchSampler, with_rendered
from training.samplers.windows import WindowSampler


class Teacher:
    """A trained network whose outputs are soft targets.

    Args:
        model: the network with its weights.
        sha256: of those.
    """

    def __init__(self, model: keras.Model, sha256: str) -> None:
        self._model = model
        self.sha256 = sha256

    @classmethod
    def load(cls, folder: Path, build: Callable[[], keras.Model]) -> Self:
        """Read what `digit-detector-train teacher` wrote.

        Args:
            folder: its --out.
            build: its architecture.

        Raises:
            ModelError: if a file is missing, damaged, or not what the manifest says.
            TrainingError: if it is the teacher of another network.
        """
        weights, manifest = load_model(folder)
        model = build()
        try:
            model.set_weights(weights.fcn or weights.refiner)
        except ValueError as error:
            raise TrainingError(
                f"--teacher {folder}: no teacher of this network; `digit-detector-train teacher` trains one"
            ) from error
        return cls(model, manifest.sha256)

    def add_soft_targets(self, make_batch: MakeBatch) -> MakeBatch:
        """Return a maker of the same batches, with the teacher's soft targets added."""

        def make(step: int, rng: np.random.Generator) -> Batch:
            images, targets = make_batch(step, rng)
            return images, np.concatenate([targets, self._outputs(images)], axis=-1)

        return make

    def _outputs(self, images: FloatArray) -> FloatArray:
        """(B, rows, columns, 15), the teacher's outputs."""
        return np.asarray(self._model.predict_on_batch(images), np.float32)


def build_fcn_teacher() -> keras.Model:
    """Return the FCN's teacher: (B, H, W, 3) float32 RGB 0..255 -> (B, H', W', 15) float32, with the FCN's H' and W'.

    Its windows are the FCN's; its receptive field is larger than they are.
    """
    inputs = keras.Input((None, None, 3), name="rgb")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    x = convolution(x, 48, 4, strides=2)
    x = convolution(x, 64, 3)
    x = convolution(x, 96, 3)
    x = convolution(x, 224, 3, strides=2)
    for _ in range(3):
        x = _residual(x, 224)
    x = convolution(x, 224, 3)
    x = _residual(x, 224)
    x = convolution(x, 224, 3)
    x = convolution(x, 512, 1)
    return with_heads(inputs, x, "fcn_teacher")


def build_refiner_teacher() -> keras.Model:
    """Return the refiner's teacher: (B, 56, 56, 3) float32 RGB 0..255 -> (B, 1, 1, 15) float32."""
    inputs = keras.Input((REFINER_WINDOW, REFINER_WINDOW, 3), name="rgb")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    x = convolution(x, 64, 4, strides=2)  # 27 x 27
    x = _residual(x, 64)
    x = convolution(x, 128, 3, strides=2)  # 13 x 13
    for _ in range(3):
        x = _residual(x, 128)
    x = convolution(x, 256, 3, strides=2)  # 6 x 6
    for _ in range(3):
        x = _residual(x, 256)
    x = convolution(x, 512, 6)  # 1 x 1
    return with_heads(inputs, x, "refiner_teacher")


def _residual(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    """Two convolutions and a skip connection around them (He et al., 2016)."""
    within = convolution(x, filters, 3, padding="same")
    within = layers.Conv2D(filters, 3, padding="same", use_bias=False)(within)
    return layers.ReLU()(layers.Add()([x, layers.BatchNormalization()(within)]))


def train_fcn_teacher(
    recipe: FcnTeacherRecipe, data_dir: Path, out_dir: Path, options: LabelOptions | None = None
) -> None:
    """Train the FCN's teacher, or resume a run that was stopped.

    Args:
        recipe: how.
        data_dir: as for the FCN.
        out_dir: gets the teacher (the best by validation so far) beside the run's own files.
        options: how labels of one's own are read.

    Raises:
        DataError: if data is missing or damaged.
        ResumeError: if `out_dir` holds a run of another recipe.
    """
    data = load_detector_data(data_dir, options, recipe.seed)
    announce(data)
    sources = with_rendered(data.sources, recipe.rendered, recipe.seed)
    sampler = PatchSampler(sources, recipe.patches, _class_balanced(data))

    def detector(weights: list[FloatArray]) -> DigitDetector:
        return DigitDetector(TensorFlowNetwork(build_fcn_teacher(), weights), VALIDATED)

    _train(recipe, build_fcn_teacher, sampler, detector, Weights, data, out_dir)


def train_refiner_teacher(
    recipe: RefinerTeacherRecipe,
    fcn_weights: list[FloatArray],
    data_dir: Path,
    out_dir: Path,
    options: LabelOptions | None = None,
) -> None:
    """Train the refiner's teacher on what an FCN proposes, or resume a run that was stopped.

    Args:
        recipe: how.
        fcn_weights: of the FCN that proposes.
        data_dir: as for the FCN.
        out_dir: gets the teacher (the best by validation so far) beside the run's own files.
        options: how labels of one's own are read.

    Raises:
        DataError: if data is missing or damaged.
        ResumeError: if `out_dir` holds a run of another recipe.
    """
    data = load_detector_data(data_dir, options, recipe.seed)
    announce(data)
    fcn = Fcn(fcn_weights)
    sources = window_sources(DigitDetector(fcn, VALIDATED), data, recipe, out_dir / recipe.fcn[:12])
    sampler = WindowSampler(sources, recipe.windows, _class_balanced(data))

    def detector(refiner: list[FloatArray]) -> DigitDetector:
        network = TensorFlowNetwork(build_refiner_teacher(), refiner)
        return DigitDetector(fcn, VALIDATED, refiner=network)

    _train(recipe, build_refiner_teacher, sampler, detector, partial(Weights, []), data, out_dir)


def _train(
    recipe: TrainingRecipe,
    build: Callable[[], keras.Model],
    sampler: PatchSampler | WindowSampler,
    detector: Callable[[list[FloatArray]], DigitDetector],
    weights_of: Callable[[list[FloatArray]], Weights],
    data: DetectorData,
    out_dir: Path,
) -> None:
    def save(arrays: list[FloatArray], row: Row, seconds: float) -> None:
        manifest = Manifest(recipe.name, "", "", data.origin, record(recipe, data, row, seconds))
        save_model(out_dir, weights_of(arrays), manifest)
        write_file_list(data.files, out_dir)

    task = TrainingTask(
        build=build,
        make_batch=lambda _, rng: sampler.batch(recipe.batch, rng),
        validate=lambda arrays: validate(detector(arrays), data),
        save=save,
        images=len(data.validation),
    )
    train(recipe, task, out_dir)


def _class_balanced(data: DetectorData) -> ClassBalancedSampler:
    return ClassBalancedSampler([scene.labels for scene in data.learned])
