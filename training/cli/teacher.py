"""`digit-detector-train teacher`: trains a large network, whose outputs are soft targets for the detector's own."""

import argparse
from dataclasses import replace
from pathlib import Path

from training.cli.options import AddParser, add_data, add_label_options, add_length, given, label_options
from training.engine.recipe import TrainingRecipe
from training.fcn.recipes import FCN_TEACHER
from training.refiner.recipes import REFINER_TEACHER


def add_teacher(add_parser: AddParser) -> None:
    """Add the command to the command line."""
    command = add_parser(
        "teacher",
        help="train a large teacher network for distillation",
        description="Trains a network too large to be shipped and writes it to --out, which --teacher of svhn-fcn and "
        "refiner takes. It asks for a machine with an accelerator, as Keras finds it. Killed and started again by "
        "the same command, it goes on where it was.",
    )
    students = command.add_subparsers(title="students", metavar="STUDENT", required=True)
    fcn = students.add_parser("svhn-fcn", help="a teacher of the FCN")
    _add_options(fcn, FCN_TEACHER)
    fcn.set_defaults(run=_train_fcn_teacher, resumes=True)
    refiner = students.add_parser("refiner", help="a teacher of the refiner")
    refiner.add_argument(
        "--fcn",
        type=Path,
        metavar="DIR",
        help="a model folder of svhn-fcn, whose FCN proposes (default: the embedded one)",
    )
    _add_options(refiner, REFINER_TEACHER)
    refiner.set_defaults(run=_train_refiner_teacher, resumes=True)


def _add_options(command: argparse.ArgumentParser, recipe: TrainingRecipe) -> None:
    add_data(command)
    command.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="where the teacher is written"
    )
    add_length(command, recipe)
    add_label_options(command)


def _train_fcn_teacher(args: argparse.Namespace) -> int:
    from training.distillation.teacher import train_fcn_teacher  # noqa: PLC0415 - Keras comes in with it
    from training.engine.training_run import is_finished  # noqa: PLC0415

    recipe = replace(FCN_TEACHER, **given(args, "steps", "seed"))
    if not is_finished(args.out, recipe):
        train_fcn_teacher(recipe, args.data, args.out, label_options(args))
    print(f"teacher: {args.out}")
    return 0


def _train_refiner_teacher(args: argparse.Namespace) -> int:
    from detector.models.model_files import EMBEDDED, load_model  # noqa: PLC0415
    from training.distillation.teacher import train_refiner_teacher  # noqa: PLC0415 - Keras comes in with it
    from training.engine.training_run import is_finished  # noqa: PLC0415

    weights, manifest = load_model(args.fcn or EMBEDDED)
    recipe = replace(REFINER_TEACHER, fcn=manifest.sha256, **given(args, "steps", "seed"))
    if not is_finished(args.out, recipe):
        train_refiner_teacher(recipe, weights.fcn, args.data, args.out, label_options(args))
    print(f"teacher: {args.out}")
    return 0
