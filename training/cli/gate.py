"""`digit-detector-train gate`: what it takes and what it does."""

import argparse
from collections.abc import Callable
from pathlib import Path

from detector.cli.options import whole_number
from training.cli.label_options import add_label_options, label_options
from training.gate.recipe import GateRecipe

AddParser = Callable[..., argparse.ArgumentParser]


def add_gate(add_parser: AddParser, data_help: str) -> None:
    """Add the command to the command line."""
    recipe = GateRecipe()
    command = add_parser(
        recipe.name,
        help=recipe.summary,
        description="Trains a gate on the digits of --data, on those that the model finds beside them, and on "
        "rendered scenes, and writes the model with the gate to --out. Without a gate a model looks everywhere, "
        "which takes several times as long. Killed and started again by the same command, it goes on where it was.",
    )
    command.add_argument(
        "--model", type=Path, metavar="DIR", help="the model that gets the gate (default: the embedded one)"
    )
    command.add_argument("--data", type=Path, required=True, metavar="DIR", help=data_help)
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the model is written")
    command.add_argument(
        "--fonts", type=Path, metavar="DIR", help="fonts to render scenes in (default: this machine's)"
    )
    command.add_argument(
        "--rendered",
        type=whole_number(0),
        default=recipe.rendered,
        metavar="N",
        help="learn also from N rendered scenes of numbers and words (default: %(default)s)",
    )
    command.add_argument(
        "--steps", type=whole_number(1), default=recipe.steps, help="batches in all (default: %(default)s)"
    )
    command.add_argument(
        "--seed",
        type=whole_number(0),
        default=recipe.seed,
        help="of everything random (default: %(default)s)",
    )
    add_label_options(command)
    command.set_defaults(run=_train)


def _train(args: argparse.Namespace) -> int:
    from training.gate.training import train  # noqa: PLC0415 - Keras comes in with it

    recipe = GateRecipe(steps=args.steps, seed=args.seed, rendered=args.rendered)
    train(recipe, args.model, args.data, args.out, args.fonts, label_options(args))
    print(f"model: {args.out}")
    return 0
