"""The recipes are the published ones, and all of them are on the command line."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.training.tiny_data import write_mnist
from training.classifiers.datasets import DATASETS, on_dataset
from training.classifiers.layers import Conv, Dense, Dropout
from training.classifiers.recipes import ADAM, RECIPES, RMSPROP, SGD, HoldOut, NotesFigure, Optimizer
from training.classifiers.results_table import BEGIN, END
from training.classifiers.summary import count
from training.cli.classifiers import add_recipe_commands
from training.errors import TrainingError


@dataclass(frozen=True)
class Detector:
    name: str = "svhn-fcn"
    summary: str = "the detector's own"


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_recipe_commands(parser.add_subparsers(required=True).add_parser, Detector())
    arguments = parser.parse_args(words)
    code: int = arguments.run(arguments)
    return code


PUBLISHED = {  # data, optimiser, batch, epochs
    "mnist-mlp": ("mnist", RMSPROP, 64, 10),
    "mnist-cnn": ("mnist", RMSPROP, 64, 5),
    "mnist-cnn-same": ("mnist", RMSPROP, 64, 10),
    "cifar10-mlp": ("cifar10", SGD, 32, 5),
    "cifar10-cnn": ("cifar10", SGD, 32, 5),
    "cifar10-cnn-bn": ("cifar10", SGD, 32, 5),
    "cifar10-tutorial": ("cifar10", ADAM, 32, 10),
    "cifar10-dropout": ("cifar10", RMSPROP, 32, 20),
    "cats-dogs": ("cats-dogs", Optimizer("rmsprop", 1e-4), 20, 20),
    "cats-dogs-augmented": ("cats-dogs", Optimizer("rmsprop", 1e-4), 32, 120),
}


def test_recipes_are_the_published_ones() -> None:
    assert {r.name: (r.dataset, r.optimizer, r.batch, r.epochs) for r in RECIPES.values()} == PUBLISHED


def test_optimisers_have_keras_default_rates() -> None:
    assert (RMSPROP.learning_rate, SGD.learning_rate, ADAM.learning_rate) == (0.001, 0.01, 0.001)


def test_parts_that_set_recipes_apart() -> None:
    assert RECIPES["cifar10-dropout"].hold_out == HoldOut(5000, "first")
    assert {r.hold_out for r in RECIPES.values() if r.name != "cifar10-dropout"} == {HoldOut(5000, "last")}
    assert [r.name for r in RECIPES.values() if r.augmentation is not None] == ["cats-dogs-augmented"]
    assert [d.activation for d in RECIPES["cifar10-mlp"].layers if isinstance(d, Dense)] == ["selu"] * 3 + [
        "softmax"
    ]
    assert [d.rate for d in RECIPES["cifar10-dropout"].layers if isinstance(d, Dropout)] == [0.3, 0.4]
    assert [c.filters for c in RECIPES["cats-dogs"].layers if isinstance(c, Conv)] == [32, 64, 128, 128]


@pytest.mark.parametrize(
    ("figure", "told"),
    [
        pytest.param(NotesFigure("test", 0.9894, 0.9921), "test 0.9894-0.9921", id="a range"),
        pytest.param(NotesFigure("validation", 0.432, epoch=1), "validation 0.4320 (epoch 1)", id="an epoch"),
        pytest.param(
            NotesFigure("validation", 0.7, epoch=2, remark="about"),
            "validation 0.7000 (epoch 2; about)",
            id="both",
        ),
    ],
)
def test_figure_of_the_notes_reads_well(figure: NotesFigure, told: str) -> None:
    assert str(figure) == told


@pytest.mark.parametrize("name", [name for name in RECIPES if RECIPES[name].dataset != "cats-dogs"])
def test_ten_class_recipes_take_svhn(name: str) -> None:
    recipe = on_dataset(RECIPES[name], "svhn")
    assert recipe.hold_out.end == "last", "of SVHN's crops the first are the easier ones of extra"
    assert (recipe.dataset, recipe.notes, recipe.stop_at) == ("svhn", None, None)
    assert count(recipe.layers, DATASETS["svhn"].shape).layers[-1].output == (10,)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        pytest.param("cats-dogs", "svhn", "too small", id="32 px are nothing after four poolings"),
        pytest.param("cats-dogs-augmented", "svhn", "too small", id="likewise with dropout"),
        pytest.param("mnist-mlp", "cats-dogs", "10 classes apart, cats-dogs has 2", id="ten classes for two"),
    ],
)
def test_recipe_refuses_data_that_does_not_fit(name: str, data: str, reason: str) -> None:
    with pytest.raises(TrainingError, match=reason):
        on_dataset(RECIPES[name], data)


def test_list_shows_every_recipe_and_the_detector(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown] == [*RECIPES, "svhn-fcn"]
    assert all(RECIPES[line.split()[0]].summary in line for line in shown[:-1])


def test_list_names_are_the_classifiers(capsys: pytest.CaptureFixture[str]) -> None:
    run("list", "--names")
    assert capsys.readouterr().out.split() == list(RECIPES)


def test_list_names_what_svhn_fits(capsys: pytest.CaptureFixture[str]) -> None:
    run("list", "--names", "--dataset", "svhn")
    assert capsys.readouterr().out.split() == [name for name in RECIPES if not name.startswith("cats-dogs")]


def test_help_tells_what_we_chose(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run("cifar10-tutorial", "--help")
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert "from_logits=True" in shown
    assert "test 0.7030" in shown


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("mnist-mlp",), id="no folders"),
        pytest.param(("mnist-mlp", "--data", "d", "--out", "o", "--folds", "1"), id="one fold"),
        pytest.param(("mnist-mlp", "--data", "d", "--out", "o", "--epochs", "0"), id="no epochs"),
        pytest.param(("mnist-mlp", "--data", "d", "--out", "o", "--seed", "-1"), id="negative seed"),
        pytest.param(
            ("mnist-mlp", "--data", "d", "--out", "o", "--dataset", "cifar10"), id="other data than SVHN"
        ),
        pytest.param(("summary", "alexnet"), id="unknown recipe"),
        pytest.param(("download", "imagenet", "--data", "d"), id="unknown data"),
    ],
)
def test_wrong_usage_is_refused(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run(*words)
    assert end.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_table_needs_runs(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="--runs"):
        run("list", "--into", str(tmp_path / "page.md"))


@pytest.mark.slow
def test_command_trains_and_fills_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_mnist(tmp_path / "data")
    out = tmp_path / "runs" / "mnist-cnn"
    assert run("mnist-cnn", "--data", str(tmp_path / "data"), "--out", str(out), "--epochs", "1") == 0
    document = tmp_path / "page.md"
    document.write_text(f"# Before\n{BEGIN}\nold\n{END}\nafter\n")
    capsys.readouterr()
    assert run("list", "--runs", str(tmp_path / "runs"), "--into", str(document)) == 0
    written = document.read_text()
    assert "| mnist-cnn | 93,322 | 1 (1) |" in written
    assert written.startswith("# Before\n")
    assert written.endswith(f"{END}\nafter\n")
    assert "old" not in written
    assert capsys.readouterr().out.strip() in written
