"""Options that several commands share: how labels are read, how long a network trains, from what, and on what."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from detector.cli.options import whole_number
from training.data.labels.folder import LabelOptions
from training.data.labels.values import IGNORED
from training.engine.distributed.workers import LOCAL, SINGLE_PROCESS, Placement, Workers
from training.engine.recipe import (
    DISTILLED,
    LONG,
    REPLAY_FRACTION,
    SHORT,
    VALIDATIONS,
    FineTuningRecipe,
    TrainingRecipe,
)
from training.errors import TrainingError
from training.fine_tuning.start import EMBEDDED_NAME

if TYPE_CHECKING:
    from training.distillation.teacher import Teacher

AddParser = Callable[..., argparse.ArgumentParser]
F = TypeVar("F", bound=FineTuningRecipe)

NO_MODEL = "none"

DATA_HELP = (
    "the folder that holds svhn/ and the other parts, as officially laid out; or labels of your own, as COCO, YOLO, "
    "Pascal VOC or CSV"
)


def add_data(command: argparse.ArgumentParser, text: str = DATA_HELP) -> None:
    """Add --data."""
    command.add_argument("--data", type=Path, required=True, metavar="DIR", help=text)


def add_class_option(command: argparse.ArgumentParser) -> None:
    """Add --classes."""
    command.add_argument(
        "--classes",
        nargs="+",
        action="extend",
        default=[],
        type=_class,
        metavar="NAME=DIGIT",
        help=f"what digit a class is, beside the classes '0' to '9'; NAME={IGNORED} leaves its boxes out",
    )


def add_split_option(command: argparse.ArgumentParser) -> None:
    """Add --split, of the data that something is measured on."""
    command.add_argument(
        "--split",
        choices=("train", "val", "test", "extra"),
        help="default: test of SVHN; all images of labels of your own",
    )


def add_label_options(command: argparse.ArgumentParser) -> None:
    """Add --classes and --skip-bad."""
    add_class_option(command)
    command.add_argument(
        "--skip-bad", action="store_true", help="go on without the images whose labels have problems"
    )


def label_options(arguments: argparse.Namespace) -> LabelOptions:
    """Build the options from parsed arguments."""
    return LabelOptions(dict(arguments.classes), getattr(arguments, "skip_bad", False))


def _class(text: str) -> tuple[str, int | None]:
    name, _, digit = text.rpartition("=")
    if name and digit == IGNORED:
        return name, None
    if name and len(digit) == 1 and digit in "0123456789":
        return name, int(digit)
    raise argparse.ArgumentTypeError(f"{text!r} is not NAME=DIGIT, or NAME={IGNORED}")


def add_length(command: argparse.ArgumentParser, recipe: TrainingRecipe) -> None:
    """Add --steps and --seed, with a recipe's numbers for defaults."""
    command.add_argument(
        "--steps", type=whole_number(1), default=recipe.steps, help="batches in all (default: %(default)s)"
    )
    _add_seed(command)


def _add_seed(command: argparse.ArgumentParser) -> None:
    command.add_argument("--seed", type=whole_number(0), default=1, help="random seed (default: %(default)s)")


def add_init_options(command: argparse.ArgumentParser, network: str) -> None:
    """Add the options of fine-tuning."""
    command.add_argument(
        "--init",
        default=NO_MODEL,
        metavar="MODEL",
        help=f"fine-tune: the model whose {network} goes on learning, a folder, or '{EMBEDDED_NAME}', the one "
        "that comes with this package (default: %(default)s, an untrained network)",
    )
    command.add_argument(
        "--preset",
        choices=(SHORT, LONG),
        help="with --init: short (default) for dozens of pictures; long for thousands: it trains for hours, with "
        "larger batches and strong augmentation, and without early stopping",
    )
    command.add_argument(
        "--teacher",
        type=Path,
        metavar="DIR",
        help="with --init: also learn from the soft targets of a large network that `digit-detector-train teacher` "
        "has trained; otherwise as --preset long, in larger batches and for longer: for a machine with an accelerator",
    )
    command.add_argument(
        "--replay-data",
        type=Path,
        metavar="DIR",
        help="with --init: data of the kind that the model knows, such as SVHN; half of each batch is cut from it, "
        "so that it is not forgotten, and the figures at the end tell by how much it is",
    )


def add_run_options(
    command: argparse.ArgumentParser, recipe: TrainingRecipe, presets: Mapping[str, FineTuningRecipe]
) -> None:
    """Add the options of a run that trains from nothing or fine-tunes, on one worker or several."""
    add_data(command)
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the model is written")
    command.add_argument(
        "--steps",
        type=whole_number(1),
        help=f"batches in all (default: {recipe.steps}; with --init {presets[SHORT].steps}, and with --preset long "
        f"{presets[LONG].steps})",
    )
    _add_seed(command)
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
    add_label_options(command)


def fine_tunes(args: argparse.Namespace, **of_fine_tuning: object) -> bool:
    """Return whether --init names a model; only then may options of fine-tuning be given."""
    if args.init != NO_MODEL:
        if args.workers > 1:
            raise TrainingError("--workers is for training from nothing; fine-tuning, with --init, takes one")
        return True
    of_fine_tuning |= {"replay-data": args.replay_data, "preset": args.preset, "teacher": args.teacher}
    for name, value in of_fine_tuning.items():
        if value is not None:
            raise TrainingError(
                f"--{name} is for fine-tuning: name the model to start from, as in --init {EMBEDDED_NAME}"
            )
    return False


def fine_tuning_settings(
    args: argparse.Namespace, presets: Mapping[str, F], teacher: "Teacher | None"
) -> tuple[F, dict[str, Any]]:
    """Return the preset that is asked for, and the settings in which the run differs from it."""
    preset = presets[DISTILLED if teacher else args.preset or SHORT]
    settings = given(args, "steps", "seed") | {
        "teacher": teacher.sha256 if teacher else "",
        "replay_fraction": REPLAY_FRACTION if args.replay_data else 0.0,
    }
    if args.steps:  # validated as often, however long it is
        settings["validate_every"] = max(1, args.steps // VALIDATIONS)
    return preset, settings


def given(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Return the settings of a recipe that the command line gives."""
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def train_on_workers(
    args: argparse.Namespace, recipe: TrainingRecipe, train: Callable[[Workers], None]
) -> None:
    """Train in this process, or on as many workers as are asked for, unless the run in --out is done."""
    from training.engine.training_run import is_finished  # noqa: PLC0415 - Keras comes in with it

    placement = Placement(args.workers, args.cpus_per_worker, args.address)
    placement.check(recipe.batch)
    if is_finished(args.out, recipe):
        return
    if placement.workers == 1:
        train(SINGLE_PROCESS)
    else:
        from training.engine.distributed.ray_train import train_on_ray  # noqa: PLC0415 - Ray comes in with it

        train_on_ray(train, placement)
