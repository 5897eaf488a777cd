"""`digit-detector-train refiner`: trains the detector's second network, from nothing or from a model's."""

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

from detector.cli.options import whole_number
from training.cli.options import (
    AddParser,
    add_init_options,
    add_run_options,
    fine_tunes,
    fine_tuning_settings,
    given,
    label_options,
    train_on_workers,
)
from training.engine.recipe import LONG, SHORT
from training.refiner.recipes import FINE_TUNING, REFINER


def add_refiner(add_parser: AddParser) -> None:
    """Add the command to the command line."""
    command = add_parser(
        REFINER.name,
        help=REFINER.summary,
        description="Trains the refiner on what the FCN of --fcn proposes in --data, and writes a model folder "
        "with both networks to --out. Killed and started again by the same command, it goes on where it was. With "
        "--init it fine-tunes: a model's refiner goes on learning, until validation gets no better.",
    )
    command.add_argument(
        "--fcn",
        type=Path,
        metavar="DIR",
        help="a model folder of svhn-fcn (default: the model of --init; without that the embedded one)",
    )
    add_init_options(command, "refiner")
    command.add_argument(
        "--rendered",
        type=whole_number(0),
        metavar="N",
        help="learn also from N scenes of numbers and words, rendered with this machine's fonts "
        f"(default: {REFINER.rendered}; with --init {FINE_TUNING[SHORT].rendered}, and with --preset long "
        f"{FINE_TUNING[LONG].rendered})",
    )
    add_run_options(command, REFINER, FINE_TUNING)
    command.set_defaults(run=_run, resumes=True)


def _run(args: argparse.Namespace) -> int:
    if fine_tunes(args):
        _fine_tune(args)
    else:
        from detector.models.model_files import EMBEDDED, read_manifest  # noqa: PLC0415
        from training.refiner.train_refiner import train_refiner  # noqa: PLC0415 - Keras comes in with it

        fcn = read_manifest(args.fcn or EMBEDDED).sha256
        recipe = replace(REFINER, fcn=fcn, **given(args, "steps", "seed", "rendered"))
        folders = args.fcn and args.fcn.absolute(), args.data.absolute(), args.out.absolute()
        train_on_workers(args, recipe, partial(train_refiner, recipe, *folders, label_options(args)))
    print(f"model: {args.out}")
    return 0


def _fine_tune(args: argparse.Namespace) -> None:
    from training.distillation.teacher import Teacher, build_refiner_teacher  # noqa: PLC0415 - Keras comes in with it
    from training.engine.training_run import is_finished  # noqa: PLC0415
    from training.fine_tuning.fine_tune import fine_tune_refiner, is_reported  # noqa: PLC0415
    from training.fine_tuning.start import Pictures, StartingModel  # noqa: PLC0415

    start = StartingModel.load(args.init, args.out)
    proposing = StartingModel.load(str(args.fcn), args.out) if args.fcn else start
    teacher = Teacher.load(args.teacher, build_refiner_teacher) if args.teacher else None
    preset, settings = fine_tuning_settings(args, FINE_TUNING, teacher)
    settings |= given(args, "rendered")
    recipe = replace(preset, init=start.manifest.sha256, fcn=proposing.manifest.sha256, **settings)
    if not is_finished(args.out, recipe, also=lambda: is_reported(args.out)):
        pictures = Pictures.load(args.data, args.replay_data, label_options(args), args.seed)
        fine_tune_refiner(recipe, start, proposing, pictures, args.out, teacher)
