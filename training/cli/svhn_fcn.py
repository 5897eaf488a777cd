"""`digit-detector-train svhn-fcn`: trains the detector's FCN, from nothing or from a model's."""

import argparse
from dataclasses import replace
from functools import partial

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
from training.fcn.recipes import FINE_TUNING, SVHN_FCN


def add_svhn_fcn(add_parser: AddParser) -> None:
    """Add the command to the command line."""
    command = add_parser(
        SVHN_FCN.name,
        help=SVHN_FCN.summary,
        description="Trains the detector on --data and writes a model folder to --out, which --model of every other "
        "command takes. Killed and started again by the same command, it goes on where it was. With --init it "
        "fine-tunes: a model's FCN goes on learning, from a few dozen labelled pictures of your own or more, until "
        "validation gets no better; the model's refiner is kept. At the end it prints what that changed.",
    )
    add_init_options(command, "FCN")
    command.add_argument(
        "--freeze",
        type=whole_number(0),
        metavar="N",
        help="with --init: so many convolutions, counted from the image, stay as they are "
        f"(default: {FINE_TUNING[SHORT].freeze}; with --preset long {FINE_TUNING[LONG].freeze})",
    )
    add_run_options(command, SVHN_FCN, FINE_TUNING)
    command.set_defaults(run=_run, resumes=True)


def _run(args: argparse.Namespace) -> int:
    if fine_tunes(args, freeze=args.freeze):
        _fine_tune(args)
    else:
        from training.fcn.train_fcn import train_fcn  # noqa: PLC0415 - Keras comes in with it

        recipe = replace(SVHN_FCN, **given(args, "steps", "seed"))
        folders = args.data.absolute(), args.out.absolute()
        train_on_workers(args, recipe, partial(train_fcn, recipe, *folders, label_options(args)))
    print(f"model: {args.out}")
    return 0


def _fine_tune(args: argparse.Namespace) -> None:
    from training.distillation.teacher import Teacher, build_fcn_teacher  # noqa: PLC0415 - Keras comes in with it
    from training.engine.training_run import is_finished  # noqa: PLC0415
    from training.fine_tuning.fine_tune import fine_tune_fcn, is_reported  # noqa: PLC0415
    from training.fine_tuning.start import Pictures, StartingModel  # noqa: PLC0415

    start = StartingModel.load(args.init, args.out)
    teacher = Teacher.load(args.teacher, build_fcn_teacher) if args.teacher else None
    preset, settings = fine_tuning_settings(args, FINE_TUNING, teacher)
    settings |= given(args, "freeze")
    recipe = replace(preset, init=start.manifest.sha256, **settings)
    if not is_finished(args.out, recipe, also=lambda: is_reported(args.out)):
        pictures = Pictures.load(args.data, args.replay_data, label_options(args), args.seed)
        fine_tune_fcn(recipe, start, pictures, args.out, teacher)
