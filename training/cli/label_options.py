"""The options of how labels are read, for every command that reads them."""

import argparse

from training.data.labels.folder import LabelOptions
from training.data.labels.values import IGNORED


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
