"""`digit-detector-train svhn-fcn` and `refiner`: what they take and what they do."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from detector.cli.options import whole_number
from training.cli.label_options import add_label_options, label_options
from training.engine.distributed.placement import LOCAL, Placement
from training.errors import TrainingError
from training.fcn.fcn_recipe import SvhnFcnRecipe
from training.fine_tuning.fine_tuning_recipes import (
    REPLAY_FRACTION,
    VALIDATIONS,
    DistilledFcnFineTuning,
    DistilledRefinerFineTuning,
    FcnFineTuning,
    LongFcnFineTuning,
    LongRefinerFineTuning,
    RefinerFineTuning,
)
from training.fine_tuning.starting_model import EMBEDDED_NAME, StartingModel
from training.refiner.refiner_recipe import RefinerRecipe

if TYPE_CHECKING:
    import keras

    from training.distillation.teacher import Teacher
    from training.engine.distributed.workers import Workers
    from training.fine_tuning.fine_tune_fcn import Pictures

AddParser = Callable[..., argparse.ArgumentParser]
R = TypeVar("R")

NO_MODEL = "none"

SHORT, LONG = PRESETS = ("short", "long")


def add_svhn_fcn(add_parser: AddParser, data_help: str) -> None:
    """Add the command to the command line."""
    recipe = SvhnFcnRecipe()
    command = add_parser(
        recipe.name,
        help=recipe.summary,
        description="Trains the detector on --data and writes a model folder to --out, which --model of every other "
        "command takes. Killed and started again by the same command, it goes on where it was. With --init it "
        "fine-tunes: a model's FCN goes on learning, from a few dozen labelled pictures of your own or more, until "
        "validation gets no better; the model's refiner is kept. At the end it prints what that changed.",
    )
    _add_init_options(command, "FCN")
    command.add_argument(
        "--freeze",
        type=whole_number(0),
        metavar="N",
        help="with --init: so many convolutions, counted from the image, stay as they are "
        f"(default: {FcnFineTuning.freeze}; with --preset long {LongFcnFineTuning.freeze})",
    )
    _add_run_options(command, data_help, recipe, FcnFineTuning.steps, LongFcnFineTuning.steps)
    command.set_defaults(run=_train)


def add_refiner(add_parser: AddParser, data_help: str) -> None:
    """Add the command to the command line."""
    recipe = RefinerRecipe()
    command = add_parser(
        recipe.name,
        help=recipe.summary,
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
    _add_init_options(command, "refiner")
    command.add_argument(
        "--rendered",
        type=whole_number(0),
        metavar="N",
        help="learn also from N scenes of numbers and words, rendered with this machine's fonts "
        f"(default: {recipe.rendered}; with --init {RefinerFineTuning.rendered}, and with --preset long "
        f"{LongRefinerFineTuning.rendered})",
    )
    _add_run_options(command, data_help, recipe, RefinerFineTuning.steps, LongRefinerFineTuning.steps)
    command.set_defaults(run=_train_refiner)


def _add_init_options(command: argparse.ArgumentParser, network: str) -> None:
    command.add_argument(
        "--init",
        default=NO_MODEL,
        metavar="MODEL",
        help=f"fine-tune: the model whose {network} goes on learning, a folder, or '{EMBEDDED_NAME}', the one "
        "that comes with this package (default: %(default)s, a network that knows nothing yet)",
    )
    command.add_argument(
        "--preset",
        choices=PRESETS,
        help="with --init: short (default) for dozens of pictures; long for thousands: it learns for hours, with "
        "larger batches and larger changes of what is shown, and validation does not end it",
    )
    command.add_argument(
        "--teacher",
        type=Path,
        metavar="DIR",
        help="with --init: also learn what a large network says that `digit-detector-train teacher` has trained; "
        "otherwise as --preset long, in larger batches and for longer: for a machine with an accelerator",
    )
    command.add_argument(
        "--replay-data",
        type=Path,
        metavar="DIR",
        help="with --init: data of the kind that the model knows, such as SVHN; half of what is shown is cut from it, "
        "so that it is not forgotten, and the figures at the end tell by how much it is",
    )


def _add_run_options(
    command: argparse.ArgumentParser,
    data_help: str,
    recipe: SvhnFcnRecipe | RefinerRecipe,
    fine_tuning_steps: int,
    long_steps: int,
) -> None:
    command.add_argument("--data", type=Path, required=True, metavar="DIR", help=data_help)
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the model is written")
    command.add_argument(
        "--steps",
        type=whole_number(1),
        help=f"batches in all (default: {recipe.steps}; with --init {fine_tuning_steps}, and with --preset long "
        f"{long_steps})",
    )
    command.add_argument(
        "--seed",
        type=whole_number(0),
        default=recipe.seed,
        help="of everything random (default: %(default)s)",
    )
    _add_worker_options(command)
    add_label_options(command)


def _add_worker_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--workers",
        type=whole_number(1),
        default=1,
        metavar="N",
        help="processes that share each batch, on the machines of a Ray cluster; needs digit-detector[ray]. The "
        "figures do not depend on it, and a run may go on with another number (default: %(default)s, without Ray)",
    )
    command.add_argument(
        "--cpus-per-worker",
        type=whole_number(1),
        default=1,
        metavar="N",
        help="with --workers: what Ray sets apart for each, and TensorFlow's threads in it (default: %(default)s)",
    )
    command.add_argument(
        "--address",
        default=LOCAL,
        help="with --workers: of the Ray cluster, HOST:PORT, whose machines all must see --data and --out under the "
        "same paths (default: %(default)s, a cluster on this machine for this run)",
    )


def _train(args: argparse.Namespace) -> int:
    if _fine_tunes(args, freeze=args.freeze):
        from training.distillation.teacher import build_fcn_teacher  # noqa: PLC0415
        from training.fine_tuning.fine_tune_fcn import fine_tune  # noqa: PLC0415

        start = StartingModel.load(args.init, args.out)
        teacher = _teacher(args, build_fcn_teacher)
        kind = _kind(args, teacher, FcnFineTuning, LongFcnFineTuning, DistilledFcnFineTuning)
        recipe = kind(
            init=start.manifest.sha256,
            replay_fraction=_replay_fraction(args),
            **_given(args, "freeze"),
            **_chosen_length(args),
        )
        if not _is_fine_tuned(args, recipe):
            fine_tune(recipe, start, _pictures(args), args.out, teacher)
    else:
        from training.fcn.train_fcn import train  # noqa: PLC0415

        whole = SvhnFcnRecipe(**_chosen(args))
        folders = args.data.absolute(), args.out.absolute()
        _on_workers(args, whole, partial(train, whole, *folders, label_options(args)))
    print(f"model: {args.out}")
    return 0


def _train_refiner(args: argparse.Namespace) -> int:
    if _fine_tunes(args):
        from training.distillation.teacher import build_refiner_teacher  # noqa: PLC0415
        from training.fine_tuning.fine_tune_refiner import fine_tune_refiner  # noqa: PLC0415

        start = StartingModel.load(args.init, args.out)
        proposing = StartingModel.load(str(args.fcn), args.out) if args.fcn else start
        teacher = _teacher(args, build_refiner_teacher)
        kind = _kind(args, teacher, RefinerFineTuning, LongRefinerFineTuning, DistilledRefinerFineTuning)
        recipe = kind(
            init=start.manifest.sha256,
            fcn=proposing.manifest.sha256,
            replay_fraction=_replay_fraction(args),
            **_given(args, "rendered"),
            **_chosen_length(args),
        )
        if not _is_fine_tuned(args, recipe):
            fine_tune_refiner(recipe, start, proposing, _pictures(args), args.out, teacher)
    else:
        from training.refiner.train_refiner import train  # noqa: PLC0415

        whole = RefinerRecipe(**_given(args, "rendered"), **_chosen(args))
        folders = args.fcn and args.fcn.absolute(), args.data.absolute(), args.out.absolute()
        _on_workers(args, whole, partial(train, whole, *folders, label_options(args)))
    print(f"model: {args.out}")
    return 0


def _is_fine_tuned(args: argparse.Namespace, recipe: FcnFineTuning | RefinerFineTuning) -> bool:
    """Whether the run in --out is done and has been measured, which is said before any data is read."""
    from training.engine.resuming import is_finished  # noqa: PLC0415
    from training.fine_tuning.fine_tuning_report import reported  # noqa: PLC0415

    return is_finished(args.out, recipe, recipe.patience, also=lambda: reported(args.out))


def _on_workers(
    args: argparse.Namespace, recipe: SvhnFcnRecipe | RefinerRecipe, train: "Callable[[Workers], None]"
) -> None:
    """Trains in this process, or on so many workers as are asked for, unless the run in --out is done."""
    from training.engine.resuming import is_finished  # noqa: PLC0415

    placement = Placement(args.workers, args.cpus_per_worker, args.address)
    placement.check(recipe.batch)
    if is_finished(args.out, recipe):
        return
    if placement.workers == 1:
        from training.engine.distributed.workers import SINGLE_PROCESS  # noqa: PLC0415

        train(SINGLE_PROCESS)
    else:
        from training.engine.distributed.ray_train import train_on_ray  # noqa: PLC0415

        train_on_ray(train, placement)


def _fine_tunes(args: argparse.Namespace, **of_fine_tuning: object) -> bool:
    """Return whether a model is there to start from; only then may options of fine-tuning be given."""
    if args.init != NO_MODEL:
        if args.workers > 1:
            raise TrainingError("--workers is for training from nothing; fine-tuning, with --init, takes one")
        return True
    of_fine_tuning |= {
        "replay-data": args.replay_data,
        "preset": args.preset,
        "teacher": args.teacher,
    }
    for name, value in of_fine_tuning.items():
        if value is not None:
            raise TrainingError(
                f"--{name} is for fine-tuning: name the model to start from, as in --init {EMBEDDED_NAME}"
            )
    return False


def _pictures(args: argparse.Namespace) -> "Pictures":
    from training.fine_tuning.fine_tune_fcn import Pictures  # noqa: PLC0415

    return Pictures.load(args.data, args.replay_data, label_options(args), args.seed)


def _teacher(args: argparse.Namespace, build: "Callable[[], keras.Model]") -> "Teacher | None":
    from training.distillation.teacher import Teacher  # noqa: PLC0415

    return Teacher.load(args.teacher, build) if args.teacher else None


def _kind(
    args: argparse.Namespace,
    teacher: "Teacher | None",
    short: Callable[..., R],
    long: Callable[..., R],
    distilled: Callable[..., R],
) -> Callable[..., R]:
    """Which of a network's recipes the command line asks for; each makes one from its other settings."""
    if teacher:
        return partial(distilled, teacher=teacher.sha256)
    return long if args.preset == LONG else short


def _replay_fraction(args: argparse.Namespace) -> float:
    return REPLAY_FRACTION if args.replay_data else 0.0


def _given(args: argparse.Namespace, name: str) -> dict[str, Any]:
    """Return a recipe's setting, if the command line gives it."""
    value = getattr(args, name)
    return {} if value is None else {name: value}


def _chosen_length(args: argparse.Namespace) -> dict[str, Any]:
    """Return the same of a fine-tuning, which validates as often however long it is."""
    chosen = _chosen(args)
    return chosen | ({"validate_every": max(1, args.steps // VALIDATIONS)} if args.steps else {})


def _chosen(args: argparse.Namespace) -> dict[str, Any]:
    """Return the recipe's settings that the command line gives."""
    return {"seed": args.seed} | ({"steps": args.steps} if args.steps else {})
