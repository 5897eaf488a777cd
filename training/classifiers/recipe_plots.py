"""Pictures of data and of runs, as PNG files, without a display."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from detector.results.detections import FloatArray, IntArray
from training.classifiers.datasets import Labelled
from training.classifiers.layers import Augmentation
from training.engine.plots import confusion_matrix, write_cells, write_png

RIGHT, WRONG = "blue", "red"

_GRID = (5, 8)

_LARGEST_ANNOTATED = 32

_SEED = 0


@dataclass(frozen=True, eq=False)
class RunPictures:
    """The data that a run's pictures are drawn from.

    Attributes:
        train: training images.
        test: test images.
        predicted: (N,) int32, the class predicted for each test image.
        classes: the classes' names.
        history: a row of figures for each epoch.
        confusion: (classes, classes) int64 counts, rows are the truth.
    """

    train: Labelled
    test: Labelled
    predicted: IntArray
    classes: Sequence[str]
    history: Sequence[dict[str, float]]
    confusion: NDArray[np.int64]


def write_run(
    folder: Path, run: RunPictures, augmentation: Augmentation | None, feature_maps: FloatArray | None
) -> None:
    """Write all pictures of a run into `folder`; those that it has no matter for are left out."""
    image = run.test.images[0]
    pictures = {
        "learning_curves": learning_curves(run.history),
        "samples": samples(run.train, run.classes),
        "edges": edges(image),
        "predictions": predictions(run.test, run.predicted, run.classes),
        "confusion": confusion_matrix(run.confusion, run.classes),
    }
    if augmentation is not None:
        pictures["augmented"] = augmented(run.train.images[0], augmentation)
    if feature_maps is not None:
        pictures["feature_maps"] = feature_map_grid(image, feature_maps)
    if max(image.shape[:2]) <= _LARGEST_ANNOTATED:
        pictures["pixel_values"] = pixel_values(image)
    for name, figure in pictures.items():
        write_png(folder / f"{name}.png", figure)


def learning_curves(history: Sequence[dict[str, float]]) -> Figure:
    """Accuracy and loss of training and validation by epoch.

    Args:
        history: a row for each epoch with `accuracy`, `val_accuracy`, `loss`, `val_loss`.
    """
    figure = Figure(figsize=(10, 4), layout="constrained")
    epochs = range(1, len(history) + 1)
    for axes, name in zip(figure.subplots(1, 2), ("accuracy", "loss"), strict=True):
        axes.plot(epochs, [row[name] for row in history], "o-", label="training")
        axes.plot(epochs, [row[f"val_{name}"] for row in history], "s-", label="validation")
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def samples(data: Labelled, classes: Sequence[str]) -> Figure:
    """Return a grid of images, drawn at random (always the same ones), with their labels."""
    chosen = data.select(_some(len(data)))
    titles = [(classes[label], "black") for label in chosen.labels]
    return _grid(list(chosen.images), titles)


def predictions(data: Labelled, predicted: IntArray, classes: Sequence[str]) -> Figure:
    """Return a grid of images with their true label: blue where it was predicted, else red with what was."""
    chosen = _some(len(data))
    titles = []
    for truth, guess in zip(data.labels[chosen], predicted[chosen], strict=True):
        right = bool(truth == guess)
        titles.append(
            (
                classes[truth] if right else f"{classes[truth]} (said {classes[guess]})",
                RIGHT if right else WRONG,
            )
        )
    return _grid(list(data.images[chosen]), titles)


def augmented(image: NDArray[np.uint8], augmentation: Augmentation) -> Figure:
    """Return the (H, W, C) image and random augmentations of it."""
    augmentations = augmentation.apply(np.stack([image] * 11), np.random.default_rng(_SEED))
    titles = [("the image", "black"), *[("", "black")] * len(augmentations)]
    return _grid([image, *augmentations], titles, columns=4)


def feature_map_grid(image: NDArray[np.uint8], maps: FloatArray) -> Figure:
    """Return the (H, W, C) image and the channels of its (H', W', filters) feature maps, each to its own scale."""
    channels = [maps[..., i] for i in range(maps.shape[-1])]
    titles = [("the image", "black"), *[(str(i), "black") for i in range(len(channels))]]
    return _grid([image, *channels], titles)


def edges(image: NDArray[np.uint8]) -> Figure:
    """Return the (H, W, C) image in grey, and what Sobel's filters find of vertical (x) and horizontal (y) edges."""
    grey = _grey(image)
    x, y = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3)
    return _grid(
        [grey, np.asarray(x), np.asarray(y)],
        [(t, "black") for t in ("grey", "Sobel x", "Sobel y")],
        columns=3,
    )


def pixel_values(image: NDArray[np.uint8]) -> Figure:
    """Draw a small (H, W, C) image in grey with every pixel's value, 0..255, written on it."""
    grey = _grey(image)
    figure = Figure(figsize=(10, 10))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(grey, cmap="gray", vmin=0, vmax=255)
    axes.axis("off")
    write_cells(axes, grey, dark=grey < 128, size=8)
    return figure


def _grid(
    images: Sequence[NDArray[Any]], titles: Iterable[tuple[str, str]], columns: int = _GRID[1]
) -> Figure:
    """Images side by side, each under its title (text, colour)."""
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(1.5 * columns, 1.7 * rows))
    for index, (image, (text, colour)) in enumerate(zip(images, titles, strict=True)):
        row, column = divmod(index, columns)
        # Placed by hand: matplotlib's own layouts take seconds for forty pictures.
        cell = figure.add_axes((column / columns, 1 - (row + 1) / rows, 0.96 / columns, 0.85 / rows))
        flat = image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image
        cell.imshow(flat, cmap=None if flat.ndim == 3 else "gray")
        cell.set_title(text, color=colour, fontsize=8)
        cell.axis("off")
    return figure


def _some(count: int) -> NDArray[np.intp]:
    """Return indices of images for a grid out of `count`, always the same."""
    rows, columns = _GRID
    return np.random.default_rng(_SEED).permutation(count)[: rows * columns]


def _grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if image.shape[-1] == 1:
        return image[..., 0]
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
