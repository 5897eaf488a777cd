"""Every classifier recipe: the models of the course notes, one frozen dataclass each.

To add a recipe, add an entry to `_ALL`: the command line, `list`, `summary` and the results table take it
from there. Convolutions are 3x3 with relu, poolings 2x2 max, hidden dense layers relu unless said; pixels are
scaled to 0..1. No network library is imported here.
"""

from dataclasses import dataclass
from typing import Literal

from training.classifiers.layers import Augmentation, BatchNorm, Conv, Dense, Dropout, Flatten, Layer, Pool

KERAS_DEFAULT_BATCH = 32


@dataclass(frozen=True)
class Optimizer:
    """An optimiser of Keras with its own defaults but for the learning rate."""

    name: Literal["rmsprop", "sgd", "adam"]
    learning_rate: float


RMSPROP = Optimizer("rmsprop", 0.001)
SGD = Optimizer("sgd", 0.01)
ADAM = Optimizer("adam", 0.001)


@dataclass(frozen=True)
class HoldOut:
    """Validation images taken from one end of train: `count` of them, but at most a tenth."""

    count: int
    end: Literal["first", "last"]


@dataclass(frozen=True)
class NotesFigure:
    """The accuracy that the notes report.

    Attributes:
        split: what it was measured on; like is compared with like.
        low: 0..1; the lower one, if they report several.
        high: 0..1; the higher one, or None.
        epoch: the epoch it belongs to; None if it is that of the model that was kept.
        remark: what else is to be known of it.
    """

    split: Literal["validation", "test"]
    low: float
    high: float | None = None
    epoch: int | None = None
    remark: str = ""

    def __str__(self) -> str:
        """For example "test 0.9894-0.9921 (epoch 5; about)"."""
        figure = f"{self.low:.4f}" + (f"-{self.high:.4f}" if self.high is not None else "")
        details = "; ".join(filter(None, [f"epoch {self.epoch}" if self.epoch else "", self.remark]))
        return f"{self.split} {figure}" + (f" ({details})" if details else "")


@dataclass(frozen=True)
class Recipe:
    """The recipe of one classifier.

    Attributes:
        name: the command's name.
        summary: one line.
        dataset: the data it was made for, a key of `datasets.DATASETS`.
        layers: the model, first to last.
        optimizer: with its learning rate.
        epochs: passes over the training images.
        notes: what the notes report, None if they do not train it.
        batch: images a step.
        hold_out: where validation comes from; ignored where the data has a validation split of its own.
        augmentation: of the training images, or None.
        stop_at: validation accuracy, 0..1, at which training ends early; None trains all epochs.
        choices: what the notes do not say, or get wrong, and we chose.
    """

    name: str
    summary: str
    dataset: str
    layers: tuple[Layer, ...]
    optimizer: Optimizer
    epochs: int
    notes: NotesFigure | None
    batch: int = KERAS_DEFAULT_BATCH
    hold_out: HoldOut = HoldOut(5000, "last")
    augmentation: Augmentation | None = None
    stop_at: float | None = None
    choices: tuple[str, ...] = ()


_TEN = Dense(10, "softmax")
_HELD_OUT = "the last 5,000 of train are held out, and the epoch that is best on them is kept"


def _pooled(*filters: int, padding: Literal["valid", "same"] = "valid") -> tuple[Layer, ...]:
    """Convolutions, each with a pooling after it."""
    return tuple(layer for count in filters for layer in (Conv(count, padding), Pool()))


def _twice(filters: int, *, normalised: bool) -> tuple[Layer, ...]:
    """Two 'same' convolutions, each normalised if asked for, and a pooling."""
    one: tuple[Layer, ...] = (Conv(filters, "same"), BatchNorm()) if normalised else (Conv(filters, "same"),)
    return (*one, *one, Pool())


def _double_cnn(*, normalised: bool) -> tuple[Layer, ...]:
    blocks = _twice(32, normalised=normalised) + _twice(64, normalised=normalised)
    return (*blocks, Flatten(), Dense(128), _TEN)


def _cats_dogs(*before_dense: Layer) -> tuple[Layer, ...]:
    return (*_pooled(32, 64, 128, 128), Flatten(), *before_dense, Dense(512), Dense(1, "sigmoid"))


_TUTORIAL = (*_pooled(32, 64), Conv(64), Flatten(), Dense(64), _TEN)

_ALL = (
    Recipe(
        name="mnist-mlp",
        summary="two hidden layers of 512 on MNIST",
        dataset="mnist",
        layers=(Flatten(), Dense(512), Dense(512), _TEN),
        optimizer=RMSPROP,
        epochs=10,
        batch=64,
        notes=None,
        choices=("not trained in the notes: optimiser, batch and epochs are ours", _HELD_OUT),
    ),
    Recipe(
        name="mnist-cnn",
        summary="three 'valid' convolutions on MNIST",
        dataset="mnist",
        layers=_TUTORIAL,
        optimizer=RMSPROP,
        epochs=5,
        batch=64,
        notes=NotesFigure("test", 0.9894, 0.9921),
        choices=(_HELD_OUT,),
    ),
    Recipe(
        name="mnist-cnn-same",
        summary="two 'same' convolutions on MNIST, best checkpoint",
        dataset="mnist",
        layers=(*_pooled(32, 64, padding="same"), Flatten(), Dense(64), _TEN),
        optimizer=RMSPROP,
        epochs=10,
        batch=64,
        notes=NotesFigure("test", 0.9920, remark="checkpoint chosen on the test set"),
        choices=(f"the notes choose the checkpoint on the test set; here {_HELD_OUT}",),
    ),
    Recipe(
        name="cifar10-mlp",
        summary="three hidden layers of 64 selu on CIFAR-10",
        dataset="cifar10",
        layers=(Flatten(), Dense(64, "selu"), Dense(64, "selu"), Dense(64, "selu"), _TEN),
        optimizer=SGD,
        epochs=5,
        notes=NotesFigure("validation", 0.4322, epoch=5),
        choices=("batch 32 and Keras's default initialisers", "the epoch that is best on validation is kept"),
    ),
    Recipe(
        name="cifar10-cnn",
        summary="two pairs of 'same' convolutions on CIFAR-10",
        dataset="cifar10",
        layers=_double_cnn(normalised=False),
        optimizer=SGD,
        epochs=5,
        notes=None,
        choices=("not trained in the notes: batch 32 and 5 epochs are ours", _HELD_OUT),
    ),
    Recipe(
        name="cifar10-cnn-bn",
        summary="cifar10-cnn with batch normalisation after each convolution's relu",
        dataset="cifar10",
        layers=_double_cnn(normalised=True),
        optimizer=SGD,
        epochs=5,
        notes=NotesFigure("validation", 0.6276, epoch=5, remark="0.6998 at best"),
        choices=("batch 32", _HELD_OUT),
    ),
    Recipe(
        name="cifar10-tutorial",
        summary="three 'valid' convolutions on CIFAR-10, TensorFlow's tutorial",
        dataset="cifar10",
        layers=_TUTORIAL,
        optimizer=ADAM,
        epochs=10,
        notes=NotesFigure("test", 0.7030),
        choices=(
            "the notes pair a softmax with from_logits=True, a mistake; here the loss takes probabilities",
            "batch 32",
            _HELD_OUT,
        ),
    ),
    Recipe(
        name="cifar10-dropout",
        summary="three 'same' convolutions with dropout on CIFAR-10, best checkpoint",
        dataset="cifar10",
        layers=(
            *_pooled(16, 32, 64, padding="same"),
            Dropout(0.3),
            Flatten(),
            Dense(500),
            Dropout(0.4),
            _TEN,
        ),
        optimizer=RMSPROP,
        epochs=20,
        hold_out=HoldOut(5000, "first"),
        notes=NotesFigure("validation", 0.4320, epoch=1),
        choices=("20 epochs; the notes stop after the first",),
    ),
    Recipe(
        name="cats-dogs",
        summary="four 'valid' convolutions on 2,000 photographs of cats and dogs",
        dataset="cats-dogs",
        layers=_cats_dogs(),
        optimizer=Optimizer("rmsprop", 1e-4),
        epochs=20,
        batch=20,
        notes=NotesFigure("validation", 0.71, epoch=20, remark="about"),
        choices=("the epoch that is best on the validation folder is kept",),
    ),
    Recipe(
        name="cats-dogs-augmented",
        summary="cats-dogs with dropout and random augmentation of each photograph",
        dataset="cats-dogs",
        layers=_cats_dogs(Dropout(0.5)),
        optimizer=Optimizer("rmsprop", 1e-4),
        epochs=120,
        augmentation=Augmentation(rotation_degrees=40, shift=0.2, shear_degrees=0.2, zoom=0.2, flip=True),
        stop_at=0.82,
        notes=NotesFigure("validation", 0.82, remark="about; 18 epochs, of which they say it should be 100"),
        choices=(
            "as many epochs as reach the notes' 0.82 on the validation folder, 120 at most, which are 7,560 batches: "
            "the 100 epochs of Chollet's book (Deep Learning with Python, 2018, section 5.2) are of 100 batches each",
            "shear is in degrees, ImageDataGenerator's unit; what a warp uncovers repeats the edge",
        ),
    ),
)

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _ALL}
"""Every classifier recipe by name, in the order of the table."""
