"""`digit-detector-train teacher`: what it takes and what it does."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from detector.cli.options import whole_number
from detector.models.model_files import EMBEDDED, load_model
from training.cli.label_options import add_label_options, label_options
from training.distillation.teacher_recipes import FcnTeacherRecipe, RefinerTeacherRecipe

AddParser = Callable[..., argparse.ArgumentParser]


def add_teacher(add_parser: AddParser, data_help: str) -> None:
    """Add the command to the command line."""
    command = add_parser(
        "teacher",
        help="a large network, from which the detector's own learn",
        description="Trains a network too large to be shipped and writes it to --out, which --teacher of svhn-fcn and "
        "refiner takes. It asks for a machine with an accelerator, as Keras finds it. Killed and started again by "
        "the same command, it goes on where it was.",
    )
    pupils = command.add_subparsers(title="pupils", metavar="PUPIL", required=True)
    fcn = pupils.add_parser("svhn-fcn", help="a teacher of the FCN")
    _add_options(fcn, data_help, FcnTeacherRecipe.steps)
    fcn.set_defaults(run=_teach_fcn)
    refiner = pupils.add_parser("refiner", help="a teacher of the refiner")
    refiner.add_argument(
        "--fcn",
        type=Path,
        metavar="DIR",
        help="a model folder of svhn-fcn, whose FCN proposes (default: the embedded one)",
    )
    _add_options(refiner, data_help, RefinerTeacherRecipe.steps)
    refiner.set_defaults(run=_teach_refiner)


def _add_options(command: argparse.ArgumentParser, data_help: str, steps: int) -> None:
    command.add_argument("--data", type=Path, required=True, metavar="DIR", help=data_help)
    command.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="where the teacher is written"
    )
    command.add_argument(
        "--steps", type=whole_number(1), default=steps, help="batches in all (default: %(default)s)"
    )
    command.add_argument(
        "--seed", type=whole_number(0), default=1, help="of everything random (default: %(default)s)"
    )
    add_label_options(command)


def _teach_fcn(args: argparse.Namespace) -> int:
    from training.distillation.train_teacher import train_fcn_teacher  # noqa: PLC0415
    from training.engine.resuming import is_finished  # noqa: PLC0415

    recipe = FcnTeacherRecipe(**_length(args))
    if not is_finished(args.out, recipe):
        train_fcn_teacher(recipe, args.data, args.out, label_options(args))
    print(f"teacher: {args.out}")
    return 0


def _teach_refiner(args: argparse.Namespace) -> int:
    from training.distillation.train_teacher import train_refiner_teacher  # noqa: PLC0415
    from training.engine.resuming import is_finished  # noqa: PLC0415

    weights, manifest = load_model(args.fcn or EMBEDDED)
    recipe = RefinerTeacherRecipe(fcn=manifest.sha256, **_length(args))
    if not is_finished(args.out, recipe):
        train_refiner_teacher(recipe, weights.fcn, args.data, args.out, label_options(args))
    print(f"teacher: {args.out}")
    return 0


def _length(args: argparse.Namespace) -> dict[str, Any]:
    return {"steps": args.steps, "seed": args.seed}
