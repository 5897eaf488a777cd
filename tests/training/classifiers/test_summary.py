"""Counting by hand against the published totals and against Keras."""

import pytest

from detector.models.architecture import build_fcn
from detector.models.layers import CHANNELS, RECEPTIVE_FIELD
from training.classifiers.datasets import DATASETS
from training.classifiers.layers import BatchNorm, Conv, Dense, Dropout, Flatten, Layer, Pool
from training.classifiers.recipes import RECIPES
from training.classifiers.summary import count, count_fcn
from training.errors import TrainingError

PUBLISHED_PARAMETERS = {
    "mnist-mlp": 669_706,
    "mnist-cnn": 93_322,
    "mnist-cnn-same": 220_234,
    "cifar10-mlp": 205_642,
    "cifar10-cnn": 591_274,
    "cifar10-cnn-bn": 592_042,
    "cifar10-tutorial": 122_570,
    "cifar10-dropout": 541_094,
    "cats-dogs": 3_453_121,
    "cats-dogs-augmented": 3_453_121,
}


def test_every_recipe_has_its_published_parameters() -> None:
    counted = {r.name: count(r.layers, DATASETS[r.dataset].shape).parameters for r in RECIPES.values()}
    assert counted == PUBLISHED_PARAMETERS


def test_published_parts() -> None:
    assert count(RECIPES["mnist-cnn"].layers, (28, 28, 1)).base_parameters == 55_744
    assert count(RECIPES["cifar10-cnn-bn"].layers, (32, 32, 3)).frozen == 384


@pytest.mark.parametrize(
    ("layer", "shape", "output", "parameters", "multiply_adds"),
    [
        pytest.param(
            Conv(64),
            (13, 13, 32),
            (11, 11, 64),
            18_496,
            11 * 11 * 9 * 32 * 64,
            id="valid loses a pixel a side",
        ),
        pytest.param(
            Conv(64, "same"), (13, 13, 32), (13, 13, 64), 18_496, 13 * 13 * 9 * 32 * 64, id="same keeps them"
        ),
        pytest.param(Pool(), (13, 12, 5), (6, 6, 5), 0, 0, id="an odd row falls away"),
        pytest.param(BatchNorm(), (4, 4, 32), (4, 4, 32), 128, 0, id="four a channel"),
        pytest.param(Dropout(0.5), (7,), (7,), 0, 0, id="dropout changes no shape"),
        pytest.param(Flatten(), (2, 3, 4), (24,), 0, 0, id="flatten multiplies"),
        pytest.param(Dense(10), (64,), (10,), 650, 640, id="a bias for each unit"),
    ],
)
def test_one_layer(
    layer: Layer, shape: tuple[int, ...], output: tuple[int, ...], parameters: int, multiply_adds: int
) -> None:
    (line,) = count([layer], shape).layers
    assert (line.output, line.parameters, line.multiply_adds) == (output, parameters, multiply_adds)


@pytest.mark.parametrize(
    ("stack", "fields"),
    [
        pytest.param([Conv(1), Conv(1)], [3, 5], id="each convolution adds two"),
        pytest.param([Conv(1), Pool(), Conv(1)], [3, 4, 8], id="after a pooling it adds four"),
        pytest.param([Pool(), Pool(), Conv(1)], [2, 4, 12], id="after two it adds eight"),
        pytest.param(
            [Conv(1), BatchNorm(), Flatten(), Dense(2)], [3, 3, None, None], id="dense layers see all"
        ),
    ],
)
def test_receptive_field(stack: list[Layer], fields: list[int | None]) -> None:
    assert [line.field for line in count(stack, (32, 32, 1)).layers] == fields


def test_arithmetic_is_what_it_says() -> None:
    for recipe in RECIPES.values():
        for line in count(recipe.layers, DATASETS[recipe.dataset].shape).layers:
            factors = line.arithmetic.replace("(", "").replace(")", "")
            assert set(factors) <= set("0123456789*+")
            assert (eval(line.arithmetic) if factors else 0) == line.parameters


def test_text_shows_arithmetic_and_totals() -> None:
    shown = str(count(RECIPES["mnist-cnn"].layers, (28, 28, 1)))
    for part in ("(3*3*32+1)*64 = 18,496", "11x11x64", "93,322", "55,744", "2,794,240", "18 px"):
        assert part in shown


def test_too_small_images_are_refused() -> None:
    with pytest.raises(TrainingError, match="4x4x1 are too small: nothing is left after layer 3"):
        count([Conv(8), Pool(), Conv(8)], (4, 4, 1))


@pytest.mark.slow
def test_detector_is_counted_like_keras_counts_it() -> None:
    counted, model = count_fcn(), build_fcn()
    assert counted.parameters == model.count_params()
    assert counted.frozen == sum(int(v.numpy().size) for v in model.non_trainable_variables)
    assert counted.field == RECEPTIVE_FIELD
    assert counted.layers[-1].output == (1, 1, CHANNELS)
