"""Keras builds from each recipe what was counted by hand, and it trains."""

import numpy as np
import pytest

from tests.training.tiny_data import blocks, some_labels
from training.classifiers.datasets import DATASETS
from training.classifiers.keras_model import build, compile_model, to_float
from training.classifiers.recipes import RECIPES
from training.classifiers.summary import count

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", RECIPES)
def test_one_training_step(name: str) -> None:
    recipe = RECIPES[name]
    info = DATASETS[recipe.dataset]
    model = build(recipe.layers, info.shape)
    counted = count(recipe.layers, info.shape)

    assert [layer.output.shape[1:] for layer in model.layers] == [line.output for line in counted.layers]
    assert [layer.count_params() for layer in model.layers] == [line.parameters for line in counted.layers]
    assert sum(int(np.prod(v.shape)) for v in model.non_trainable_weights) == counted.frozen

    compile_model(model, recipe.optimizer)
    labels = some_labels(8, len(info.classes))
    images = to_float(blocks(labels, info.shape[0], info.shape[2]))
    before = [layer.get_weights() for layer in model.layers]
    loss, accuracy = model.train_on_batch(images, labels)

    chance = np.log(len(info.classes))  # the loss of a network that knows nothing yet
    assert 0.3 * chance < loss < 3 * chance
    assert accuracy * 8 == pytest.approx(round(accuracy * 8))
    for layer, old in zip(model.layers, before, strict=True):
        changed = [not np.array_equal(a, b) for a, b in zip(old, layer.get_weights(), strict=True)]
        assert any(changed) == bool(old), f"{layer.name} did not learn"


def test_probabilities() -> None:
    recipe = RECIPES["cifar10-mlp"]
    scores = build(recipe.layers, (32, 32, 3))(np.random.default_rng(0).random((5, 32, 32, 3), np.float32))
    np.testing.assert_allclose(np.sum(scores, axis=1), 1, atol=1e-5)


def test_names_are_the_same_in_every_build() -> None:
    recipe = RECIPES["cifar10-cnn-bn"]
    first, second = (build(recipe.layers, (32, 32, 3)) for _ in range(2))
    paths = [variable.path for variable in first.weights]
    assert paths == [variable.path for variable in second.weights]
    assert len(set(paths)) == len(paths)
