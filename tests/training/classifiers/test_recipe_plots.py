"""Every picture shows what it should, and is a PNG that another library reads."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.training.tiny_data import blocks, some_labels
from training.classifiers import recipe_plots
from training.classifiers.datasets import Labelled
from training.classifiers.recipes import RECIPES
from training.engine.plots import confusion_matrix

CLASSES = tuple("abcdefghij")
HISTORY = [
    {"accuracy": 0.5, "val_accuracy": 0.4, "loss": 1.5, "val_loss": 1.6, "cpu_seconds": 1.0},
    {"accuracy": 0.7, "val_accuracy": 0.6, "loss": 1.0, "val_loss": 1.1, "cpu_seconds": 1.0},
]


def data(count: int, side: int = 32, channels: int = 3) -> Labelled:
    labels = some_labels(count)
    return Labelled(blocks(labels, side, channels), labels)


def titles(figure: Figure) -> list[tuple[str, str]]:
    return [(axes.get_title(), str(axes.title.get_color())) for axes in figure.axes if axes.get_title()]


def pictures(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(image.get_array()) for axes in figure.axes for image in axes.images]


def test_learning_curves_are_the_history() -> None:
    accuracy, loss = recipe_plots.learning_curves(HISTORY).axes
    assert [list(line.get_ydata()) for line in accuracy.lines] == [[0.5, 0.7], [0.4, 0.6]]
    assert [list(line.get_ydata()) for line in loss.lines] == [[1.5, 1.0], [1.6, 1.1]]
    assert list(accuracy.lines[0].get_xdata()) == [1, 2]
    assert [text.get_text() for text in accuracy.get_legend().get_texts()] == ["training", "validation"]


def test_samples_stand_under_their_labels() -> None:
    chosen = data(60)
    figure = recipe_plots.samples(chosen, CLASSES)
    shown = pictures(figure)
    assert len(shown) == 40
    for image, (title, _) in zip(shown, titles(figure), strict=True):
        row, column = divmod(CLASSES.index(title), 4)
        assert image[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8].min() == 255


def test_a_few_images_make_a_small_grid() -> None:
    assert len(pictures(recipe_plots.samples(data(3), CLASSES))) == 3


def test_predictions_are_blue_where_right_and_red_where_wrong() -> None:
    chosen = data(30)
    predicted = chosen.labels.copy()
    predicted[::3] = (predicted[::3] + 1) % 10
    told = titles(recipe_plots.predictions(chosen, predicted, CLASSES))
    assert [colour for _, colour in told].count("red") == 10
    for title, colour in told:
        if colour == "red":
            truth, guess = title[0], title[-2]
            assert title == f"{truth} (said {guess})"
            assert (CLASSES.index(truth) + 1) % 10 == CLASSES.index(guess)
        else:
            assert (colour, len(title)) == ("blue", 1)


def test_sobel_tells_the_edges_apart() -> None:
    upright = np.zeros((20, 20, 3), np.uint8)
    upright[:, 10:] = 200
    _, x, y = pictures(recipe_plots.edges(upright))
    assert np.unique(np.nonzero(x)[1]).tolist() == [9, 10]
    assert not y.any()
    _, x, y = pictures(recipe_plots.edges(upright.transpose(1, 0, 2)))
    assert not x.any()
    assert np.unique(np.nonzero(y)[0]).tolist() == [9, 10]


def test_confusion_matrix_has_every_count() -> None:
    counts = np.array([[7, 1], [2, 90]])
    (axes,) = confusion_matrix(counts, ("cats", "dogs")).axes
    assert [text.get_text() for text in axes.texts] == ["7", "1", "2", "90"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cats", "dogs"]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("true", "predicted")


def test_confusion_matrix_of_a_class_without_images() -> None:
    (image,) = pictures(confusion_matrix(np.array([[3, 0], [0, 0]]), ("cats", "dogs")))
    assert image.tolist() == [[1, 0], [0, 0]]


def test_pixel_values_are_the_pixels() -> None:
    image = data(1, 28, 1).images[0]
    (axes,) = recipe_plots.pixel_values(image).axes
    assert [int(text.get_text()) for text in axes.texts] == image.ravel().tolist()
    last = axes.texts[-1]
    assert last.get_position() == (27, 27)


def test_feature_maps_are_shown_one_by_one() -> None:
    maps = np.random.default_rng(0).random((5, 6, 10), np.float32)
    shown = pictures(recipe_plots.feature_map_grid(data(1).images[0], maps))
    assert len(shown) == 11
    np.testing.assert_array_equal(shown[4], maps[..., 3])


def test_augmented_views_stand_beside_the_image() -> None:
    augmentation = RECIPES["cats-dogs-augmented"].augmentation
    assert augmentation is not None
    image = data(1).images[0]
    shown = pictures(recipe_plots.augmented(image, augmentation))
    np.testing.assert_array_equal(shown[0], image)
    assert all(not np.array_equal(view, image) for view in shown[1:])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("side", "channels", "augmented", "maps", "missing"),
    [
        pytest.param(28, 1, False, False, {"augmented", "feature_maps"}, id="an MLP on grey digits"),
        pytest.param(150, 3, True, True, {"pixel_values"}, id="a CNN on photographs, too large for values"),
    ],
)
def test_a_run_s_pictures_are_png(
    side: int, channels: int, augmented: bool, maps: bool, missing: set[str], tmp_path: Path
) -> None:
    test = data(12, side, channels)
    run = recipe_plots.RunPictures(
        data(5, side, channels), test, test.labels, CLASSES, HISTORY, np.eye(10, dtype=np.int64)
    )
    augmentation = RECIPES["cats-dogs-augmented"].augmentation if augmented else None
    feature_maps = np.random.default_rng(0).random((5, 5, 4), np.float32) if maps else None
    recipe_plots.write_run(tmp_path, run, augmentation, feature_maps)
    all_names = {
        "learning_curves", "samples", "edges", "predictions", "confusion", "augmented", "feature_maps", "pixel_values"
    }  # fmt: skip
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.png" for name in all_names - missing}
    for path in tmp_path.iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")
        picture = cv2.imread(str(path))
        assert picture is not None
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 5, f"{path.name} is empty"
