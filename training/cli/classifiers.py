"""The classifiers' part of `digit-detector-train`: a command for each recipe, `list`, `summary`, `download`.

Importing this module imports no network library; a command that needs one does.
"""

import argparse
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from detector.cli.options import whole_number
from training.classifiers.datasets import DATASETS, fits, on_dataset
from training.classifiers.recipes import RECIPES, Recipe
from training.classifiers.results_table import detector_row, insert, read_rows, render, unmeasured
from training.classifiers.summary import count, count_fcn
from training.cli.options import AddParser
from training.data.download import CATALOGUE, fetch
from training.errors import TrainingError


class Listed(Protocol):
    """The detector's own recipe as `list` shows it, a dataclass beside the classifiers'."""

    @property
    def name(self) -> str:
        """Its command."""
        ...

    @property
    def summary(self) -> str:
        """One line."""
        ...


def add_recipe_commands(add_parser: AddParser, detector: Listed) -> None:
    """Add the commands; each sets `run`, which takes the parsed arguments and returns the exit code.

    `run` raises TrainingError with a message for the user.

    Args:
        add_parser: that of the action which `ArgumentParser.add_subparsers` returned.
        detector: the detector's own recipe, whose command is added elsewhere.
    """
    for recipe in RECIPES.values():
        _add_recipe(add_parser, recipe)
    _add_list(add_parser, detector)
    _add_summary(add_parser, detector)
    _add_download(add_parser)


def describe(recipe: Recipe) -> str:
    """Describe a recipe: optimizer, batches, epochs, its choices and what the notes report."""
    notes = recipe.notes
    optimizer = f"{recipe.optimizer.name} with learning rate {recipe.optimizer.learning_rate:g}"
    lines = [
        f"{recipe.summary}: {optimizer}, batches of {recipe.batch}, {recipe.epochs} epochs",
        *recipe.choices,
        f"the notes report {notes if notes is not None else 'nothing'}",
    ]
    return "\n".join(textwrap.fill(line, 100, initial_indent="- ", subsequent_indent="  ") for line in lines)


def _add_recipe(add_parser: AddParser, recipe: Recipe) -> None:
    parser = add_parser(
        recipe.name,
        help=recipe.summary,
        description=describe(recipe),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder with all data")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the run is written")
    _add_dataset(parser)
    parser.add_argument(
        "--epochs",
        type=whole_number(1),
        metavar="N",
        help=f"default: {recipe.epochs}; a longer run goes on where a shorter one ended",
    )
    parser.add_argument("--folds", type=whole_number(2), metavar="K", help="cross-validate; test is not read")
    parser.add_argument("--seed", type=whole_number(0), default=1, help="random seed (default: %(default)s)")
    parser.set_defaults(run=_train, recipe=recipe.name, resumes=True)


def _add_list(add_parser: AddParser, detector: Listed) -> None:
    parser = add_parser("list", help="show every recipe, or what finished runs reached")
    parser.add_argument("--names", action="store_true", help="print only the names, one per line")
    parser.add_argument("--dataset", choices=["svhn"], help="with --names: those that SVHN's crops fit")
    parser.add_argument("--runs", type=Path, metavar="DIR", help="a Markdown table of DIR/*/row.json instead")
    parser.add_argument(
        "--detector", type=Path, metavar="JSON", help="add the detector, as evaluate measured it"
    )
    parser.add_argument("--into", type=Path, metavar="FILE", help="put that table between the marks in FILE")
    parser.set_defaults(run=lambda arguments: _list(arguments, detector))


def _add_summary(add_parser: AddParser, detector: Listed) -> None:
    parser = add_parser("summary", help="count a model's parameters and multiply-adds by hand")
    names = [*RECIPES, detector.name]
    parser.add_argument("recipe", choices=names, metavar="RECIPE", help=", ".join(names))
    _add_dataset(parser)
    parser.set_defaults(run=_summarise)


def _add_download(add_parser: AddParser) -> None:
    parser = add_parser("download", help="fetch data from its official address and verify its checksum")
    parser.add_argument("what", choices=CATALOGUE, nargs="+", metavar="DATA", help=", ".join(CATALOGUE))
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="the folder that it goes into"
    )
    parser.set_defaults(run=_download)


def _add_dataset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dataset", choices=["svhn"], help="SVHN's official crops instead of the recipe's data"
    )


def _train(arguments: argparse.Namespace) -> int:
    recipe = _chosen(arguments)
    from training.classifiers.epoch_checkpoint import Run  # noqa: PLC0415
    from training.classifiers.fit import cross_validate, train  # noqa: PLC0415 # imports Keras

    run = Run(replace(recipe, epochs=arguments.epochs or recipe.epochs), arguments.seed)
    if arguments.folds is None:
        row = train(run, arguments.data, arguments.out)
    else:
        row = cross_validate(run, arguments.folds, arguments.data, arguments.out)
    print(render([row]))
    print(f"\nwritten to {arguments.out}")
    return 0


def _list(arguments: argparse.Namespace, detector: Listed) -> int:
    if arguments.runs is not None:
        return _tabulate(arguments, detector)
    if arguments.into is not None or arguments.detector is not None:
        raise TrainingError("--into and --detector need --runs: a table is made of finished runs")
    if arguments.names:
        names = [
            name for name in RECIPES if arguments.dataset is None or fits(RECIPES[name], arguments.dataset)
        ]
        print("\n".join(names))
        return 0
    for recipe in RECIPES.values():
        print(f"{recipe.name:<21}{recipe.dataset:<11}{recipe.summary}")
    print(f"{detector.name:<21}{'svhn':<11}{detector.summary}")
    return 0


def _tabulate(arguments: argparse.Namespace, detector: Listed) -> int:
    rows = read_rows(arguments.runs)
    if arguments.detector is not None:
        rows.append(detector_row(arguments.detector, detector.name, count_fcn().parameters))
    table = "\n\n".join(filter(None, [render(rows), unmeasured(rows)]))
    if arguments.into is not None:
        insert(arguments.into, table)
    print(table)
    return 0


def _summarise(arguments: argparse.Namespace) -> int:
    if arguments.recipe in RECIPES:
        recipe = _chosen(arguments)
        print(count(recipe.layers, DATASETS[recipe.dataset].shape))
    else:
        print(count_fcn())
    return 0


def _download(arguments: argparse.Namespace) -> int:
    for name in arguments.what:
        for file in CATALOGUE[name]:
            print(f"ready: {fetch(file, arguments.data)} (checksum from {file.source})", flush=True)
    return 0


def _chosen(arguments: argparse.Namespace) -> Recipe:
    """Return the named recipe on the data that is asked for."""
    recipe = RECIPES[arguments.recipe]
    return on_dataset(recipe, arguments.dataset) if arguments.dataset is not None else recipe
